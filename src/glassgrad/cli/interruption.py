"""Ctrl-C while a result is in memory and not yet on the disk: first save, then stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from glassgrad.training.callbacks import Callback

if TYPE_CHECKING:
    from glassgrad.training.run import Run

__all__ = ["Postponed"]


class Postponed(Callback):
    """From the first step of a training to the end of the block, Ctrl-C waits.

    Training has its own way with Ctrl-C, which ends it after the step at hand; this one guards what follows, and
    raises KeyboardInterrupt when the block is left.
    """

    def __init__(self) -> None:
        self._seen = False
        self._before: Any = None

    def __enter__(self) -> Postponed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        if self._seen and kind is None:
            raise KeyboardInterrupt

    def on_start(self, run: Run) -> None:
        """Begin to wait: before training there is nothing to save."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._seen = True
