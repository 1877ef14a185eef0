"""IDX files, the format of MNIST and its relatives, gzipped or not, one by one or as a folder."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from glassgrad.data.arraydata import Arrays
from glassgrad.data.arrays import arrays_of
from glassgrad.errors import DataError, ShapeError

__all__ = ["has_idx_files", "is_idx", "read_idx", "read_idx_folder"]

_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_NAME = re.compile(r"(images|labels)[-.]idx[13]", re.IGNORECASE)
_TEST = re.compile(r"t10k|test", re.IGNORECASE)


def is_idx(path: Path) -> bool:
    """Return whether a file begins as an IDX file does, after unzipping."""
    try:
        with _open(path) as file:
            magic = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in _TYPES and magic[3] > 0


def has_idx_files(folder: Path) -> bool:
    """Return whether a folder holds files with names such as ``train-images-idx3-ubyte.gz``."""
    return any(_NAME.search(path.name) for path in folder.iterdir())


def read_idx(path: Path) -> Arrays:
    """Read one IDX file of images, with the labels that lie beside it under the matching name.

    Raises
    ------
    DataError
        Where a file is damaged, or holds labels only.
    """
    images = _load(path)
    if images.ndim < 2:
        raise DataError(
            f"{path.name} holds {images.ndim}-dimensional data: labels, not images.\n"
            "Give the file of the images (its labels are found beside it), or the folder of both."
        )
    return _pair(path, _labels_beside(path), images)


def read_idx_folder(folder: Path) -> Arrays:
    """Read a folder of IDX files; files called ``t10k-…`` or ``test-…`` become the test set.

    Raises
    ------
    DataError
        Where training images are absent, or a file is damaged.

    Notes
    -----
    A file that lies there both gzipped and not is read once, unzipped.
    """
    images = {
        path.name.removesuffix(".gz"): path
        for path in sorted(folder.iterdir(), reverse=True)
        if _NAME.search(path.name) and "images" in path.name.lower()
    }
    test = [path for name, path in images.items() if _TEST.search(name)]
    train = [path for name, path in images.items() if not _TEST.search(name)]
    if len(train) > 1 or len(test) > 1 or not images:
        raise DataError(
            f"The folder {folder.name} must hold one IDX file of training images and at most one of test "
            f"images; found {len(train)} and {len(test)}.\n"
            "Names: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, …"
        )
    parts = [read_idx(path) for path in (*train, *test)]
    first = parts[0]
    if len(parts) == 2 and parts[1].feature_shape != first.feature_shape:
        raise ShapeError(
            f"Training images of {folder.name} have shape {first.feature_shape} and test images "
            f"{parts[1].feature_shape}: they must be equal."
        )
    held_out = parts[1] if len(parts) == 2 else None
    return replace(first, source=folder.name, test=held_out)


def _pair(path: Path, labels_path: Path | None, images: NDArray[Any]) -> Arrays:
    labels = None if labels_path is None else _load(labels_path)
    if labels is not None and labels.shape != images.shape[:1]:
        raise ShapeError(
            f"{path.name} holds {len(images)} images and {labels_path.name if labels_path else ''} has shape "
            f"{labels.shape}: one label for each image."
        )
    name = _labels_name(path) or "train-labels-idx1-ubyte"
    mend = f"Put the file of the labels, {name} (or {name}.gz), beside {path.name}."
    return replace(arrays_of(images, labels, path.name), give_targets=mend)


def _labels_name(path: Path) -> str:
    """Return the name of the labels that belong to a file of images, empty where it follows no custom."""
    images = path.name.removesuffix(".gz")
    labels = images.replace("images", "labels").replace("idx3", "idx1")
    return "" if labels == images else labels


def _labels_beside(path: Path) -> Path | None:
    name = _labels_name(path)
    if not name:
        return None
    return next((found for end in ("", ".gz") if (found := path.with_name(name + end)).is_file()), None)


def _open(path: Path) -> BinaryIO:
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else open(path, "rb")  # type: ignore[return-value]


def _load(path: Path) -> NDArray[Any]:
    try:
        with _open(path) as file:
            return _parse(path.name, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path.name} cannot be unzipped ({error}).\nThe file is cut off or damaged: fetch it again."
        ) from None


def _parse(name: str, file: BinaryIO) -> NDArray[Any]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or magic[3] == 0:
        raise DataError(
            f"{name} is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}.\n"
            "An IDX file begins with 00 00, a type and a number of dimensions."
        )
    kind, rank = np.dtype(_TYPES[magic[2]]), magic[3]
    sizes = file.read(4 * rank)
    shape = tuple(map(int, np.frombuffer(sizes[: len(sizes) // 4 * 4], dtype=">u4")))
    wanted = math.prod(shape) * kind.itemsize
    data = _read_at_most(file, wanted + 1) if len(shape) == rank else b""
    if len(shape) < rank or len(data) != wanted:
        found = f"{len(data)} bytes" if len(data) <= wanted else "more bytes"
        raise DataError(
            f"{name} promises an array of shape {shape} ({wanted} bytes) and holds {found}.\n"
            "The file is cut off or damaged: fetch it again."
        )
    return np.frombuffer(data, dtype=kind).astype(kind.newbyteorder("="), copy=False).reshape(shape)


def _read_at_most(file: BinaryIO, size: int) -> bytes:
    """Read up to ``size`` bytes without trusting that number: memory grows only with what is there."""
    parts = []
    while size > 0 and (part := file.read(min(size, 1 << 24))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
