from __future__ import annotations

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import optim
from glassgrad.errors import OptionError
from glassgrad.tracing import Spec, trace

SHAPES = [(3, 4), (5,), ()]


def gradients(scale, dtype="float64"):
    rng = np.random.default_rng(0)
    return [np.asarray(rng.standard_normal(s) * scale, dtype) for s in SHAPES]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 1e3])
@pytest.mark.parametrize("kind", ["norm", "value"])
def test_clipping_equals_pytorchs_eagerly_and_traced(kind, scale, dtype):
    torch = pytest.importorskip("torch")
    arrays = gradients(scale, dtype)
    theirs = [torch.zeros(s, dtype=getattr(torch, dtype), requires_grad=True) for s in SHAPES]
    for q, a in zip(theirs, arrays, strict=True):
        q.grad = torch.tensor(a)
    if kind == "norm":
        norm = torch.nn.utils.clip_grad_norm_(theirs, 0.7)
        assert optim.global_norm([gg.tensor(a) for a in arrays]).item() == pytest.approx(norm.item())
    else:
        torch.nn.utils.clip_grad_value_(theirs, 0.7)
    clip = {"norm": optim.clip_by_norm, "value": optim.clip_by_value}[kind]
    eager = clip([gg.tensor(a) for a in arrays], 0.7)
    graph = trace(lambda *g: clip(g, 0.7), *(Spec(s, dtype) for s in SHAPES))
    number = trace(lambda limit, *g: clip(g, limit), Spec(()), *(Spec(s, dtype) for s in SHAPES))
    assert all(v.dtype == dtype for n in graph.nodes for v in n.outputs)
    rtol = 1e-12 if dtype == "float64" else 1e-6
    for found in ([g.numpy() for g in eager], gg.run(graph, *arrays), gg.run(number, 0.7, *arrays)):
        for ours, q in zip(found, theirs, strict=True):
            assert ours.dtype == dtype
            np.testing.assert_allclose(ours, q.grad.numpy(), rtol=rtol)


def test_small_gradients_pass_unchanged():
    arrays = gradients(1e-3)
    for ours, a in zip(optim.clip_by_norm([gg.tensor(a) for a in arrays], 1.0), arrays, strict=True):
        np.testing.assert_array_equal(ours.numpy(), a)


@pytest.mark.parametrize("clip", [optim.clip_by_norm, optim.clip_by_value])
@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), "1"])
def test_a_limit_that_makes_no_sense_is_refused(clip, limit):
    with pytest.raises(OptionError, match="must be a number with 0 <"):
        clip([gg.tensor([1.0])], limit)


def test_no_gradients_have_no_norm():
    with pytest.raises(OptionError, match="give at least one"):
        optim.global_norm([])
