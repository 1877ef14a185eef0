"""SciPy and scikit-learn, written for any namespace of the Array API, run on Tensors and are differentiated."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "library_functions.py"


@pytest.mark.parametrize(("library", "least"), [("scipy", 19), ("sklearn", 9)])
def test_functions_of_others_have_gradients(library: str, least: int) -> None:
    pytest.importorskip(library)
    run = subprocess.run([sys.executable, PROGRAM, library], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert len(found) >= least
    for name, (gradient, expected) in found.items():
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7, err_msg=name)
        assert np.any(np.abs(expected) > 1e-3), name
