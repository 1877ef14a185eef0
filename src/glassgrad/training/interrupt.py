"""Ctrl-C during training: finish the step at hand, keep the result."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

import numpy as np

__all__ = ["Interrupt"]

_HURRY = 1.0


class Interrupt:
    """While active, Ctrl-C sets a flag that the loop looks at after each step; one a second or more later raises.

    Keys pressed twice in a hurry are one wish, which must not cost the weights that the first press saves.

    Parameters
    ----------
    flag
        One byte, which engines look at too.
    """

    def __init__(self, flag: np.ndarray[Any, Any]) -> None:
        self.flag = flag
        self.seen = False
        self._seen_at = 0.0
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.seen and now - self._seen_at >= _HURRY:
            raise KeyboardInterrupt
        if not self.seen:
            self._seen_at = now
        self.seen = True
        self.flag[0] = 1
