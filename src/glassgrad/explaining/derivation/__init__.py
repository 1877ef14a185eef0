"""Derivations: the chain rule in symbols, factor by factor, and three answers beside it."""
