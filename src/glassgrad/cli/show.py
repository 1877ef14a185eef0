"""``glassgrad show``: what is in a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from glassgrad.cli.options import CommonOptions
from glassgrad.cli.output import counted, print_json, print_table, say

__all__ = ["show"]


def show(
    model: Annotated[Path, Parameter(help="A model file that glassgrad train wrote.")],
    /,
    *,
    options: CommonOptions | None = None,
) -> None:
    """Show what a model expects, what it is made of, how it was trained and how good it was."""
    import msgspec

    from glassgrad.cli.tell import tell_scores
    from glassgrad.learner.learner import Learner

    options = options or CommonOptions()
    learner = Learner.load(model)
    fitted, recipe, summary = learner.preprocessing, learner.recipe, learner.summary
    steps = fitted.describe()
    if options.json:
        data = summary.to_json()
        del data["checksum"]
        fields = {
            **data,
            **{name: data[name] or None for name in ("test", "validation", "baselines")},
            "model": str(model),
            "preprocessing": [{"column": column, "steps": text} for column, text in steps],
            "recipe": msgspec.to_builtins(recipe),
            "layers": [
                {"name": name, "shape": list(p.shape)} for name, p in learner.network.named_parameters()
            ],
        }
        print_json("show", fields)
        return
    say(f"{model}: {summary.task}, learnt from {summary.source}")
    say()
    print_table(steps, ("column", "what is done with it"))
    say()
    say(repr(learner.network))
    say()
    epochs = summary.epochs + summary.epochs_before
    say(
        f"Trained {counted(epochs, 'epoch')} on {counted(summary.rows['train'], 'row')} "
        f"by {recipe.optimizer}, learning rate {recipe.lr:g}"
    )
    say(
        f"({recipe.schedule}), batches of {recipe.batch_size}, loss {recipe.loss}, seed {recipe.seed}; "
        f"{summary.stopped}"
    )
    say()
    tell_scores(summary)
