"""The corpus of hand-written backward passes: that it is sound, and that the checker says what is true of it."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from corpus_cases import CAUSES, CORPUS, FAMILIES, Case, read_cases, sample
from corpus_judging import Figures, Judged, Said, judge_all

CASES = read_cases()
PROGRAMS = [case for case in CASES if not case.number]
MUTANTS = [case for case in CASES if case.number]
SOLID = frozenset(
    (
        "classes/two_two_two.py#1",
        "classes/two_two_two.py#2",
        "scripts/blobs_three_layers.py#1",
        "scripts/blobs_three_layers.py#18",
        "scripts/colours_zip.py#15",
        "scripts/colours_zip.py#5",
        "scripts/colours_zip.py#7",
        "scripts/course_columns.py#10",
        "scripts/deep_lists_rows.py#5",
        "scripts/leaky_rings.py#16",
        "scripts/logistic_columns.py#10",
        "scripts/parabola_fit.py#10",
        "scripts/parabola_fit.py#8",
        "scripts/parity_globals.py#16",
        "scripts/parity_globals.py#2",
        "scripts/parity_globals.py#3",
        "scripts/skip_main.py#13",
        "scripts/skip_main.py#15",
        "scripts/skip_main.py#6",
        "scripts/softmax_regression.py#1",
        "scripts/softmax_regression.py#12",
        "scripts/softmax_regression.py#4",
        "scripts/tanh_signs.py#13",
        "scripts/tanh_signs.py#2",
        "scripts/tanh_signs.py#5",
        "scripts/tied_autoencoder.py#1",
        "scripts/tied_autoencoder.py#14",
        "scripts/tied_autoencoder.py#2",
    )
)
"""Bugs of each kind that are found, placed and named; the whole corpus takes an hour (``-m slow``)."""


def figures_hold(cases: list[Case]) -> None:
    judged = list(judge_all(cases, jobs=2))
    assert len(judged) == len(cases)
    untrue = "\n".join(sorted(str(j) for j in judged if not j.good))
    assert not Figures.of(judged).shortcomings(), untrue


# -- the checker ---------------------------------------------------------------------------------------------


def test_the_right_programs_are_called_right() -> None:
    figures_hold(PROGRAMS)


def test_bugs_of_every_cause_are_found_placed_and_named() -> None:
    cases = [case for case in MUTANTS if case.name in SOLID]
    assert len(cases) == len(SOLID)
    figures_hold(cases)


@pytest.mark.slow
def test_the_bugs_are_found() -> None:
    figures_hold(CASES)


# -- the corpus ----------------------------------------------------------------------------------------------


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len(PROGRAMS) >= 60
    assert sum(case.expect == "wrong" for case in MUTANTS) >= 400
    assert {cause for case in MUTANTS for cause in case.causes} == CAUSES


@pytest.mark.parametrize("family", FAMILIES)
def test_every_program_is_listed_once(family: str) -> None:
    there = sorted(p.name for p in (CORPUS / family).iterdir() if p.suffix in (".py", ".ipynb"))
    assert sorted(case.file for case in PROGRAMS if case.family == family) == there
    listed = (CORPUS / family / "cases.toml").read_text(encoding="utf-8").count("[[mutant]]")
    assert len([case for case in MUTANTS if case.family == family]) == listed


def test_every_case_says_what_is_expected() -> None:
    assert {case.expect for case in PROGRAMS} <= {"right", "notice"}
    assert {case.expect for case in MUTANTS} <= {"wrong", "notice"}
    assert all(case.first and set(case.causes) <= CAUSES for case in MUTANTS)
    assert [n for n, times in Counter(case.content for case in CASES).items() if times > 1] == []


def test_every_replacement_is_made_once_and_leaves_python() -> None:
    right = ""
    for case in CASES:
        tree = ast.dump(ast.parse(case.code))
        if case.number:
            assert tree != right, case.name
        else:
            right = tree


@pytest.mark.parametrize("family", FAMILIES)
def test_the_programs_run_without_glassgrad(family: str, tmp_path: Path) -> None:
    for case in PROGRAMS:
        if case.family == family:
            run(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_mutants_run_to_their_end(family: str, tmp_path: Path) -> None:
    for case in MUTANTS:
        if case.family == family:
            run(case, tmp_path)


def run(case: Case, folder: Path) -> None:
    code = compile(case.code, case.name, "exec", dont_inherit=True)
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.random.seed(0)
        try:
            exec(code, {"__name__": "__main__"})
        except Exception as error:
            raise AssertionError(f"{case.name} does not run") from error


# -- how the figures are counted -----------------------------------------------------------------------------


def a_bug(**wanted: object) -> Case:
    found = [c for c in MUTANTS if all(getattr(c, name) == value for name, value in wanted.items())]
    return found[0]


def test_a_bug_is_placed_by_name_or_line_and_named_by_its_cause() -> None:
    case = a_bug(file="parity_globals.py", causes=("missing-derivative",), expect="wrong")
    (line,) = case.changed_lines
    assert case.code.splitlines()[line - 1] == case.new
    judged = {
        "name": Judged(case, Said("wrong", "l1_delta", 1, "missing-derivative")),
        "line": Judged(case, Said("wrong", "something", line, "sign")),
        "neither": Judged(case, Said("wrong", "l2_delta", line + 1, "missing-derivative")),
        "missed": Judged(case, Said("notice", "l1_delta", line, "missing-derivative")),
    }
    assert [j.found for j in judged.values()] == [True, True, True, False]
    assert [j.first_right for j in judged.values()] == [True, True, False, False]
    assert [j.cause_right for j in judged.values()] == [True, False, True, False]
    assert [j.good for j in judged.values()] == [True, False, False, False]
    figures = Figures.of(judged.values())
    assert (figures.wrong, figures.found, figures.first, figures.cause) == (4, 3, 2, 2)
    assert len(figures.shortcomings()) == 3


def test_a_false_alarm_and_no_verdict_fall_short() -> None:
    right, harmless = PROGRAMS[0], a_bug(expect="notice")
    assert Figures.of([Judged(right, Said("notice")), Judged(harmless, Said("right"))]).shortcomings() == []
    alarms = Figures.of([Judged(right, Said("wrong")), Judged(harmless, Said("wrong"))])
    assert (alarms.right_alarms, alarms.notice_alarms) == (1, 1)
    silent = Figures.of([Judged(right, Said("refused")), Judged(harmless, Said("timeout"))])
    assert (silent.right_unjudged, silent.notice_unjudged) == (1, 1)
    assert len(alarms.shortcomings()) == len(silent.shortcomings()) == 2


def test_a_parameter_taken_out_of_the_update_is_placed_by_its_name() -> None:
    case = a_bug(file="skip_main.py", causes=("never-updated",), new="")
    assert case.changed_lines == set()
    assert case.changed_names == {"b1"}
    assert Judged(case, Said("wrong", "b1", 3)).first_right


def test_a_bug_in_a_notebook_is_placed_in_its_joined_cells() -> None:
    case = a_bug(file="three_regions.ipynb", causes=("softmax-twice",))
    (line,) = case.changed_lines
    assert case.new in case.code.splitlines()[line - 1]


def judge_badly(case: Case) -> Said:
    if case.number == 1:
        os._exit(3)
    if case.number == 2:
        time.sleep(60)
    return Said("wrong", says="noise")


def test_cases_that_crash_or_hang_are_reported_as_such() -> None:
    judged = list(judge_all(CASES[:5], jobs=2, limit=5.0, judging=judge_badly))
    assert {j.case.number: j.said.verdict for j in judged} == {
        0: "wrong", 1: "crashed", 2: "timeout", 3: "wrong", 4: "wrong",
    }  # fmt: skip


def test_a_sample_is_spread_over_programs_and_causes() -> None:
    chosen = sample(MUTANTS, 120, seed=0)
    assert chosen == sample(MUTANTS, 120, seed=0) != sample(MUTANTS, 120, seed=1)
    assert len(set(chosen)) == 120
    assert set(Counter(case.path for case in chosen).values()) == {1, 2}
    assert {cause for case in chosen for cause in case.causes} == CAUSES
