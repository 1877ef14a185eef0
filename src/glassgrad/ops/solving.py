"""Solving, inverting, and determinants."""
