from __future__ import annotations

import numpy as np
import pytest

from glassgrad import nn
from glassgrad.errors import OptionError

OUT, IN = 300, 500
DEVIATIONS = {
    "xavier": np.sqrt(2 / (IN + OUT)),
    "glorot": np.sqrt(2 / (IN + OUT)),
    "he": np.sqrt(2 / IN),
    "kaiming": np.sqrt(2 / IN),
    "lecun": np.sqrt(1 / IN),
}


@pytest.mark.parametrize("name", [n for n in nn.INITIALISERS if "_" in n])
def test_variance_and_limits_are_the_formulas(name):
    w = nn.initialise(name, (OUT, IN), seed=0, dtype="float64")
    family, distribution = name.split("_")
    deviation = DEVIATIONS[family]
    assert abs(w.mean()) < 5 * deviation / np.sqrt(w.size)
    assert abs(w.std() / deviation - 1) < 0.01
    if distribution == "uniform":
        assert deviation * np.sqrt(3) * 0.999 < np.abs(w).max() <= deviation * np.sqrt(3)
    else:
        assert np.abs(w).max() > 3 * deviation


@pytest.mark.parametrize("kind", ["xavier_uniform_", "kaiming_uniform_", "xavier_normal_", "kaiming_normal_"])
def test_spread_is_pytorchs(kind):
    torch = pytest.importorskip("torch")
    options = {"nonlinearity": "relu"} if "kaiming" in kind else {}
    theirs = getattr(torch.nn.init, kind)(torch.empty(OUT, IN, dtype=torch.float64), **options).numpy()
    ours = nn.initialise(kind.rstrip("_"), (OUT, IN), seed=0, dtype="float64")
    assert abs(ours.std() / theirs.std() - 1) < 0.02
    if "uniform" in kind:
        assert abs(np.abs(ours).max() / np.abs(theirs).max() - 1) < 0.01


def test_linears_default_is_pytorchs():
    layer = nn.Linear(100, 400, seed=0)
    for p in (layer.weight, layer.bias):
        values = p.detach().numpy()
        assert 0.09 < np.abs(values).max() <= 0.1
        assert abs(values.std() * np.sqrt(3) - 0.1) < 0.01
    assert (nn.Linear(100, 4, weight_init="he_normal").bias.detach().numpy() == 0).all()
    assert (nn.Linear(3, 4, weight_init="zeros").weight.detach().numpy() == 0).all()


def test_the_same_seed_gives_the_same_model_and_layers_differ():
    one, two = (nn.mlp(6, [6, 6], 6, seed=3) for _ in range(2))
    other = nn.mlp(6, [6, 6], 6, seed=4)
    for (name, p), q, r in zip(one.named_parameters(), two.parameters(), other.parameters(), strict=True):
        assert (p.detach().numpy() == q.detach().numpy()).all()
        if name.endswith("weight"):
            assert (p.detach().numpy() != r.detach().numpy()).all()
    weights = [layer.weight.detach().numpy() for layer in one if isinstance(layer, nn.Linear)]
    assert (weights[0] != weights[1]).all()
    assert (weights[1] != weights[2]).all()


def test_the_seed_around_numbers_parameters():
    with nn.weights_from(8):
        a = [nn.Linear(2, 2), nn.Linear(2, 2)]
        inside = nn.Linear(2, 2, seed=8)
    with nn.weights_from(8):
        b = [nn.Linear(2, 2), nn.Linear(2, 2)]
    for p, q in zip(a, b, strict=True):
        assert (p.weight.detach().numpy() == q.weight.detach().numpy()).all()
    assert (inside.weight.detach().numpy() == a[0].weight.detach().numpy()).all()
    nn.manual_seed(8)
    assert (nn.Linear(2, 2).weight.detach().numpy() == a[0].weight.detach().numpy()).all()
    assert (nn.Linear(2, 2).weight.detach().numpy() == a[1].weight.detach().numpy()).all()


def test_float32_weights_are_the_rounded_float64_ones():
    for name in nn.INITIALISERS:
        wide = nn.initialise(name, (5, 4), seed=1, number=2, dtype="float64")
        np.testing.assert_array_equal(nn.initialise(name, (5, 4), seed=1, number=2), wide.astype(np.float32))


def test_rows_do_not_depend_on_how_many_there_are():
    few, many = (nn.initialise("normal", (n, 4), seed=0) for n in (3, 9))
    np.testing.assert_array_equal(few, many[:3])


def test_an_unknown_name_is_refused():
    with pytest.raises(OptionError, match="Did you mean 'he_uniform'"):
        nn.initialise("he_unifrm", (2, 2), seed=0)
