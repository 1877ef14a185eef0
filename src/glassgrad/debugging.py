"""Finding the operation that made the first NaN or Inf.

The watching itself is done in `glassgrad.graph.watch`: by what records operations on Tensors, by the sweeps, and for
programs by `glassgrad.engines.watched`, which replay what went wrong node by node.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from glassgrad.graph.watch import MaskedBranchWarning, Watch, watch_for_nans

__all__ = ["MaskedBranchWarning", "debug_nans"]


def debug_nans() -> AbstractContextManager[Watch]:
    """Raise an error inside where an operation makes NaN or Inf out of finite numbers, and tell which one did.

    The error names the operation (in the forward or the backward pass), its scope, the line of your code, and the
    values that went in at the place. An operation that is given NaN or Inf is not blamed for handing it on.

    - *Eagerly*, an elementwise operation's NaN is an error when anything but another elementwise operation reads it,
      when a backward pass starts, or when the context ends. Until then ``gg.where`` may leave it out: that is no
      error, because no gradient flows through a branch that is not taken, but a `MaskedBranchWarning`.
    - *Compiled functions and graphs* run as they are; where a result is not finite they run again node by node.
    - `gg.fit` (called inside, with any engine) runs each step as it is, and the first step after which the loss or a
      weight is not finite again, node by node with NumPy.

    Returns
    -------
    context manager
        Gives a `Watch`, whose list ``masked`` holds what was left out.

    Raises
    ------
    NotFiniteError
        Inside, or at the end, as described.

    Examples
    --------
    >>> import glassgrad as gg
    >>> with debug_nans():
    ...     gg.sum(gg.log(gg.tensor([1.0, 0.0])))       # doctest: +ELLIPSIS
    Traceback (most recent call last):
    glassgrad.errors.NotFiniteError: log gave -inf at [1]; its input there is 0: 1 of 2 elements became so
      (at ...)
    """
    return watch_for_nans()
