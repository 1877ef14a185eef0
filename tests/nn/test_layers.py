from __future__ import annotations

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.errors import DTypeError, OptionError, ShapeError
from glassgrad.tracing import Spec, trace


def test_linear_is_the_product_with_the_transpose():
    layer = nn.Linear(3, 2, dtype="float64", seed=0)
    w, b = (p.detach().numpy() for p in (layer.weight, layer.bias))
    assert w.shape == (2, 3)
    x = np.random.default_rng(0).standard_normal((2, 5, 3))
    np.testing.assert_allclose(layer(x).detach().numpy(), x @ w.T + b, rtol=1e-14)
    np.testing.assert_allclose(layer(x[0, 0]).detach().numpy(), w @ x[0, 0] + b, rtol=1e-14)
    assert nn.Linear(3, 2, bias=False).bias is None


def test_linear_computes_in_its_own_dtype():
    assert nn.Linear(3, 2)(np.ones((1, 3))).dtype == np.float32
    assert nn.Linear(3, 2)(np.ones((1, 3), np.int64)).dtype == np.float32
    assert nn.Linear(3, 2, dtype="float64")([[1, 2, 3]]).dtype == np.float64


def test_shapes_that_do_not_fit_are_named_with_the_layer():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2))
    with pytest.raises(ShapeError) as error:
        model(np.ones((7, 3)))
    message = str(error.value)
    assert "Linear (layer '1') takes inputs of shape (…, 5), but was given (7, 4)" in message
    assert "its weight has shape (2, 5)" in message
    with pytest.raises(ShapeError, match=r"was given \(N, 2\)"):
        trace(model, Spec(("N", 2)))
    with pytest.raises(ShapeError, match=r"was given \(\)"):
        nn.Linear(1, 1)(2.0)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (
            lambda: nn.Linear(0, 1),
            OptionError,
            "in_features must be a whole number with 1 ≤ in_features; got 0",
        ),
        (lambda: nn.Linear(1, 2.5), OptionError, "out_features must be a whole number"),
        (lambda: nn.Linear(1, 1, weight_init="xaver_normal"), OptionError, "Did you mean 'xavier_normal'"),
        (lambda: nn.Linear(1, 1, dtype="float16"), DTypeError, "float32 or float64"),
        (lambda: nn.Linear(1, 1, seed=-1), OptionError, "seed must be a whole number"),
        (lambda: nn.activation("rleu"), OptionError, "there is no activation 'rleu'. Did you mean 'relu'"),
        (lambda: nn.GELU("exact"), OptionError, "approximate must be 'none' or 'tanh'"),
        (lambda: nn.LeakyReLU(2), OptionError, "0 ≤ slope ≤ 1; got 2"),
        (lambda: nn.mlp(2, [0], 1), OptionError, "got 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, error, message):
    with pytest.raises(error) as caught:
        wrong()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "peer"),
    [
        (nn.Sigmoid(), "Sigmoid()"),
        (nn.Tanh(), "Tanh()"),
        (nn.ReLU(), "ReLU()"),
        (nn.LeakyReLU(0.2), "LeakyReLU(0.2)"),
        (nn.ELU(0.7), "ELU(0.7)"),
        (nn.GELU(), "GELU()"),
        (nn.GELU("tanh"), "GELU(approximate='tanh')"),
        (nn.SiLU(), "SiLU()"),
        (nn.Softplus(), "Softplus()"),
        (nn.Softmax(), "Softmax(-1)"),
        (nn.Softmax(0), "Softmax(0)"),
        (nn.Identity(), "Identity()"),
        (nn.Flatten(), "Flatten()"),
    ],
    ids=lambda value: str(value),
)
def test_layers_equal_pytorchs(layer, peer):
    torch = pytest.importorskip("torch")
    a = np.random.default_rng(0).standard_normal((4, 3, 2))
    x, q = gg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    ours, theirs = layer(x), eval(f"torch.nn.{peer}", {"torch": torch})(q)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-12, atol=1e-14)
    gg.sum(ours * ours).backward()
    (theirs * theirs).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), q.grad.numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", nn.ACTIVATIONS)
def test_activations_keep_float32_and_the_open_batch(name):
    layer = nn.activation(name)
    assert layer(np.ones((2, 3), np.float32)).dtype == np.float32
    graph = trace(layer, Spec(("N", 3), "float32"))
    assert str(graph.outputs[0].shape) == "(N, 3)"
    assert graph.outputs[0].dtype == np.float32


def test_flatten_keeps_the_open_batch():
    graph = trace(nn.Flatten(), Spec(("N", 4, 5)))
    assert str(graph.outputs[0].shape) == "(N, 20)"


def test_mlp_has_the_layers_asked_for():
    model = nn.mlp(4, [8, 6], 2, activation="gelu", dropout=0.1, seed=0)
    kinds = [type(layer).__name__ for layer in model]
    assert kinds == ["Linear", "GELU", "Dropout", "Linear", "GELU", "Dropout", "Linear"]
    assert [layer.weight.shape for layer in model if isinstance(layer, nn.Linear)] == [(8, 4), (6, 8), (2, 6)]
    assert [layer.weight_init for layer in model if isinstance(layer, nn.Linear)] == [
        "he_uniform",
        "he_uniform",
        "xavier_uniform",
    ]
    assert nn.mlp(4, [8], 2, activation="tanh")[0].weight_init == "xavier_uniform"
    assert len(nn.mlp(3, [], 2)) == 1
    assert repr(nn.mlp(3, 4, 2, seed=0)) == repr(nn.mlp(3, [4], 2, seed=0))
