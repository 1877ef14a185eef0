"""Programs compiled in these tests go into a cache of their own, which one run of the tests shares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder in which the native engine keeps what it compiles during the tests."""
    folder = tmp_path_factory.mktemp("native") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSGRAD_CACHE_DIR", str(folder))
        yield folder
