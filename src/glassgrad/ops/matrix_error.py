"""The error of matrices; apart from `glassgrad.errors`, which must not load NumPy, because it is also a LinAlgError."""

from __future__ import annotations

from numpy.linalg import LinAlgError

from glassgrad.errors import GlassgradError

__all__ = ["MatrixError"]


class MatrixError(GlassgradError, LinAlgError):
    """A matrix for which what is asked does not exist, such as the inverse of a singular one."""
