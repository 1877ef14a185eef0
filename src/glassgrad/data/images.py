"""Folders of PNG or JPEG images, one sub-folder a class, or loose files to predict."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.data.arraydata import Arrays
from glassgrad.errors import DataError

__all__ = ["is_image", "read_image", "read_image_folder"]

_ENDINGS = {".png", ".jpg", ".jpeg"}
_TABLES = {".csv", ".tsv", ".parquet", ".npz", ".npy"}


def is_image(path: Path) -> bool:
    """Return whether a file's name is that of a PNG or JPEG image."""
    return path.suffix.lower() in _ENDINGS


def read_image(path: Path) -> Arrays:
    """Read one image, to predict it.

    Raises
    ------
    DataError
        Where the file is damaged.
    """
    return _arrays([path], None, path.name, (), (path.name,))


def read_image_folder(folder: Path) -> Arrays:
    """Read a folder of images of one size.

    Each sub-folder is a class, in alphabetical order; loose images have no targets. Grey images give
    X of shape (n, height, width); where any is coloured, all are read as (n, height, width, 3). Hidden files,
    such as the ``._1.png`` that macOS leaves beside ``1.png``, are passed over and noted.

    Raises
    ------
    DataError
        Where there are no images, loose ones beside sub-folders, different sizes, or a damaged file.
    """
    entries = sorted(folder.iterdir())
    folders = [path for path in entries if path.is_dir() and not _is_hidden(path)]
    classes = {path.name: sorted(path.iterdir()) for path in folders}
    hidden = [path for paths in (entries, *classes.values()) for path in paths if _is_hidden(path)]
    notes = (_passed_over(folder, hidden),) if hidden else ()
    loose = _images(entries)
    classes = {name: _images(paths) for name, paths in classes.items()}
    if loose and any(classes.values()):
        raise DataError(
            f"The folder {folder.name} holds {len(loose)} loose images beside sub-folders.\n"
            "For training put each image in the sub-folder of its class; for prediction leave all loose."
        )
    if loose:
        read = _arrays(loose, None, folder.name, (), tuple(path.name for path in loose))
        mend = "For training put the images into one sub-folder a class: cats/1.png, dogs/2.png, …"
        return replace(read, notes=notes, give_targets=mend)
    empty = [name for name, files in classes.items() if not files]
    if not classes or empty:
        tables = [path.name for path in entries if path.suffix.lower() in _TABLES and not _is_hidden(path)]
        if tables:
            raise DataError(
                f"The folder {folder.name} holds no images; it holds {', '.join(tables[:5])}.\n"
                f"Give the path of one file: {tables[0]}."
            )
        found = f"its sub-folder {empty[0]!r} holds none" if empty else "it holds none"
        raise DataError(
            f"The folder {folder.name} is read as PNG or JPEG images, one sub-folder a class; {found}.\n"
            "Other formats: IDX files called train-images-idx3-ubyte…, or one .csv, .parquet or .npz file."
        )
    files = [path for paths in classes.values() for path in paths]
    labels = np.repeat(np.arange(len(classes)), [len(paths) for paths in classes.values()])
    names = tuple(f"{path.parent.name}/{path.name}" for path in files)
    return replace(_arrays(files, labels, folder.name, tuple(classes), names), notes=notes)


def _images(paths: list[Path]) -> list[Path]:
    return [path for path in paths if path.is_file() and is_image(path) and not _is_hidden(path)]


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _passed_over(folder: Path, hidden: list[Path]) -> str:
    count = "1 hidden entry" if len(hidden) == 1 else f"{len(hidden)} hidden entries"
    return f"Passed over in the folder {folder.name}: {count}, such as {hidden[0].name}."


def _arrays(
    files: list[Path],
    labels: NDArray[np.int64] | None,
    source: str,
    class_names: tuple[str, ...],
    names: tuple[str, ...],
) -> Arrays:
    images = [_load(path, name) for path, name in zip(files, names, strict=True)]
    coloured = any(image.ndim == 3 for image in images)
    if coloured:
        images = [image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=-1) for image in images]
    for image, name in zip(images, names, strict=True):
        if image.shape != images[0].shape:
            raise DataError(
                f"Image {name} is {_size(image)} pixels and {names[0]} is {_size(images[0])}: "
                "all images must have one size.\nResize them before reading."
            )
    return Arrays(np.stack(images), labels, source, "images", None, class_names, names)


def _size(image: NDArray[Any]) -> str:
    return f"{image.shape[1]}×{image.shape[0]}"


def _load(path: Path, name: str) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with warnings.catch_warnings(), Image.open(path, formats=("PNG", "JPEG")) as image:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if image.mode.startswith(("I", "F")):
                raise DataError(
                    f"Image {name} has more than 8 bits a pixel (mode {image.mode}).\n"
                    "Save it with 8 bits, or save the array as NPZ."
                )
            grey = image.mode in ("1", "L", "LA")
            return np.asarray(image.convert("L" if grey else "RGB"), dtype=np.uint8)
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"Image {name} cannot be read ({reason}).\nThe file is damaged, or no PNG or JPEG image."
        ) from None
