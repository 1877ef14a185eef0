"""Discrete Fourier transforms, each a linear operation whose transpose is another."""
