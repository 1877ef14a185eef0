from __future__ import annotations

import copy
import json

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.errors import DTypeError, OptionError, ShapeError
from glassgrad.nn import losses
from glassgrad.tracing import Spec, trace, trace_with


class Residual(nn.Module):
    """A network of its own kind: layers in a list and a dict, a shared one, a buffer."""

    def __init__(self):
        self.scale = nn.Parameter(np.ones(3, np.float32))
        self.blocks = [nn.Linear(3, 3, seed=i) for i in range(2)]
        self.heads = {"a": nn.Linear(3, 1, seed=2)}
        self.again = self.blocks[0]
        self.seen = nn.Buffer(np.zeros((), np.float32))

    def forward(self, x):
        self.seen.update(self.seen + 1.0)
        for block in self.blocks:
            x = x + block(x) * self.scale
        return self.heads["a"](x)


NAMES = [
    "scale",
    "blocks.0.weight",
    "blocks.0.bias",
    "blocks.1.weight",
    "blocks.1.bias",
    "heads.a.weight",
    "heads.a.bias",
]


def test_parameters_are_found_once_in_order():
    model = Residual()
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert [name for name, _ in model.named_buffers()] == ["seen"]
    assert [name for name, _ in model.named_modules()] == ["", "blocks.0", "blocks.1", "heads.a"]
    assert all(p.requires_grad for p in model.parameters())


def test_names_are_pytorchs():
    torch = pytest.importorskip("torch")
    ours = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1)))
    theirs = torch.nn.Sequential(
        torch.nn.Linear(2, 3), torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(3, 1))
    )
    want = theirs.state_dict()
    assert list(ours.state_dict()) == list(want)
    ours.load_state_dict({k: v.numpy() for k, v in want.items()})
    x = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    with gg.no_grad():
        np.testing.assert_allclose(ours(x).numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5)


def test_scopes_are_the_names():
    graph = trace(Residual(), Spec(("N", 3), "float32"))
    assert [n.scope for n in graph.nodes if n.op == "linear"] == ["again", "blocks.1", "heads.a"]
    nested = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh()))
    graph = trace(nested, Spec(("N", 2), "float32"))
    assert {n.op: n.scope for n in graph.nodes} == {"linear": "0", "tanh": "1/0"}


def test_state_dict_holds_copies():
    model = nn.Linear(2, 2, seed=0)
    state = model.state_dict()
    state["weight"][:] = 7
    assert (model.weight.detach().numpy() != 7).all()
    model.load_state_dict(state)
    state["weight"][:] = 8
    assert (model.weight.detach().numpy() == 7).all()


def test_a_state_that_does_not_fit_is_refused_whole():
    model = nn.Sequential(nn.Linear(2, 3, seed=0))
    before = model.state_dict()
    wrong = {"0.wieght": np.zeros((3, 2)), "0.bias": np.zeros(4), "9.other": np.zeros(1)}
    with pytest.raises(OptionError) as error:
        model.load_state_dict(wrong)
    message = str(error.value)
    assert "missing '0.weight' (Did you mean '0.wieght'?)" in message
    assert "unexpected '0.wieght' (Did you mean '0.weight'?), '9.other'" in message
    assert "misshaped '0.bias' is (4,), here (3,)" in message
    assert all((before[k] == v).all() for k, v in model.state_dict().items())
    many = {f"layer{i}": np.zeros(1) for i in range(9)}
    with pytest.raises(OptionError, match="and 5 more"):
        nn.Linear(2, 3).load_state_dict(many)


def test_a_gradient_tensor_that_is_no_parameter_is_refused():
    class Net(nn.Module):
        def __init__(self):
            self.w = gg.tensor([1.0], requires_grad=True)

    with pytest.raises(OptionError, match=r"w of Net .* write self\.w = nn\.Parameter"):
        list(Net().parameters())


def test_train_and_eval_reach_every_layer():
    model = nn.Sequential(nn.Sequential(nn.Dropout(0.9)), nn.Identity())
    x = np.ones((4, 8))
    assert (model(x).numpy() == 0).any()
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    assert (model(x).numpy() == 1).all()
    assert (model.train()(x).numpy() == 0).any()


