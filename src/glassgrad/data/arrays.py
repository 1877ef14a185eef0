"""NumPy's own files, NPZ and NPY, to arrays; never with pickle.

An NPZ file names its arrays, and there is no standard for the names; the ones in common use are known here,
Keras's ``x_train``/``x_test`` among them.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.data.arraydata import Arrays
from glassgrad.data.checks import validate_arrays
from glassgrad.errors import DataError, did_you_mean

__all__ = ["arrays_of", "read_npy", "read_npz"]

_FEATURES = ("X", "x", "data", "images")
_TARGETS = ("y", "target", "targets", "labels")
_PAIRS = (("x_train", "y_train", "x_test", "y_test"), ("X_train", "y_train", "X_test", "y_test"))


def read_npz(path: Path, target: str | None = None) -> Arrays:
    """Read features and targets from an NPZ file.

    Parameters
    ----------
    path
        A file whose features are called ``X``, ``x``, ``data`` or ``images`` and whose targets are called
        ``y``, ``target``, ``targets`` or ``labels`` (or are absent); or ``x_train``, ``y_train``,
        ``x_test`` and ``y_test``.
    target
        The name of the array of targets, where it is another.

    Raises
    ------
    DataError
        Where the file is damaged, holds Python objects, lacks these names, or holds NaN or infinity.
    """
    arrays = _load_npz(path)
    for x_train, y_train, x_test, y_test in _PAIRS:
        if x_train in arrays:
            test = None
            if x_test in arrays:
                test = arrays_of(arrays[x_test], arrays.get(y_test), f"{path.name} (test)")
            return arrays_of(arrays[x_train], arrays.get(target or y_train), path.name, test)
    features = next((name for name in _FEATURES if name in arrays), None)
    if features is None:
        raise DataError(
            f"{path.name} has no array of features: it holds {', '.join(map(repr, sorted(arrays)))}.\n"
            "Call the features X (or x, data, images) and the targets y (or target, labels): "
            f"np.savez({path.name!r}, X=..., y=...)."
        )
    if target is not None and target not in arrays:
        raise DataError(f"{path.name} has no array {target!r}. {did_you_mean(target, arrays)}")
    name = target or next((name for name in _TARGETS if name in arrays), None)
    return arrays_of(arrays[features], None if name is None else arrays[name], path.name)


def read_npy(path: Path) -> Arrays:
    """Read features, without targets, from an NPY file.

    Raises
    ------
    DataError
        Where the file is damaged, holds Python objects, or holds NaN or infinity.
    """
    _check_magic(path, "NPY", (b"\x93NUMPY",))
    try:
        X = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        raise _unreadable(path, error) from None
    return arrays_of(X, None, path.name)


def arrays_of(X: NDArray[Any], y: NDArray[Any] | None, source: str, test: Arrays | None = None) -> Arrays:
    """Check a pair of arrays and say what they are.

    Samples of two dimensions or more, and bytes (uint8), are images: all their features share one scale.
    """
    X, y, _ = validate_arrays(X, y, source=source)
    images = X.ndim > 2 or X.dtype == np.uint8
    return Arrays(X, y, source, "images" if images else "array", test)


def _load_npz(path: Path) -> dict[str, NDArray[Any]]:
    _check_magic(path, "NPZ", (b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY"))
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise DataError(
                    f"{path.name} is not an NPZ archive.\nA single array belongs in an .npy file."
                )
            return {name: file[name] for name in file.files}
    except (ValueError, EOFError, OSError, KeyError, MemoryError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise _unreadable(path, error) from None


def _check_magic(path: Path, kind: str, beginnings: tuple[bytes, ...]) -> None:
    with open(path, "rb") as file:
        head = file.read(6)
    if not head:
        raise DataError(f"{path.name} is empty.\nSave the arrays anew: np.savez or np.save.")
    if not head.startswith(beginnings):
        raise DataError(
            f"{path.name} is no {kind} file, whatever its name says: it begins with {head!r}.\n"
            f"Rename it if it is of another format, or save the arrays with "
            f"{'np.savez' if kind == 'NPZ' else 'np.save'}."
        )


def _unreadable(path: Path, error: Exception) -> DataError:
    if "pickle" in str(error):
        return DataError(
            f"{path.name} holds Python objects, and reading those can run code: refused.\n"
            "Save plain numbers or text: X.astype(np.float32)."
        )
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(f"{path.name} cannot be read ({reason}).\nThe file may be cut off: write it anew.")
