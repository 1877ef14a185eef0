"""What recording costs: a step of W3, W4 and W5 that reports what `Recorder` asks for, beside one that does not.

Both loops take turns, so that whatever else the machine does falls on both. Run it on an idle machine:

    python benchmarks/recording.py [W3 W4 W5]
"""

from __future__ import annotations

import sys
import time

import numpy as np

from glassgrad.bench.peers.glassgrad_peer import Glassgrad
from glassgrad.bench.workloads import Workload, find
from glassgrad.engines import engine
from glassgrad.explaining.recording.recorder import Recorder
from glassgrad.training.step import TrainingStep, build_step

ROUNDS = 21
SECONDS = 0.05
"""About how long a turn takes."""


class Recorded(Glassgrad):
    """The same training loop, recorded."""

    def build(self, workload: Workload) -> TrainingStep:
        """Load the data and trace the step with what a recorder asks for."""
        plain = super().build(workload)
        x, y = self.rows[:2]
        self.step = build_step(self.model, self.criterion, plain.optimizer, x, y, watches=[Recorder().watch])
        return self.step


def compare(name: str) -> None:
    workload = find(name)
    off, on = Glassgrad(), Recorded()
    for contestant in (off, on):
        contestant.build(workload)
        contestant.loop = engine().loop(contestant.step.step)
        contestant.run(3)
    begin = time.perf_counter()
    off.run(3)
    steps = max(3, int(3 * SECONDS / (time.perf_counter() - begin)))
    times = np.empty((ROUNDS, 2))
    for row in times:
        for i, contestant in enumerate((off, on)):
            begin = time.perf_counter()
            contestant.run(steps)
            row[i] = (time.perf_counter() - begin) / steps
    plain, recorded = np.median(times, 0) * 1e6
    share = np.median(times[:, 1] / times[:, 0]) - 1
    least = times[:, 1].min() / times[:, 0].min() - 1
    numbers = sum(map(len, on.step.watched))
    print(
        f"{name}: {plain:,.1f} µs a step, {recorded:,.1f} µs with {numbers} numbers of each recorded: "
        f"{share:+.1%} (of the fastest turns {least:+.1%})"
    )


if __name__ == "__main__":
    for name in sys.argv[1:] or ["W3", "W4", "W5"]:
        compare(name)
