"""The network of worked example 4 with its published bug: found, named and mended; and without it: no complaint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassgrad.checking.programs import check_program
from glassgrad.checking.report import ProgramReport

PROGRAM = """import numpy as np


class TwoTwoTwo:
    def __init__(self):
        self.W1 = np.array([[0.3, 0.25], [0.4, 0.35]])
        self.W2 = np.array([[0.45, 0.4], [0.7, 0.6]])

    def sigmoid(self, z):
        return 1 / (1 + np.exp(-z))

    def forward(self, x):
        self.x = x
        self.h = self.sigmoid(self.W1 @ x)
        self.o = self.sigmoid(self.W2 @ self.h)
        return self.o

    def step(self, x, target, rate=0.5):
        self.forward(x)
        delta_o = (self.o - target) * self.o * (1 - self.o)
        dW2 = np.outer(delta_o, self.h)
        slope = self.h * (1 - self.h)
        {delta_h}
        dW1 = np.outer(delta_h, self.x)
        self.W2 -= rate * dW2
        self.W1 -= rate * dW1
        return 0.5 * np.sum((self.o - target) ** 2)


net = TwoTwoTwo()
for epoch in range(3):
    E = net.step(np.array([0.1, 0.2]), np.array([0.4, 0.6]))
    print(epoch, E)
"""
RIGHT = "delta_h = self.W2.T @ delta_o * slope"
PUBLISHED = "delta_h = delta_o * self.W2[:, 0] * slope[0] + delta_o * self.W2[:, 1] * slope[1]"


def checked(folder: Path, line: str) -> ProgramReport:
    file = folder / "two_two_two.py"
    file.write_text(PROGRAM.replace("{delta_h}", line), encoding="utf-8")
    return check_program(file)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> ProgramReport:
    return checked(tmp_path_factory.mktemp("published"), PUBLISHED)


def test_the_right_version_passes_with_no_complaint(tmp_path: Path) -> None:
    report = checked(tmp_path, RIGHT)
    assert (report.verdict, list(report.findings), list(report.notices)) == ("right", [], [])
    exact = {p.name: p.exact for p in report.parameters}
    np.testing.assert_allclose(
        exact["self.W1"], [[0.00080888, 0.00161775], [0.00071009, 0.00142017]], atol=5e-9
    )
    np.testing.assert_allclose(
        exact["self.W2"], [[0.02592286, 0.02629590], [0.00740844, 0.00751506]], atol=5e-9
    )
    assert [p.rate for p in report.parameters] == pytest.approx([0.5, 0.5])


def test_the_published_bug_is_found_and_the_other_weight_is_right(published: ProgramReport) -> None:
    assert published.verdict == "wrong"
    states = {p.name: (p.gradient, p.update) for p in published.parameters}
    assert states == {"self.W2": ("right", "right"), "self.W1": ("wrong", "follows")}
    found = {p.name: p.found for p in published.parameters}
    np.testing.assert_allclose(
        found["self.W1"], [[0.00105697, 0.00211394], [0.00046199, 0.00092399]], atol=5e-9
    )


def test_the_first_wrong_quantity_is_the_hidden_error(published: ProgramReport) -> None:
    (finding,) = published.findings
    assert finding.quantity.name == "delta_h"
    assert PROGRAM.splitlines()[finding.quantity.line - 1].strip() == "{delta_h}"
    assert list(finding.follows) == ["dW1"]


def test_the_cause_is_the_wrong_index_and_the_corrected_line_passes(
    published: ProgramReport, tmp_path: Path
) -> None:
    cause = published.findings[0].cause
    assert cause.key == "transposed"
    assert "wrong index of self.W2" in cause.title.en
    assert "self.W2" in cause.title.ko
    assert cause.confirmed
    assert checked(tmp_path, cause.after.strip()).verdict == "right"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_line_says_what_it_is(published: ProgramReport, lang: str) -> None:
    text = published.text(lang)  # type: ignore[arg-type]
    for said in ("∂E/∂z(self.o)", "∂E/∂z(self.h)", "∂E/∂self.W2", "self.W2 − η·∂E/∂self.W2"):
        assert said in text
