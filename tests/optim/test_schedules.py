from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad import optim
from glassgrad.errors import OptionError

KINDS = [
    optim.Constant(),
    optim.StepDecay(),
    optim.StepDecay(every=7, factor=0.5),
    optim.Exponential(),
    optim.Cosine(final=0.1),
    optim.OneCycle(),
    optim.OneCycle(peak=0.5, initial=0.1, final=0.01),
    optim.WarmUp(),
    optim.WarmUp(steps=5, start=0.2, then=optim.Cosine()),
]


def pytorch_rates(make, lr, total):
    """Return the rates that a scheduler of PyTorch gives."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    rates = []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (optim.StepDecay(every=7, factor=0.5), lambda s, o: s.StepLR(o, 7, 0.5)),
        (optim.StepDecay(), lambda s, o: s.StepLR(o, 10, 0.1)),
        (optim.Exponential(final=0.02), lambda s, o: s.ExponentialLR(o, 0.02 ** (1 / 30))),
        (optim.Cosine(), lambda s, o: s.CosineAnnealingLR(o, 30)),
        (optim.Cosine(final=0.1), lambda s, o: s.CosineAnnealingLR(o, 30, eta_min=0.03)),
        (optim.OneCycle(), lambda s, o: s.OneCycleLR(o, max_lr=0.3, total_steps=31, cycle_momentum=False)),
        (
            optim.OneCycle(peak=0.45, initial=0.1, final=0.01),
            lambda s, o: s.OneCycleLR(
                o,
                0.3,
                total_steps=31,
                pct_start=0.45,
                div_factor=10,
                final_div_factor=100,
                cycle_momentum=False,
            ),
        ),
        (optim.WarmUp(steps=8, start=0.25), lambda s, o: s.LinearLR(o, 0.25, total_iters=8)),
        (
            optim.WarmUp(steps=5, start=0.2, then=optim.Cosine()),
            lambda s, o: s.SequentialLR(
                o, [s.LinearLR(o, 0.2, total_iters=5), s.CosineAnnealingLR(o, 25)], milestones=[5]
            ),
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_rates_equal_pytorchs(schedule, make):
    total = 31 if isinstance(schedule, optim.OneCycle) else 30
    want = pytorch_rates(make, 0.3, 30)
    np.testing.assert_allclose(schedule.rates(0.3, 0, 30, total), want, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("schedule", KINDS, ids=repr)
@given(total=st.integers(1, 300), cut=st.integers(0, 300), lr=st.floats(1e-6, 10))
def test_any_stretch_of_rates_is_part_of_the_whole(schedule, total, cut, lr):
    cut = min(cut, total)
    whole = schedule.rates(lr, 0, total, total)
    parts = np.concatenate([schedule.rates(lr, 0, cut, total), schedule.rates(lr, cut, total, total)])
    np.testing.assert_array_equal(whole, parts)
    assert whole.dtype == np.float64
    assert (whole >= 0).all()
    assert (whole <= lr * (1 + 1e-12)).all()
    assert schedule.rate(lr, total - 1, total) == whole[-1] == schedule.rate(lr, total + 5, total)


@pytest.mark.parametrize("schedule", KINDS, ids=repr)
def test_config_is_json_and_comes_back(schedule):
    assert optim.schedule(json.loads(json.dumps(schedule.config()))) == schedule


def test_every_schedule_is_built_by_name():
    assert optim.SCHEDULES.names() == ["constant", "step", "exponential", "cosine", "one_cycle", "warm_up"]
    for name in optim.SCHEDULES.names():
        assert optim.schedule(name).config()["name"] == name


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: optim.schedule("cosin"), "there is no schedule 'cosin'. Did you mean 'cosine'"),
        (lambda: optim.schedule("step", gamma=0.1), "the schedule 'step' has no setting 'gamma'"),
        (lambda: optim.StepDecay(every=0), "every must be a whole number with 1 ≤ every; got 0"),
        (lambda: optim.StepDecay(every=2.5), "got 2.5"),
        (lambda: optim.StepDecay(factor=1.5), "0 < factor ≤ 1; got 1.5"),
        (lambda: optim.Exponential(final=0), "0 < final ≤ 1; got 0"),
        (lambda: optim.OneCycle(peak=1), "0 < peak < 1; got 1"),
        (lambda: optim.WarmUp(then="cosinus"), "there is no schedule 'cosinus'"),
        (lambda: optim.Constant().rates(0.1, 5, 3, 10), "start 5, stop 3"),
        (lambda: optim.Constant().rate(0.1, 0, 0), "1 ≤ total; got 0"),
    ],
)
def test_errors_teach(wrong, message):
    with pytest.raises(OptionError) as error:
        wrong()
    assert message in str(error.value)
