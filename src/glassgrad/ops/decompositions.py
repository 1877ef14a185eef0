"""Decompositions of matrices: triangles, eigenvalues and singular values."""
