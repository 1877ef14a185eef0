"""Explanations: for any number of a training run, where it came from, why it changed, and what is wrong."""

__all__: list[str] = []
