"""The errors glassgrad raises on purpose: each says what was given, what was expected and how to mend it.

They live below every other module so that any room can raise them, and they inherit from the built-in
exception a caller would already catch (``ValueError``, ``TypeError``, ``OSError``), so that code written
against NumPy keeps working. The command line prints their message alone, without a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CheckError",
    "ConversionError",
    "DTypeError",
    "DataError",
    "DegenerateWarning",
    "GlassgradError",
    "GraphError",
    "IndexingError",
    "ModelFileError",
    "NotFiniteError",
    "OptionError",
    "ShapeError",
    "TraceError",
    "TrainingError",
    "did_you_mean",
    "no_attribute",
]


class GlassgradError(Exception):
    """Base of every error raised on purpose; its message is one to three lines written for a person."""


class ShapeError(GlassgradError, ValueError):
    """Shapes that do not fit each other, an axis out of range, or a bad index."""


class IndexingError(ShapeError, IndexError):
    """An axis, a place or a mask that the array does not have."""


class ConversionError(ShapeError, TypeError):
    """An array that is not what Python would read it as: one number, or a sequence."""


class DTypeError(GlassgradError, TypeError):
    """A data type that the operation cannot take, or a gradient wanted where none exists."""


class DegenerateWarning(UserWarning):
    """A gradient that does not exist because eigenvalues or singular values coincide, or a loss reads a free phase."""


class GraphError(GlassgradError):
    """A graph that breaks one of the rules the verifier states."""


class TraceError(GlassgradError, TypeError):
    """A value that does not exist yet (it is being traced) was read as a number."""


class OptionError(GlassgradError, ValueError):
    """An option with an unknown name or a value outside its range."""


class DataError(GlassgradError, ValueError):
    """Data that cannot be used: a missing file, a bad cell, a wrong column."""


class ModelFileError(GlassgradError, OSError):
    """A model or checkpoint file that is truncated, corrupted, lying or of another version."""


class NotFiniteError(GlassgradError, FloatingPointError):
    """An operation made NaN or Inf out of finite numbers while `debug_nans` was looking."""


class CheckError(GlassgradError, ValueError):
    """A backward pass cannot be checked: a program does not run, or shows nothing that could be judged."""


class TrainingError(GlassgradError, ArithmeticError):
    """Training cannot go on, for example because the loss is not a number any more."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest known names, or all of them where none is near.

    Parameters
    ----------
    given
        The name somebody typed.
    known
        The names that exist.

    Returns
    -------
    str
        A sentence that ends an error message.

    Examples
    --------
    >>> did_you_mean("momentun", ["sgd", "adam", "momentum"])
    "Did you mean 'momentum'?"
    >>> did_you_mean("zzz", ["sgd", "adam"])
    "Known: 'adam', 'sgd'."
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(given, names, n=3, cutoff=0.6)
    if not near:
        near = [name for name in names if name.casefold() == given.casefold()]
    if near:
        return "Did you mean " + " or ".join(repr(name) for name in near[:2]) + "?"
    return "Known: " + ", ".join(repr(name) for name in names) + "."


def no_attribute(owner: str, name: str, known: Iterable[str]) -> AttributeError:
    """Return the error for a name that `owner` does not have, with the nearest public ones where some are near.

    Examples
    --------
    >>> no_attribute("glassgrad", "tensro", ["tensor", "trace"])
    AttributeError("glassgrad has no 'tensro'. Did you mean 'tensor'?")
    """
    hint = did_you_mean(name, (k for k in known if not k.startswith("_")))
    near = not name.startswith("_") and hint.startswith("Did")
    return AttributeError(f"{owner} has no {name!r}{f'. {hint}' if near else ''}")
