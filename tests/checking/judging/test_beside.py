"""Results made in a loop over units are paired with the gradients of the units they belong to."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassgrad.checking.judging.choosing import choose
from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import judgements
from glassgrad.checking.judging.step import find_step
from glassgrad.checking.naming import nodes_of
from glassgrad.checking.recording.run import Program

UNITS = """
from math import exp
from random import seed, random
seed(3)
net = [[{'w': [random() - 0.5 for _ in range(3)]} for _ in range(2)] for _ in range(3)]
rows = [([0.2, 0.9], [0.0, 1.0]), ([0.8, 0.3], [1.0, 0.0]), ([0.6, 0.7], [1.0, 1.0])]
for epoch in range(5):
    for row, wanted in rows:
        values = row
        for layer in net:
            for unit in layer:
                z = unit['w'][-1]
                for i in range(2):
                    z += unit['w'][i] * values[i]
                unit['out'] = 1.0 / (1.0 + exp(-z))
            values = [unit['out'] for unit in layer]
        loss = sum((wanted[k] - values[k]) ** 2 for k in range(2))
        for j, unit in enumerate(net[-1]):
            unit['delta'] = (wanted[j] - unit['out']) * unit['out'] * (1 - unit['out'])
        for layer, above in ((net[1], net[2]), (net[0], net[1])):
            for j, unit in enumerate(layer):
                back = 0.0
                for upper in above:
                    back += upper['w'][j] * upper['delta']
                unit['delta'] = back * unit['out'] * (1 - unit['out'])
        for layer, below in zip(net, [None, net[0], net[1]]):
            inputs = row if below is None else [unit['out'] for unit in below]
            for unit in layer:
                for j in range(2):
                    unit['w'][j] += 0.4 * unit['delta'] * inputs[j]
                unit['w'][-1] += 0.4 * unit['delta']
"""


def faults(tmp_path: Path, source: str) -> list[Fault]:
    file = tmp_path / "program.py"
    file.write_text(source)
    program = Program(file)
    run = program.execute(numbers=True)
    step = find_step(run.tape, nodes_of(program))
    assert step is not None
    return choose(judgements(step, nodes_of(program), run.tape.bindings))[1]


@pytest.mark.parametrize(
    ("old", "new", "results", "mended"),
    [
        (
            "* unit['out'] * (1 - unit['out'])\n        for l",
            "* (unit['out'] * (1 - unit['out'])) ** 2\n        for l",
            2,
            18,
        ),
        ("= back * unit['out'] * (1 - unit['out'])", "= back * unit['out']", 4, 12),
    ],
    ids=["output", "hidden"],
)
def test_one_fault_mends_all_units(tmp_path: Path, old: str, new: str, results: int, mended: int) -> None:
    (fault,) = faults(tmp_path, UNITS.replace(old, new, 1))
    assert (fault.name, len(fault.values), len(fault.parameters)) == ("unit['delta']", results, mended)
