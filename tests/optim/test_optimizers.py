from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import optim
from glassgrad.errors import OptionError, ShapeError
from glassgrad.tracing import Spec, trace

SETTINGS = {
    "sgd": [{}, {"lr": 0.1, "weight_decay": 0.05}],
    "momentum": [{}, {"lr": 0.1, "momentum": 0.7, "weight_decay": 0.05}],
    "nesterov": [{}, {"lr": 0.1, "momentum": 0.7, "weight_decay": 0.05}],
    "adagrad": [{}, {"lr": 0.1, "eps": 1e-3, "weight_decay": 0.05}],
    "rmsprop": [{}, {"lr": 0.1, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.05}],
    "adam": [{}, {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.05}],
    "adamw": [{}, {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.0}],
}
CASES = [(name, settings) for name, several in SETTINGS.items() for settings in several]


def peer(torch, optimizer, parameters):
    """Return PyTorch's optimizer with the same settings, all stated, so that defaults are compared too."""
    name, kind = optimizer.config()["name"], torch.optim
    s = {k: v for k, v in optimizer.config().items() if k in ("lr", "weight_decay", "eps", "alpha")}
    if name in ("sgd", "momentum", "nesterov"):
        momentum = getattr(optimizer, "momentum", 0.0)
        return kind.SGD(parameters, momentum=momentum, nesterov=name == "nesterov", **s)
    if name in ("adam", "adamw"):
        betas = (optimizer.beta1, optimizer.beta2)
        return {"adam": kind.Adam, "adamw": kind.AdamW}[name](parameters, betas=betas, **s)
    return {"adagrad": kind.Adagrad, "rmsprop": kind.RMSprop}[name](parameters, **s)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_a_hundred_steps_equal_pytorch(name, settings):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    start = [rng.standard_normal((4, 3)), rng.standard_normal(5), rng.standard_normal(())]
    ours = [gg.tensor(a, requires_grad=True) for a in start]
    theirs = [torch.tensor(a, requires_grad=True) for a in start]
    optimizer = optim.optimizer(name, **settings)
    reference = peer(torch, optimizer, theirs)
    for k in range(100):
        # Gradients from huge to so small that eps decides, and exact zeros.
        gradients = [rng.standard_normal(a.shape) * 10.0 ** rng.integers(-12, 3, a.shape) for a in start]
        gradients[1][k % 5] = 0.0
        for p, q, g in zip(ours, theirs, gradients, strict=True):
            p.grad, q.grad = gg.tensor(g), torch.tensor(np.asarray(g))
        optimizer.step(ours)
        reference.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", SETTINGS)
def test_defaults_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    optimizer = optim.optimizer(name)
    kinds = {"sgd": "SGD", "adagrad": "Adagrad", "rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW"}
    if name not in kinds:
        assert (optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (1e-3, 0.9, 0.0)
        return
    defaults = getattr(torch.optim, kinds[name])([torch.zeros(1)]).defaults
    ours = dict(optimizer.config())
    del ours["name"]
    if "beta1" in ours:
        ours["betas"] = (ours.pop("beta1"), ours.pop("beta2"))
    assert ours == {k: defaults[k] for k in ours}


@pytest.mark.parametrize(("name", "settings"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_traced_update_equals_eager_and_keeps_the_dtype(name, settings, dtype):
    optimizer = optim.optimizer(name, **settings)
    rng = np.random.default_rng(1)
    values = [rng.standard_normal((2, 3)).astype(dtype) for _ in range(2 + len(optimizer.pieces))]
    values[2:] = [np.abs(v) for v in values[2:]]
    hyper = {k: np.float64(v) for k, v in optimizer.hyper().items()}
    names = list(hyper)

    def update(p, g, step, *rest):
        state = dict(zip(optimizer.pieces, rest, strict=False))
        numbers = dict(zip(names, rest[len(state) :], strict=True))
        new, after = optimizer.update(p, g, state, numbers, step)
        return [new, *(after[piece] for piece in optimizer.pieces)]

    arguments = [values[0], values[1], np.int64(3), *values[2:], *hyper.values()]
    eager = update(*(gg.asarray(a) for a in arguments))
    graph = trace(update, *(Spec(np.shape(a), a.dtype) for a in arguments))
    # Only numbers may be wider than the parameters, never an array.
    assert {v.dtype for n in graph.nodes for v in n.outputs if v.shape} == {np.dtype(dtype)}
    for one, other in zip(gg.run(graph, *arguments), eager, strict=True):
        assert one.dtype == other.dtype == dtype
        np.testing.assert_array_equal(one, other.numpy())

    narrow = [a.astype(dtype) if a.dtype == np.float64 else a for a in map(np.asarray, arguments)]
    graph = trace(update, *(Spec(a.shape, a.dtype) for a in narrow))
    assert {v.dtype for n in graph.nodes for v in n.outputs} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", SETTINGS)
def test_update_changes_none_of_its_arguments(name):
    optimizer = optim.optimizer(name)
    p, g = gg.tensor([1.0, -2.0]), gg.tensor([0.5, 0.25])
    state = {k: gg.asarray(v) for k, v in optimizer.init(p).items()}
    hyper = {k: gg.tensor(v) for k, v in optimizer.hyper().items()}
    first = optimizer.update(p, g, state, hyper, gg.tensor(1.0))
    second = optimizer.update(p, g, state, hyper, gg.tensor(1.0))
    assert p.tolist() == [1.0, -2.0]
    assert all(t.tolist() == [0.0, 0.0] for t in state.values())
    assert first[0].tolist() == second[0].tolist() != p.tolist()


def test_float32_bias_correction_keeps_its_precision():
    torch = pytest.importorskip("torch")
    p = gg.tensor([1.0, 2.0], dtype="float32", requires_grad=True)
    q = torch.tensor([1.0, 2.0], requires_grad=True)
    ours, theirs = optim.Adam(lr=0.1), torch.optim.Adam([q], lr=0.1)
    for k in range(20):
        g = np.array([np.sin(k), 1e-3 * k], np.float32)
        p.grad, q.grad = gg.tensor(g), torch.tensor(g)
        ours.step([p])
        theirs.step()
    np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=0, atol=5e-7)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_config_is_json_and_comes_back(name, settings):
    optimizer = optim.optimizer(name, **settings)
    assert optim.optimizer(json.loads(json.dumps(optimizer.config()))) == optimizer
    assert replace(optimizer, lr=0.5).lr == 0.5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: optim.optimizer("adm"), "there is no optimizer 'adm'. Did you mean 'adam'"),
        (lambda: optim.optimizer("adam", beta=0.9), "has no setting 'beta'. Did you mean 'beta"),
        (lambda: optim.optimizer({"lr": 0.1}), "a name or a mapping with 'name'"),
        (lambda: optim.optimizer(3), "a name or a mapping with 'name'"),
        (lambda: optim.SGD(lr=0.0), "SGD: lr must be a number with 0 < lr; got 0.0"),
        (lambda: optim.SGD(lr=float("nan")), "got nan"),
        (lambda: optim.SGD(lr="fast"), "got 'fast'"),
        (lambda: optim.Momentum(momentum=1.0), "0 ≤ momentum < 1; got 1.0"),
        (lambda: optim.AdamW(weight_decay=-1.0), "0 ≤ weight_decay; got -1.0"),
        (lambda: optim.Adam(eps=0), "0 < eps; got 0"),
        (lambda: optim.SGD().step([gg.tensor(1.0, requires_grad=True)]), "call loss.backward"),
    ],
)
def test_errors_teach(wrong, message):
    with pytest.raises(OptionError) as error:
        wrong()
    assert message in str(error.value)


