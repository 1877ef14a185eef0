"""What every test shares: how Hypothesis runs, and this folder on the path for the helpers beside it."""

from __future__ import annotations

import os

from hypothesis import settings

# Where CI is set the same examples are drawn each time, so that a red run is the change's doing; elsewhere new ones.
settings.register_profile(
    "glassgrad", deadline=None, max_examples=40, print_blob=True, derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("glassgrad")
