"""Data: from files and data frames to blocks of numbers, and back to class names and real units.

The names below are loaded when they are first used, because Polars and msgspec take longer to import than
the whole of glassgrad may.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassgrad.data.arraydata import Arrays
    from glassgrad.data.batching import ArrayBlocks, Block, Blocks, LazyBlocks, batches
    from glassgrad.data.checks import check_target_shape, validate_arrays
    from glassgrad.data.digits import load_digits
    from glassgrad.data.filters import drop_columns, where
    from glassgrad.data.preprocessing import Preprocessing
    from glassgrad.data.readers import read
    from glassgrad.data.schema import Schema, Task, infer, infer_task
    from glassgrad.data.split import Split, split_rows
    from glassgrad.data.steps import Report
    from glassgrad.data.table import Table

__all__ = [
    "ArrayBlocks",
    "Arrays",
    "Block",
    "Blocks",
    "LazyBlocks",
    "Preprocessing",
    "Report",
    "Schema",
    "Split",
    "Table",
    "Task",
    "batches",
    "check_target_shape",
    "drop_columns",
    "infer",
    "infer_task",
    "load_digits",
    "read",
    "split_rows",
    "validate_arrays",
    "where",
]

_MODULES = {
    "arraydata": ["Arrays"],
    "batching": ["ArrayBlocks", "Block", "Blocks", "LazyBlocks", "batches"],
    "checks": ["check_target_shape", "validate_arrays"],
    "digits": ["load_digits"],
    "filters": ["drop_columns", "where"],
    "preprocessing": ["Preprocessing"],
    "readers": ["read"],
    "schema": ["Schema", "Task", "infer", "infer_task"],
    "split": ["Split", "split_rows"],
    "steps": ["Report"],
    "table": ["Table"],
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