def _descend(optimizer, parameters, steps):
    for _ in range(steps):
        for p in parameters:
            p.grad = None
        loss = gg.sum(gg.square(parameters[0])) + gg.sum(gg.square(parameters[1] - 1.0))
        loss.backward()
        optimizer.step(parameters)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_run_goes_on_from_its_state_bit_for_bit(name):
    start = [np.array([1.0, 2.0]), np.array([[3.0]])]
    whole = [gg.tensor(a, requires_grad=True) for a in start]
    _descend(optim.optimizer(name), whole, 10)

    half = [gg.tensor(a, requires_grad=True) for a in start]
    before = optim.optimizer(name)
    _descend(before, half, 4)
    rest = [gg.tensor(p.detach(), requires_grad=True) for p in half]
    after = optim.optimizer(name)
    after.load_state_dict(before.state_dict(), rest)
    _descend(after, rest, 6)
    for p, q in zip(whole, rest, strict=True):
        assert p.tolist() == q.tolist()


def test_state_that_does_not_fit_is_refused():
    p = gg.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.Adam()
    p.grad = gg.tensor([1.0, 1.0])
    optimizer.step([p])
    state = optimizer.state_dict()
    assert sorted(state) == ["0.exp_avg", "0.exp_avg_sq", "0.step"]
    with pytest.raises(ShapeError, match=r"0.exp_avg has shape \(2,\)"):
        optim.Adam().load_state_dict(state, [gg.tensor([1.0], requires_grad=True)])
    with pytest.raises(OptionError, match=r"unknown '0\.exp_avg'"):
        optim.SGD().load_state_dict(state, [p])
    with pytest.raises(OptionError, match=r"lacks '0\.step'"):
        optim.SGD().load_state_dict({}, [p])


def test_a_parameter_without_gradient_is_left_alone():
    p, q = (gg.tensor([1.0], requires_grad=True) for _ in range(2))
    p.grad = gg.tensor([1.0])
    optimizer = optim.Adam()
    optimizer.step([p, q])
    assert q.tolist() == [1.0] != p.tolist()
    assert len([k for k in optimizer.state_dict() if k.endswith("step")]) == 1


def test_settings_of_other_libraries_are_answered() -> None:
    w = gg.tensor([1.0], requires_grad=True)
    for make in (
        lambda: optim.Adam([w], lr=0.1),
        lambda: optim.Adam(iter([w])),
        lambda: optim.SGD(params=[w]),
    ):
        with pytest.raises(
            OptionError, match=r"made without parameters: opt = (Adam|SGD)\(lr=…\); opt\.step"
        ):
            make()
    with pytest.raises(OptionError, match=r"SGD has no setting 'momentum'\. Momentum and Nesterov have it"):
        optim.SGD(momentum=0.9)
    with pytest.raises(OptionError, match="Did you mean 'beta"):
        optim.Adam(betas=(0.9, 0.99))
    assert optim.SGD(0.1) == optim.SGD(lr=0.1)


def test_a_step_takes_the_network_itself() -> None:
    model = gg.nn.Linear(1, 1, bias=False)
    before = model.weight.item()
    gg.sum(model(np.ones((1, 1), "float32"))).backward()
    optim.SGD(0.5).step(model)
    assert model.weight.item() == pytest.approx(before - 0.5)
