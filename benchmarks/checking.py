"""What `glassgrad check` says of the corpus of hand-written backward passes, and how much of it is true.

    python benchmarks/checking.py [--family F] [--file F.py] [--jobs 2] [--failures] [--sample N --seed S] [--json OUT]

The cases are in `tests/checking/corpus`: right programs, and the same with a bug planted in each. Counted is: right
programs called wrong; bugs found; the first wrong quantity right; the cause named rightly; and how many corrected
lines made the program right. ``--file F.py#3`` is one case. The process ends with 1 where the figures fall short of
what is asked of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "checking"))

from corpus_cases import FAMILIES, Case, read_cases, sample
from corpus_judging import Figures, Judged, confusions, judge_all

COLUMNS = ("right", "alarms", "notices", "alarms", "no verdict", "bugs", "found", "first", "cause", "mended")


def chosen_cases(options: argparse.Namespace) -> list[Case]:
    families = [options.family] if options.family else FAMILIES
    cases = [
        case for case in read_cases(families) if options.file in (None, case.file, case.name.split("/")[1])
    ]
    if not cases:
        raise SystemExit(f"The corpus has no {options.file} in {', '.join(families)}.")
    return cases if options.sample is None else sample(cases, options.sample, options.seed)


def row(figures: Figures) -> list[str]:
    f = figures
    unjudged = f.right_unjudged + f.notice_unjudged
    numbers = [f.right, f.right_alarms, f.notices, f.notice_alarms, unjudged, f.wrong]
    shares = [
        f"{n} {100 * n / f.wrong:.1f}%" if f.wrong else "" for n in (f.found, f.first, f.cause, f.mended)
    ]
    return [*map(str, numbers), *shares]


def table(judged: list[Judged]) -> str:
    families = [family for family in FAMILIES if any(j.case.family == family for j in judged)]
    rows = [["", *COLUMNS]]
    rows += [
        [family, *row(Figures.of([j for j in judged if j.case.family == family]))] for family in families
    ]
    rows.append(["total", *row(Figures.of(judged))])
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(w) if i else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        )
        for cells in rows
    )


def by_cause(judged: list[Judged]) -> str:
    bugs = [j for j in judged if j.case.expect == "wrong"]
    mistaken = confusions(bugs)
    lines = []
    for cause in sorted({" or ".join(j.case.causes) for j in bugs}):
        these = [j for j in bugs if " or ".join(j.case.causes) == cause]
        said = ", ".join(f"{said} {n}" for (is_, said), n in mistaken.most_common() if is_ == cause)
        named = sum(j.cause_right for j in these)
        lines.append(f"{cause:<40} {named:>4} of {len(these):<4}" + (f"  else {said}" if said else ""))
    return "\n".join(line.rstrip() for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", choices=FAMILIES)
    parser.add_argument(
        "--file", help="a program of the corpus, or one case of it: F.py#3 (F.py#0 is the right one)"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument(
        "--failures", action="store_true", help="list each case of which something untrue was said"
    )
    parser.add_argument("--sample", type=int, help="only so many cases, spread over programs and causes")
    parser.add_argument("--seed", type=int, default=0, help="which sample")
    parser.add_argument("--json", type=Path, help="write what was said of each case into this file")
    options = parser.parse_args()

    cases = chosen_cases(options)
    start = time.perf_counter()
    judged = []
    for one in judge_all(cases, jobs=options.jobs):
        judged.append(one)
        if sys.stderr.isatty():
            print(f"\r{len(judged)} of {len(cases)}", end="", file=sys.stderr, flush=True)
    judged.sort(key=lambda j: cases.index(j.case))
    wall = time.perf_counter() - start

    print(f"\r{table(judged)}\n\n{by_cause(judged)}\n")
    if options.failures:
        print("\n".join(str(j) for j in judged if not j.good), end="\n\n")
    seconds = [j.said.seconds for j in judged]
    print(
        f"{len(judged)} cases in {wall:.0f} s; one took {statistics.median(seconds):.2f} s in the median, "
        f"{max(seconds):.2f} s at most ({max(judged, key=lambda j: j.said.seconds).case.name})"
    )
    if options.json is not None:
        records = [
            {"name": j.case.name, "good": j.good, "case": asdict(j.case), "said": asdict(j.said)}
            for j in judged
        ]
        options.json.write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    short = Figures.of(judged).shortcomings()
    if short:
        raise SystemExit("Falls short: " + "; ".join(short))


if __name__ == "__main__":
    main()