def test_to_changes_the_dtype_and_the_config():
    model = nn.mlp(2, [3], 1, seed=0)
    assert model(np.ones((1, 2))).dtype == np.float32
    model(np.ones((1, 2))).sum().backward()
    assert model.to("float64") is model
    assert {p.dtype for p in model.parameters()} == {np.dtype("float64")}
    assert all(p.grad is None for p in model.parameters())
    assert model(np.ones((1, 2), np.float32)).dtype == np.float64
    assert nn.build(model.config())[0].weight.dtype == np.float64
    for wrong in ("float16", "int64", "floot"):
        with pytest.raises(DTypeError, match="float32 or float64"):
            model.to(wrong)


def test_zero_grad_forgets():
    model = nn.Linear(2, 1)
    model(np.ones((1, 2))).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


LAYERS = [
    nn.Linear(3, 2, bias=False, weight_init="he_normal", dtype="float64", seed=4),
    nn.LeakyReLU(0.3),
    nn.ELU(0.5),
    nn.GELU("tanh"),
    nn.Softmax(0),
    nn.Dropout(0.25),
    nn.Perceptron(3, 2, dtype="float64"),
    nn.Flatten(),
    nn.mlp(4, [5, 6], 2, activation="tanh", dropout=0.5),
    *(nn.activation(name) for name in nn.ACTIVATIONS),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_config_is_json_and_builds_the_same(layer):
    config = layer.config()
    again = nn.build(json.loads(json.dumps(config)))
    assert type(again) is type(layer)
    assert again.config() == config
    assert repr(again) == repr(layer)
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in layer.state_dict().items()
    }


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"type": "Liner", "in_features": 1}, "there is no layer 'Liner'. Did you mean 'Linear'?"),
        ({"type": "LeakyReLU", "alpha": 1}, "the layer 'LeakyReLU' has no setting 'alpha'"),
        ({"type": "ReLU", "slope": 1}, "the layer 'ReLU' has no setting 'slope'. It has none."),
        ({"layers": []}, "a layer is a name or a mapping with 'type'"),
        ({"type": "Dropout", "rate": 1.0}, "Dropout: rate must be a number with 0 ≤ rate < 1; got 1.0"),
        ({"type": "Sequential", "layers": [{"type": "Tanhh"}]}, "Did you mean 'Tanh'?"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(config, message):
    with pytest.raises(OptionError) as error:
        nn.build(config)
    assert message in str(error.value)


def test_a_layer_of_ones_own_can_be_registered():
    with pytest.raises(OptionError, match="Residual has no name among the layers"):
        Residual().config()

    @nn.LAYERS.add("Doubled")
    class Doubled(nn.Module):
        def __init__(self, times=2):
            self.times = times

        def forward(self, x):
            return x * self.times

    assert nn.build(Doubled(3).config())(gg.tensor(2.0)).item() == 6.0

    @nn.LAYERS.add("Forgetful")
    class Forgetful(nn.Module):
        def __init__(self, times):
            pass

    with pytest.raises(OptionError, match="Forgetful keeps no attribute 'times'"):
        Forgetful(2).config()


def test_repr_is_a_tree_with_shapes_and_counts():
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(3, 1, bias=False)))
    assert repr(model) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3)  # weight (3, 2), bias (3,): 9 parameters\n"
        "  (1): Sequential(\n"
        "    (0): LeakyReLU(slope=0.2)\n"
        "    (1): Linear(in_features=3, out_features=1, bias=False)  # weight (1, 3): 3 parameters\n"
        "  )  # 3 parameters\n"
        ")  # 12 parameters"
    )
    assert "(heads.a): Linear" in repr(Residual())


def test_sequential_is_a_sequence():
    layers = [nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)]
    model = nn.Sequential(*layers)
    assert len(model) == 3
    assert list(model) == layers
    assert model[-1] is layers[2]
    assert model[1:].layers == tuple(layers[1:])
    with pytest.raises(ShapeError, match="no layer 3: the Sequential has 3"):
        model[3]
    with pytest.raises(OptionError, match="layer 0 of a Sequential is"):
        nn.Sequential([nn.ReLU()])


