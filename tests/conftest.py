"""What every test shares: how Hypothesis runs, and this folder on the path for the helpers beside it."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("glassgrad", deadline=None, max_examples=40, print_blob=True)
settings.load_profile("glassgrad")
