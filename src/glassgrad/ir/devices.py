"""Where values lie: in the memory of the processor, which the Array API calls a device and asks for by name."""

from __future__ import annotations

from typing import Any

from glassgrad.errors import OptionError

__all__ = ["CPU", "require_cpu"]

CPU = "cpu"


def require_cpu(device: Any) -> None:
    """Refuse every device but the processor; None means it, too.

    Raises
    ------
    OptionError
        Where another one is named.

    Examples
    --------
    >>> require_cpu("cpu"), require_cpu(None)
    (None, None)
    >>> require_cpu("cuda")
    Traceback (most recent call last):
    glassgrad.errors.OptionError: there is no device 'cuda': glassgrad computes on the processor, device='cpu'
    """
    if device is not None and device != CPU:
        raise OptionError(
            f"there is no device {device!r}: glassgrad computes on the processor, device={CPU!r}"
        )
