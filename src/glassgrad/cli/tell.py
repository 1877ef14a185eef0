"""What ``train`` and ``show`` tell a person: the data, the plan, the result. Only what was computed is said."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassgrad.cli.output import counted, print_table, say

if TYPE_CHECKING:
    from glassgrad.data import Arrays, Schema, Table
    from glassgrad.learner.learner import Learner
    from glassgrad.learner.preparation import Preparation
    from glassgrad.learner.summary import Summary

__all__ = ["score_rows", "tell_data", "tell_plan", "tell_result", "tell_scores"]

_MOST_COLUMNS = 40
_LARGEST_PLAIN = 1e12
_NAMES = {"loss": "loss", "accuracy": "accuracy", "rmse": "RMSE", "mae": "MAE", "r2": "R²"}


def tell_data(data: Table | Arrays, schema: Schema | None, dropped: dict[str, Any]) -> None:
    """Show what was read, column by column, and what was dropped."""
    from glassgrad.data import Arrays

    if isinstance(data, Arrays):
        shape = "×".join(map(str, data.feature_shape))
        what = "images of" if data.kind == "images" else "samples of"
        test = f", and {data.test.height:,} that came as a test set" if data.test else ""
        say(f"{data.source}: {data.height:,} {what} {shape}{test}")
    else:
        columns = len(data.columns) + len(dropped["columns"])
        rows = data.height + sum(dropped["rows"].values())
        say(f"{data.source}: {counted(rows, 'row')}, {counted(columns, 'column')}")
    for condition, count in dropped["rows"].items():
        verb = "does" if count == 1 else "do"
        say(f"Dropped {counted(count, 'row')} that {verb} not meet: {condition}")
    if dropped["columns"]:
        say(f"Dropped columns: {', '.join(dropped['columns'])}")
    if schema is not None:
        say()
        described = schema.describe()
        print_table(
            described[:_MOST_COLUMNS], ("column", "kind", "missing", "different", "first"), numbers=(2, 3)
        )
        if len(described) > _MOST_COLUMNS:
            say(f"… and {counted(len(described) - _MOST_COLUMNS, 'more column')}")


def tell_plan(prepared: Preparation, before: Learner | None) -> None:
    """Show what will be trained on what, with the choices that were made."""
    say()
    for column, steps in prepared.preprocessing.describe():
        if "marked by an indicator" in steps:
            say(f"Missing cells of {column} become {steps.split(';')[0].removeprefix('missing → ')}")
    for note in prepared.notes:
        say(f"Note: {note}")
    recipe, held, test = prepared.recipe, prepared.validation, prepared.test
    parts = [f"{len(prepared.train):,} to train on"]
    parts += [f"{len(held):,} to validate"] if held else []
    parts += [f"{len(test):,} to test"] if test else []
    say(f"{prepared.task.capitalize()}, rows: {', '.join(parts)} (seed {recipe.seed})")
    outputs = prepared.classes if prepared.classes and not (recipe.loss or "").startswith("binary") else 1
    layers = "-".join(map(str, (prepared.preprocessing.n_features, *(recipe.hidden or ()), outputs)))
    dropout = f", dropout {recipe.dropout:g}" if recipe.dropout else ""
    say(f"Network {layers}, {recipe.activation}{dropout}, {recipe.dtype}; loss {recipe.loss}")
    say(
        f"{recipe.optimizer}, learning rate {recipe.lr:g} ({recipe.schedule}), "
        f"{counted(recipe.epochs or 1, 'epoch')} in batches of {recipe.batch_size}"
        + (f", patience {recipe.patience}" if recipe.patience else "")
    )
    if before is not None:
        done = before.summary.epochs + before.summary.epochs_before
        say(f"Going on from a model of {counted(done, 'epoch')}, with its columns, units and classes")


def tell_result(learner: Learner, out: Path, source: str) -> None:
    """Show how training ended, the scores beside those of the baselines, and where the model is."""
    summary = learner.summary
    say(f"{summary.message.splitlines()[0]} {summary.seconds:.1f} s, engine {summary.engine}")
    say()
    tell_scores(summary)
    say()
    say(f"Model saved in {out} ({out.stat().st_size / 1000:,.0f} kB)")
    data = "DATA" if source == "digits" else _quoted(source)
    say(f"Next: glassgrad predict {_quoted(str(out))} {data} -o predictions.csv")


def tell_scores(summary: Summary) -> None:
    """Print the final table, on the test rows (on the validation rows where there are none)."""
    scores = summary.test or summary.validation
    if not scores:
        say("No rows were held back, so there are no figures on unseen rows (--test, --validation).")
        return
    names = list(scores)
    rows = [_score_row("trained network", summary.test or summary.validation, names)]
    labels = {
        "trivial": "most frequent class" if summary.task == "classification" else "mean of the training rows",
        "linear": "logistic regression" if summary.task == "classification" else "linear model (ridge)",
    }
    if summary.linear_steps:
        labels["linear"] += f", {summary.linear_steps} steps"
    if summary.test:
        rows += [_score_row(labels[name], values, names) for name, values in summary.baselines.items()]
    count = summary.rows["test" if summary.test else "validation"]
    where = f"{'test' if summary.test else 'validation'} row"
    print_table(
        rows, (f"on {counted(count, where)}", *(_NAMES[name] for name in names)), range(1, len(names) + 1)
    )


def score_rows(scores: dict[str, Any]) -> list[tuple[str, str]]:
    """Return scores as rows to print."""
    return [(_NAMES[name], _number(value)) for name, value in scores.items()]


def _score_row(label: str, scores: dict[str, Any], names: list[str]) -> tuple[str, ...]:
    return (label, *(_number(scores.get(name)) for name in names))


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) >= _LARGEST_PLAIN:
        return f"{value:.3e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
