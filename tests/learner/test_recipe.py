"""Recipes: the choices made for a person, and those refused."""

from __future__ import annotations

from typing import Any

import pytest

from glassgrad.errors import OptionError
from glassgrad.learner.recipe import LOSSES, Recipe
from glassgrad.nn.losses import LOSSES as ALL_LOSSES


def test_defaults_follow_the_number_of_rows() -> None:
    def chosen(rows: int) -> tuple[int | None, int | None]:
        recipe = Recipe().resolve("regression", rows=rows, images=False)
        return recipe.batch_size, recipe.epochs

    assert chosen(100) == (32, 60)
    assert chosen(5000) == (32, 38)
    assert chosen(50_000) == (128, 15)
    assert chosen(10_000_000) == (512, 10)


def test_a_choice_that_was_made_is_kept() -> None:
    made = Recipe(hidden=(), lr=0.5, batch_size=7, epochs=3, patience=2, dropout=0.0, loss="mae")
    found = made.resolve("regression", rows=100, images=True)
    assert (found.hidden, found.lr, found.batch_size, found.epochs) == ((), 0.5, 7, 3)
    assert (found.patience, found.dropout, found.loss) == (2, 0.0, "mae")


def test_resolving_twice_changes_nothing() -> None:
    found = Recipe().resolve("classification", rows=1000, images=True, classes=3)
    assert found.resolve("classification", rows=1, images=False, classes=3) == found


def test_without_validation_rows_nothing_stops_early() -> None:
    assert Recipe(patience=3).resolve("regression", rows=10, images=False, held_out=False).patience is None


def test_every_loss_on_offer_exists() -> None:
    assert {name for names in LOSSES.values() for name in names} <= set(ALL_LOSSES.names())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hidden": (64, 0)}, r"hidden layer 2 must be a whole number .* got 0"),
        ({"epochs": 0}, "epochs must be a whole number with 1 ≤ epochs; got 0"),
        ({"batch_size": -1}, "batch_size must be a whole number .* got -1"),
        ({"patience": 0}, "patience must be a whole number .* got 0"),
        ({"lr": 0.0}, "lr must be a number with 0 < lr; got 0"),
        ({"lr": float("nan")}, "lr must be a number"),
        ({"dropout": 1.0}, "dropout must be a number with 0 ≤ dropout < 1"),
        ({"weight_decay": -0.1}, "weight_decay must be a number with 0 ≤"),
        ({"validation": 1.0}, "validation must be a number with 0 ≤ validation < 1"),
        ({"test": -0.1}, "test must be a number with 0 ≤ test < 1"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"dtype": "float16"}, "there is no dtype 'float16'"),
        ({"activation": "rely"}, "no activation 'rely'. Did you mean 'relu'"),
        ({"optimizer": "adm"}, "no optimizer 'adm'. Did you mean 'adam'"),
        ({"schedule": "cosin"}, "no schedule 'cosin'. Did you mean 'cosine'"),
        ({"engine": "nump"}, "no engine 'nump'. Did you mean 'numpy'"),
        ({"loss": "cross_entrop"}, "no loss 'cross_entrop'. Did you mean 'cross_entropy'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_data_is_read(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Recipe(**wrong).check()


def test_a_loss_must_fit_the_task() -> None:
    with pytest.raises(OptionError, match="'mse' does not fit classification"):
        Recipe(loss="mse").resolve("classification", rows=10, images=False, classes=2)
    with pytest.raises(OptionError, match="for two classes; this target has 3"):
        Recipe(loss="binary_cross_entropy_with_logits").resolve(
            "classification", rows=10, images=False, classes=3
        )
