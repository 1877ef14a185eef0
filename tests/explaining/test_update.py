"""An update taken apart adds up to the update, for every optimizer; the loss does what slope and curvature foretell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad import examples, optim
from glassgrad.errors import OptionError
from glassgrad.explaining.changes.losschange import LossChange, loss_change
from glassgrad.explaining.changes.taken import TakenStep
from glassgrad.explaining.changes.update import NAMES, RATES, WHY, update_of
from glassgrad.explaining.document import Paragraph, Table
from glassgrad.explaining.recording.recorder import Recorder
from glassgrad.training.inputs import cast_arrays, check_arrays
from glassgrad.training.step import build_step

OPTIMIZERS = sorted(optim.OPTIMIZERS.names())

SETTINGS = {
    "lr": st.floats(1e-4, 0.5),
    "weight_decay": st.sampled_from([0.0, 1e-4, 0.05, 0.5]),
    "momentum": st.floats(0.0, 0.99),
    "alpha": st.floats(0.0, 0.999),
    "beta1": st.floats(0.0, 0.99),
    "beta2": st.floats(0.0, 0.9999),
    "eps": st.sampled_from([1e-10, 1e-8, 1e-3, 1.0]),
}


@st.composite
def any_optimizer(draw, name):
    known = optim.optimizer(name).config()
    return optim.optimizer(name, **{k: draw(s) for k, s in SETTINGS.items() if k in known})


def taken_step(optimizer, dtype="float64", seed=0, number=1, rate=None, **clipping) -> TakenStep:
    """Return a step of a small network, from random weights and a state that earlier gradients might have left."""
    rng = np.random.default_rng(seed)
    model = gg.nn.mlp(3, [5], 2, activation="tanh", seed=seed, dtype=dtype)
    X, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    X, y, _, loss = check_arrays(X, y, None, "mse")
    X, y, _ = cast_arrays(X, y, None, loss, np.dtype(dtype))
    built = build_step(model, loss, optimizer, X, y, **clipping)
    slots = built.slots
    state = list(built.state[: len(slots.parameters)])
    for (_, piece), zeros in zip(slots.optimizer, built.state[len(slots.parameters) :], strict=True):
        drawn = rng.normal(size=zeros.shape)
        drawn = np.square(drawn) if "sq" in piece or piece in ("sum", "square_avg") else drawn
        state.append((drawn * (number > 1)).astype(dtype))
    numbers = [np.asarray(optimizer.lr if rate is None else rate), np.asarray(number)]
    return TakenStep(built, [*state, X, y, np.arange(len(X)), *numbers, *built.fixed])


def every_number(taken):
    return [(name, index) for name, a in taken.before.items() for index in np.ndindex(a.shape)]


# --- Must show 3 ---


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
@given(data=st.data())
def test_parts_add_up_over_a_hundred_random_steps(name, dtype, data):
    optimizer = data.draw(any_optimizer(name))
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    p = rng.normal(size=12).astype(dtype)
    state = optimizer.init(p)
    eps = float(np.finfo(dtype).eps)
    for step in range(1, 101):
        rate = optimizer.lr * rng.uniform(0.1, 1.0)
        g = (rng.normal(size=12) * 10.0 ** rng.integers(-6, 3, 12)).astype(dtype)
        hyper = optimizer.hyper() | {"lr": rate}
        tensors = {k: gg.asarray(np.float64(v)) for k, v in hyper.items()}
        new, after = optimizer.update(
            gg.asarray(p),
            gg.asarray(g),
            {k: gg.asarray(v) for k, v in state.items()},
            tensors,
            gg.asarray(step),
        )
        parts = optimizer.parts(p, g, state, hyper, step)
        terms = [np.broadcast_to(factor * value, p.shape) for factor, value in parts.terms.values()]
        change = new.numpy().astype(np.float64) - p.astype(np.float64)
        size = np.abs(p) + np.abs(new.numpy()) + np.sum(np.abs(terms), axis=0)
        assert (np.abs(change - parts.change()) <= 16 * eps * size).all(), step
        assert set(parts.terms) <= set(NAMES)
        assert set(parts.rates) <= set(RATES)
        p, state = new.numpy(), {k: t.numpy() for k, t in after.items()}
        assert p.dtype == dtype


CLIPPING = [{}, {"clip_value": 0.05}, {"clip_norm": 0.3}, {"clip_value": 0.1, "clip_norm": 0.2}]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("clipping", CLIPPING)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_weight_of_a_network_adds_up(name, clipping, dtype):
    weight_decay = 0.05
    optimizer = optim.optimizer(name, lr=0.1, weight_decay=weight_decay)
    for number in (1, 3):
        taken = taken_step(optimizer, dtype, seed=number, number=number, rate=0.04, **clipping)
        for parameter, index in every_number(taken):
            update = update_of(taken, parameter, index)
            assert update.new == float(taken.after[parameter][index])
            assert abs(update.rounding) <= update.tolerance
            assert update.rates["base_rate"] * update.rates["schedule"] == pytest.approx(0.04)
            told = [t.name for t in update.terms]
            assert ("clip_value" in told) == ("clip_value" in clipping)
            assert ("clip_norm" in told) == ("clip_norm" in clipping)
            assert ("decoupled_decay" in told) == (name == "adamw")
            assert ("weight_decay" in told) == (name != "adamw")
            (gradient,) = (t for t in update.terms if t.name == "gradient")
            assert gradient.value == float(taken.gradients[parameter][index])


def test_a_missing_term_would_be_noticed():
    taken = taken_step(
        optim.AdamW(lr=0.1, weight_decay=0.1), "float64", number=3, clip_value=0.02, clip_norm=0.01
    )
    noticed: dict[str, list[bool]] = {}
    for parameter, index in every_number(taken):
        update = update_of(taken, parameter, index)
        for term in update.terms:
            rest = update.change - sum(t.change for t in update.terms if t is not term)
            noticed.setdefault(term.name, []).append(abs(rest) > update.tolerance)
    assert set(noticed) == {"momentum", "gradient", "clip_value", "clip_norm", "decoupled_decay"}
    assert all(np.mean(seen) > 0.6 for seen in noticed.values()), noticed


def test_clipping_says_what_it_took():
    taken = taken_step(optim.SGD(lr=1.0), clip_value=0.02, clip_norm=0.01)
    limited = {k: np.clip(g, -0.02, 0.02) for k, g in taken.gradients.items()}
    norm = np.sqrt(sum(np.sum(g**2) for g in limited.values()))
    assert norm > 0.01
    for parameter, index in every_number(taken):
        update = update_of(taken, parameter, index)
        changes = {t.name: t.change for t in update.terms}
        g = taken.gradients[parameter][index]
        assert changes["gradient"] == -g
        assert changes["clip_value"] == pytest.approx(g - limited[parameter][index], abs=1e-16)
        assert update.rates["clip_factor"] == pytest.approx(0.01 / (norm + 1e-6), rel=1e-12)
        assert update.change == pytest.approx(-limited[parameter][index] * 0.01 / (norm + 1e-6), rel=1e-9)


def test_clipping_that_took_nothing_is_not_explained():
    for limit, told in ((1e3, False), (1e-3, True)):
        (section,) = (
            update_of(taken_step(optim.SGD(lr=1.0), clip_norm=limit), "0.weight", (0, 0)).document().sections
        )
        sentences = [b.text for b in section.blocks if isinstance(b, Paragraph)]
        assert (WHY["clip_norm"] in sentences) == told


def test_the_worked_example():
    recorder = Recorder()
    examples.get("two-two-two").train(callbacks=[recorder])
    update = update_of(recorder.at(0), "0.weight", (1, 0))
    assert [(t.name, t.factor) for t in update.terms] == [("gradient", -0.5)]
    assert update.terms[0].value == pytest.approx(0.00071009, abs=5e-9)
    assert (update.old, round(update.new, 8)) == (0.4, 0.39964496)


# --- the loss ---


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_slope_and_curvature_foretell_the_loss(name):
    errors = []
    for lr in (1e-2, 1e-3):
        taken = taken_step(optim.optimizer(name, lr=lr), number=2)
        change = loss_change(taken)
        size = sum(float(np.sum((taken.after[k] - taken.before[k]) ** 2)) for k in taken.before) ** 0.5
        errors.append((abs(change.happened - change.predicted), size))
        assert change.before == pytest.approx(taken.loss)
        assert abs(change.happened - change.predicted) < abs(change.happened - change.first_order)
    (wide, long), (narrow, short) = errors  # what is left is of third order in the step
    assert narrow <= 3 * wide * (short / long) ** 3 + 1e-14


def test_hessian_product_is_that_of_the_whole_hessian():
    taken = taken_step(optim.Adam(lr=0.05), number=2)
    names = list(taken.before)
    shapes = [taken.before[k].shape for k in names]
    X, y = taken.inputs[taken.step.step.state : taken.step.step.state + 2]
    hidden, out = ("0", "2")

    def loss(flat):
        at, w = 0, {}
        for name, shape in zip(names, shapes, strict=True):
            size = int(np.prod(shape))
            w[name] = flat[at : at + size].reshape(shape)
            at += size
        h = gg.tanh(gg.asarray(X) @ w[f"{hidden}.weight"].T + w[f"{hidden}.bias"])
        return gg.mean(gg.square(h @ w[f"{out}.weight"].T + w[f"{out}.bias"] - y))

    flat = np.concatenate([taken.before[k].reshape(-1) for k in names])
    step = np.concatenate([(taken.after[k] - taken.before[k]).reshape(-1) for k in names])
    H = gg.hessian(loss)(flat).numpy()
    change = loss_change(taken)
    assert change.curvature == pytest.approx(0.5 * step @ H @ step, rel=1e-10)
    assert change.first_order == pytest.approx(gg.grad(loss)(flat).numpy() @ step, rel=1e-10)


def test_plain_gradient_descent_lowers_the_loss_by_rate_times_squared_norm():
    taken = taken_step(optim.SGD(lr=0.01))
    change = loss_change(taken)
    assert change.plain
    assert change.first_order == pytest.approx(-0.01 * change.squared_norm, rel=1e-12)
    assert not loss_change(taken_step(optim.SGD(lr=0.01, weight_decay=0.1))).plain
    assert not loss_change(taken_step(optim.SGD(lr=0.01), clip_norm=1.0)).plain
    assert not loss_change(taken_step(optim.Momentum(lr=0.01))).plain


def test_float32_says_how_uncertain_the_loss_is():
    change = loss_change(taken_step(optim.SGD(lr=1e-3), "float32"))
    assert change.uncertainty == pytest.approx(2.0**-23 * (change.before + change.after))
    assert abs(change.happened - change.predicted) < 8 * change.uncertainty


@pytest.mark.parametrize(
    ("factor", "word"),
    [(0.05, "short enough"), (1.5, "past the lowest point"), (2.5, "smaller rate would help")],
)
def test_the_verdict_follows_the_step_size(factor, word):
    """On a parabola, the best rate is 1 / curvature: beyond it the step is too long, beyond twice that it does harm."""
    model = gg.nn.Linear(1, 1, bias=False, dtype="float64")
    X, y, _, loss = check_arrays(np.ones((1, 1)), np.zeros((1, 1)), None, "half_sum_squares")
    optimizer = optim.SGD(lr=factor)
    built = build_step(model, loss, optimizer, X, y)
    model.weight.assign([[1.0]])
    taken = TakenStep(
        built, [np.ones((1, 1)), X, y, np.arange(1), np.asarray(factor), np.asarray(1), *built.fixed]
    )
    assert word in loss_change(taken).verdict().en


def test_uphill_is_said():
    taken = taken_step(optim.Momentum(lr=0.1, momentum=0.99), number=5)
    pieces = {k: -100 * g for k, g in taken.gradients.items()}
    state = [*taken.before.values(), *pieces.values()]
    assert "does not go downhill" in loss_change(taken.with_state(state)).verdict().en


# --- as a document ---


def test_documents_say_it_in_both_languages():
    taken = taken_step(optim.AdamW(lr=0.1), number=3, rate=0.05, clip_value=0.05, clip_norm=0.1)
    for document in (update_of(taken, "0.weight", (1, 2)).document(), loss_change(taken).document()):
        for section in document.sections:
            for block in section.blocks:
                if isinstance(block, Paragraph):
                    assert block.text.en != block.text.ko
                    assert "{" not in block.text.en + block.text.ko
    (section,) = update_of(taken, "0.weight", (1, 2)).document().sections
    table = next(b for b in section.blocks if isinstance(b, Table))
    assert table.total
    *terms, total = (row[-1] for row in table.rows)
    assert sum(terms) == pytest.approx(total, abs=1e-17)
    assert "0.weight[1,2]" in section.blocks[0].text.ko
    assert set(WHY) == set(NAMES)


def test_errors_teach():
    taken = taken_step(optim.SGD(lr=0.1))
    with pytest.raises(OptionError, match=r"no parameter '0\.weigth'\. Did you mean '0\.weight'"):
        update_of(taken, "0.weigth", (0, 0))
    with pytest.raises(OptionError, match=r"shape \(5, 3\).*0\.weight\[0…4,0…2\]"):
        update_of(taken, "0.weight", (5, 0))
    with pytest.raises(OptionError, match=r"0\.weight\[0…4,0…2\]"):
        update_of(taken, "0.weight", (1,))


@pytest.mark.parametrize(
    ("after", "slope", "curvature", "said"),
    [
        (0.9, -0.1, 0.001, "short enough"),
        (2.0, -0.1, 0.001, "do not foretell"),
        (0.2, -0.1, -0.7, "do not foretell"),
        (float("nan"), float("nan"), float("nan"), "finite"),
        (float("inf"), -1e300, float("inf"), "finite"),
    ],
)
def test_the_verdict_on_a_step_looks_at_what_happened(after, slope, curvature, said):
    found = LossChange(1.0, after, {"w": slope}, curvature, 0.1, 1.0, True, np.dtype(np.float64))
    assert said in found.verdict().en
