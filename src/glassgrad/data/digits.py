"""The 1 797 handwritten digits that come with the package, so that the first command needs no download."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from glassgrad.data.arraydata import Arrays

__all__ = ["load_digits"]


def load_digits() -> Arrays:
    """Return the test part of UCI's Optical Recognition of Handwritten Digits (CC BY 4.0).

    Each image has 8×8 grey values 0 … 16; source and licence are in ``files/digits.LICENSE.md``.

    Examples
    --------
    >>> digits = load_digits()
    >>> digits.X.shape, digits.y.shape, digits.kind
    ((1797, 8, 8), (1797,), 'images')
    """
    with files("glassgrad.data").joinpath("files/digits.npz").open("rb") as file, np.load(file) as arrays:
        X, y = arrays["images"], arrays["labels"]
    return Arrays(X, y, "digits", "images", None, tuple("0123456789"))
