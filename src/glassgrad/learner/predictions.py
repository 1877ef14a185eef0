"""What a learner says about rows: in class names and units, since nobody asked for logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Predictions"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a learner says about rows.

    Parameters
    ----------
    values
        (n,): class names, or quantities in the target's own units.
    probabilities
        (n, classes), in the order of `classes`; None for quantities.
    classes
        The names of the classes; empty for quantities.
    notes
        What a person should know, such as categories that training had not.
    """

    values: Array
    probabilities: NDArray[np.float64] | None
    classes: tuple[str, ...]
    notes: tuple[str, ...]
