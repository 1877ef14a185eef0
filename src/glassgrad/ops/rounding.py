"""Rounding, remainders and signs: what is flat between its jumps."""
