from __future__ import annotations

import numpy as np
import pytest

from glassgrad import nn, optim
from glassgrad.nn import losses
from glassgrad.training.step import build_step

LABELS = np.arange(6) % 3


@pytest.mark.parametrize("name", optim.OPTIMIZERS.names())
@pytest.mark.parametrize("loss", losses.LOSSES.names())
def test_a_float32_step_has_no_array_of_another_float(name, loss):
    criterion = losses.loss(loss)
    model = nn.mlp(4, [5], 3, dropout=0.3, seed=0)
    if loss == "binary_cross_entropy":
        model = nn.Sequential(*model, nn.Sigmoid())
    y = LABELS if loss == "cross_entropy" else np.eye(3, dtype=np.float32)[LABELS]
    step = build_step(
        model,
        criterion,
        optim.optimizer(name, weight_decay=0.1),
        np.zeros((6, 4), np.float32),
        y,
        weighted=True,
        clip_norm=1.0,
        clip_value=1.0,
    )
    graph = step.step.graph
    values = [*graph.inputs, *(v for n in graph.nodes for v in n.outputs), *graph.outputs]
    floats = {v.dtype for v in values if v.dtype.kind == "f" and v.shape}
    assert floats == {np.dtype(np.float32)}