def test_forward_must_be_written():
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        nn.Module()(1)


def test_a_copied_model_is_a_model_of_its_own():
    model = nn.Sequential(nn.Linear(2, 1, seed=0))
    other = copy.deepcopy(model)
    other(np.ones((1, 2))).sum().backward()
    assert all(p.grad is None for p in model.parameters())
    assert all(p.grad is not None for p in other.parameters())
    other[0].weight.assign(np.zeros((1, 2)))
    assert (model[0].weight.detach().numpy() != 0).all()


def test_a_buffer_changes_at_once_or_with_the_step():
    model = Residual()
    model(np.ones((1, 3)))
    assert model.seen.item() == 1.0
    captured = {id(t): name for name, t in [*model.named_parameters(), *model.named_buffers()]}
    updates = {}

    def step(x):
        out = model(x)
        builder = gg.graph.active_builder()
        updates.update({captured[i]: payload for i, (_, payload) in builder.updates.items()})
        return out, gg.Tensor._make(updates["seen"], None)

    graph, tensors, _ = trace_with(
        step,
        [Spec(("N", 3), "float32")],
        name="step",
        wants=lambda t: id(t) in captured,
        updates=True,
    )
    assert model.seen.item() == 1.0  # tracing changes nothing
    assert list(updates) == ["seen"]
    arrays = [t.detach().numpy() for t in tensors]
    _, seen = gg.run(graph, np.ones((1, 3), np.float32), *arrays)
    assert seen == 2.0
    assert seen.dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_traced_step_has_the_gradients_of_the_eager_one_and_of_pytorch(dtype):
    torch = pytest.importorskip("torch")
    model = nn.mlp(4, [6, 5], 3, activation="tanh", dtype=dtype, seed=1)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((7, 4)).astype(dtype)
    y = rng.integers(0, 3, 7)
    w = rng.random(7).astype(dtype)
    criterion = losses.CrossEntropy(label_smoothing=0.1)

    loss = criterion(model(x), y, w)
    loss.backward()
    eager = [p.grad.numpy() for p in model.parameters()]

    parameters = list(model.parameters())
    known = {id(p) for p in parameters}
    graph, captured, _ = trace_with(
        lambda x, y, w: criterion(model(x), y, w),
        [Spec(("N", 4), dtype), Spec(("N",), np.int64), Spec(("N",), dtype)],
        name="step",
        wants=lambda t: id(t) in known,
    )
    assert [id(t) for t in captured] == [id(p) for p in parameters]
    backward = gg.differentiate(graph, range(3, 3 + len(parameters)))
    assert {v.dtype for n in backward.nodes for v in n.outputs if v.dtype.kind == "f"} == {np.dtype(dtype)}
    value, *traced = gg.run(backward, x, y, w, *(p.detach().numpy() for p in captured))

    net = torch.nn.Sequential(
        torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)
    ).to(getattr(torch, dtype))
    net.load_state_dict({k: torch.tensor(v) for k, v in model.state_dict().items()})
    rows = torch.nn.functional.cross_entropy(
        net(torch.tensor(x)), torch.tensor(y), label_smoothing=0.1, reduction="none"
    )
    reference = (rows * torch.tensor(w)).sum() / torch.tensor(w).sum()
    reference.backward()

    rtol, atol = (1e-12, 1e-15) if dtype == "float64" else (1e-5, 1e-7)
    np.testing.assert_allclose(value, reference.item(), rtol=rtol)
    np.testing.assert_allclose(loss.item(), value, rtol=rtol)
    for ours, mine, q in zip(eager, traced, net.parameters(), strict=True):
        assert ours.dtype == mine.dtype == dtype
        np.testing.assert_allclose(mine, ours, rtol=rtol, atol=atol)
        np.testing.assert_allclose(mine, q.grad.numpy(), rtol=rtol, atol=atol)
