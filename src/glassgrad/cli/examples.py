"""``glassgrad examples``: the built-in examples, listed or run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from glassgrad.cli.options import CommonOptions, TrainOptions
from glassgrad.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from glassgrad.examples import Example

__all__ = ["examples", "train_example"]


def examples(
    name: Annotated[str | None, Parameter(help="The example to run; without it all are listed.")] = None,
    /,
    *,
    options: CommonOptions | None = None,
) -> None:
    """List the built-in examples, or run one and show its numbers."""
    from glassgrad import examples as built_in

    options = options or CommonOptions()
    if name is not None:
        _run(name, options.json)
        return
    known = [built_in.get(each) for each in built_in.names()]
    if options.json:
        listed = [
            {
                "name": e.name,
                "title": {"en": e.title.en, "ko": e.title.ko},
                "about": {"en": e.about.en, "ko": e.about.ko},
            }
            for e in known
        ]
        print_json("examples", {"examples": listed})
        return
    print_table([(e.name, e.title.en) for e in known], ("name", "what it is"))
    say()
    say("Next: glassgrad examples NAME shows its numbers; glassgrad train digits trains on real data")


def train_example(name: str, options: TrainOptions) -> None:
    """Train the network of a worked example, all of whose choices are made; run an example that has none."""
    from glassgrad import examples as built_in
    from glassgrad.engines import engine
    from glassgrad.errors import OptionError
    from glassgrad.nn.losses import loss as find_loss
    from glassgrad.training.fit import predict
    from glassgrad.training.metrics import mae, r2, rmse

    refused = sorted(options.given().keys() - _FOR_EXAMPLES)
    if refused:
        raise OptionError(
            f"{name!r} is a worked example, whose network and training are given: "
            f"--{refused[0].replace('_', '-')} does not apply.\nWhat does: --epochs, --json, --quiet."
        )
    example = built_in.get(name)
    if options.shows:
        say(_plan(example, options))
        return
    if not isinstance(example, built_in.NetworkExample):
        _run(name, options.json, command="train", quiet=options.quiet)
        return
    model, history = example.train(steps=options.epochs, progress=not (options.quiet or options.json))
    outputs = predict(model, example.X)
    loss = find_loss(example.loss)(outputs, example.y).item()
    if options.json:
        given, wanted = outputs.tolist(), example.y.tolist()
        test = {
            "loss": loss,
            "rmse": rmse(outputs, example.y),
            "mae": mae(outputs, example.y),
            "r2": r2(outputs, example.y),
        }
        fields = {
            "task": "regression",
            "engine": engine().name,
            "seconds": history.seconds,
            "model": None,
            "epochs": history.epochs,
            "test": test,
            "example": name,
            "rows": [
                {"x": x, "target": y, "prediction": p}
                for x, y, p in zip(example.X.tolist(), wanted, given, strict=True)
            ],
        }
        print_json("train", fields)
    elif not options.quiet:
        _tell_title(example)
        steps = "1 step" if history.steps == 1 else f"{history.steps:,} steps"
        say(f"{steps}, {history.seconds:.1f} s: loss {history['loss'][0]:.8g} before, {loss:.8g} after")
        say()
        rows = zip(example.X.tolist(), example.y.tolist(), outputs.tolist(), strict=True)
        print_table([tuple(_numbers(part) for part in row) for row in rows], ("x", "target", "prediction"))


_FOR_EXAMPLES = {"json", "quiet", "seed", "epochs", "engine", "show_plan", "show_llvm"}


def _plan(example: Example, options: TrainOptions) -> str:
    """Return what becomes of the example's training step."""
    from glassgrad.errors import OptionError
    from glassgrad.examples import NetworkExample
    from glassgrad.training.train_step import train_step

    if not isinstance(example, NetworkExample):
        raise OptionError(f"{example.name!r} trains no network, so there is no plan to show.")
    step = train_step(example.build(), example.loss, "sgd", lr=example.lr, engine=options.engine or "auto")
    return step.plan(example.X, example.y, llvm=options.show_llvm)


def _run(name: str, as_json: bool, *, command: str = "examples", quiet: bool = False) -> None:
    """Run an example and print its rows."""
    from glassgrad import examples as built_in
    from glassgrad.engines import engine

    example = built_in.get(name)
    start = time.perf_counter()
    rows = example.run()
    if as_json:
        fields = {
            "task": "example",
            "engine": engine().name,
            "seconds": time.perf_counter() - start,
            "model": None,
            "epochs": None,
            "test": None,
            "example": name,
            "rows": [{"quantity": quantity, "value": value} for quantity, value in rows],
        }
        print_json(command, fields)
    elif not quiet:
        _tell_title(example)
        print_table(rows, ("quantity", "value"))


def _tell_title(example: Example) -> None:
    say(f"{example.name}: {example.title.en}")
    say(example.about.en)
    say()


def _numbers(values: list[float]) -> str:
    return ", ".join(f"{value:.8g}" for value in values)
