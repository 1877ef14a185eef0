"""Ctrl-C during training: finish the step at hand, keep the result."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

import numpy as np

__all__ = ["Interrupt"]


class Interrupt:
    """While active, the first Ctrl-C sets a flag that the loop looks at after each step; the second one raises.

    Parameters
    ----------
    flag
        One byte, which engines look at too.
    """

    def __init__(self, flag: np.ndarray[Any, Any]) -> None:
        self.flag = flag
        self.seen = False
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
        if self.seen:
            raise KeyboardInterrupt
        self.seen = True
        self.flag[0] = 1
