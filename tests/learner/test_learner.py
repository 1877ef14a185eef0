"""Learners: trained, kept, used and trained on, with nothing lost; and files that lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from glassgrad.data import Arrays, Table
from glassgrad.errors import DataError, ModelFileError, OptionError
from glassgrad.learner.learner import Learner, NotFiniteError
from glassgrad.learner.preparation import prepare
from glassgrad.learner.recipe import Recipe
from glassgrad.training import Callback, predict
from glassgrad.training.files import load_file, save_file

QUICK = Recipe(hidden=(8,), epochs=3, batch_size=16)


def houses(rows: int = 200, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    size, town = rng.gamma(4.0, 25.0, rows), rng.choice(["Seoul", "Busan", "Jeju"], rows)
    price = 1000 * size * (1 + (town == "Seoul")) + rng.normal(0, 5000, rows)
    size_or_missing = [None if i % 17 == 0 else v for i, v in enumerate(size)]
    return Table(pl.DataFrame({"size": size_or_missing, "town": town, "price": price}), "houses")


def flowers(rows: int = 200, classes: int = 3, seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, rows)
    return Arrays(rng.normal(size=(rows, 4)) + y[:, None], y, "flowers", "array")


@pytest.fixture(scope="module")
def learner() -> Learner:
    recipe = Recipe(hidden=(16,), epochs=60, batch_size=16, lr=0.01)
    return Learner.train(houses(400), target="price", recipe=recipe, progress=False)


def test_it_learns_and_beats_its_baselines(learner: Learner) -> None:
    summary = learner.summary
    assert summary.test["rmse"] < summary.baselines["linear"]["rmse"] < summary.baselines["trivial"]["rmse"]
    assert summary.test["r2"] > 0.9
    assert abs(summary.baselines["trivial"]["r2"]) < 0.1


def test_classes_are_learnt_and_come_back_by_name() -> None:
    learner = Learner.train(flowers(), recipe=Recipe(hidden=(8,), epochs=30), progress=False)
    assert learner.summary.test["accuracy"] > max(0.5, learner.summary.baselines["trivial"]["accuracy"])
    predictions = learner.predict(flowers(20, seed=1))
    assert predictions.classes == ("0", "1", "2")
    assert predictions.probabilities is not None
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1), 1)
    assert (np.array(predictions.classes)[predictions.probabilities.argmax(1)] == predictions.values).all()


def test_two_classes_can_be_told_apart_by_one_output() -> None:
    recipe = Recipe(hidden=(8,), epochs=30, loss="binary_cross_entropy_with_logits")
    learner = Learner.train(flowers(classes=2), recipe=recipe, progress=False)
    assert learner.network.state_dict()["3.weight"].shape == (1, 8)
    assert learner.summary.test["accuracy"] > 0.7
    assert learner.summary.baselines["linear"]["loss"] < learner.summary.baselines["trivial"]["loss"]
    predictions = learner.predict(flowers(20, classes=2, seed=1))
    assert predictions.probabilities is not None
    assert predictions.probabilities.shape == (20, 2)


def test_evaluate_gives_what_predict_and_the_raw_target_give(learner: Learner) -> None:
    rows = houses(100, seed=5)
    scores = learner.evaluate(rows)
    error = learner.predict(rows).values - rows.frame["price"].to_numpy()
    assert scores["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-9)
    assert scores["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-9)


def test_a_saved_learner_predicts_the_same_bits(learner: Learner, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    learner.save(path)
    again = Learner.load(path)
    rows = houses(50, seed=3)
    np.testing.assert_array_equal(again.predict(rows).values, learner.predict(rows).values)
    assert again.summary.to_json() == learner.summary.to_json()
    assert again.recipe == learner.recipe
    assert again.preprocessing == learner.preprocessing
    for name, array in learner.optimizer_state.items():
        np.testing.assert_array_equal(again.optimizer_state[name], array)


def test_the_parameters_lie_in_the_file_under_their_own_names(learner: Learner, tmp_path: Path) -> None:
    from safetensors.numpy import load_file as plain_load

    learner.save(tmp_path / "m.safetensors")
    arrays = plain_load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(arrays["0.weight"], learner.network.state_dict()["0.weight"])


def test_the_same_seed_gives_the_same_bits_and_another_another() -> None:
    def weights(seed: int) -> np.ndarray:
        recipe = msgspec.structs.replace(QUICK, seed=seed)
        return Learner.train(houses(), target="price", recipe=recipe, progress=False).network.state_dict()[
            "0.weight"
        ]

    np.testing.assert_array_equal(weights(1), weights(1))
    assert (weights(1) != weights(2)).any()


class StopAt(Callback):
    def __init__(self, step: int) -> None:
        self.every = step

    def on_step(self, run: Any) -> None:
        run.stop()


def test_a_resumed_training_is_the_uninterrupted_one_bit_for_bit(tmp_path: Path) -> None:
    whole = Learner.train(houses(), target="price", recipe=QUICK, progress=False)
    Learner.train(
        houses(),
        target="price",
        recipe=QUICK,
        progress=False,
        callbacks=[StopAt(13)],
        checkpoint_dir=tmp_path,
        checkpoint_every=5,
    )
    resumed = Learner.resume(houses(), tmp_path, progress=False)
    assert resumed.summary.steps == whole.summary.steps
    for name, array in whole.network.state_dict().items():
        np.testing.assert_array_equal(resumed.network.state_dict()[name], array)
    for name, array in whole.optimizer_state.items():
        np.testing.assert_array_equal(resumed.optimizer_state[name], array)


def test_a_training_that_went_on_and_was_cut_off_remembers_both(tmp_path: Path) -> None:
    first = Learner.train(houses(), target="price", recipe=QUICK, progress=False)
    prepared = prepare(houses(seed=2), recipe=first.next_recipe(), preprocessing=first.preprocessing)
    whole = Learner.train_prepared(
        prepared, before=first, progress=False, checkpoint_dir=tmp_path, checkpoint_every=3
    )
    for path in sorted(tmp_path.iterdir())[1:]:
        path.unlink()
    resumed = Learner.resume(houses(seed=2), tmp_path, progress=False)
    assert resumed.summary.in_all() == whole.summary.in_all()
    assert resumed.optimizer_state["step"] == whole.optimizer_state["step"] == whole.summary.in_all()[1]
    for name, array in whole.network.state_dict().items():
        np.testing.assert_array_equal(resumed.network.state_dict()[name], array)


def _lose(arrays: Any, metadata: Any) -> None:
    del arrays["state.model.0.bias"]


def _step(arrays: Any, metadata: Any) -> None:
    del arrays["state.step"]


def _best(arrays: Any, metadata: Any) -> None:
    arrays["best.model.0.bias"] = arrays["best.model.0.bias"][:-1]


def _recipe(arrays: Any, metadata: Any) -> None:
    metadata["metadata"]["recipe"]["epochs"] = "many"


def _fitted(arrays: Any, metadata: Any) -> None:
    metadata["metadata"]["preprocessing"]["table_steps"] = []


def _other_network(arrays: Any, metadata: Any) -> None:
    metadata["metadata"]["recipe"]["hidden"] = [9]


def _position(arrays: Any, metadata: Any) -> None:
    metadata["position"]["epoch"] = -1


@pytest.mark.parametrize("change", [_lose, _step, _best, _recipe, _fitted, _other_network, _position])
def test_a_checkpoint_that_lies_is_refused(tmp_path: Path, change: Any) -> None:
    Learner.train(houses(), target="price", recipe=QUICK, progress=False, checkpoint_dir=tmp_path)
    path = sorted(tmp_path.iterdir())[0]
    arrays, metadata = load_file(path)
    for own in ("format_version", "kind", "glassgrad_version"):
        del metadata[own]
    change(arrays, metadata)
    save_file(path, arrays, metadata, kind="checkpoint")
    with pytest.raises(ModelFileError):
        Learner.resume(houses(), path, progress=False)


def test_other_data_cannot_be_resumed_with(tmp_path: Path) -> None:
    Learner.train(houses(), target="price", recipe=QUICK, progress=False, checkpoint_dir=tmp_path)
    with pytest.raises(ModelFileError, match="belongs to another run"):
        Learner.resume(houses(seed=9), tmp_path, progress=False)


def test_going_on_keeps_columns_units_classes_and_the_optimizers_memory(learner: Learner) -> None:
    after = learner.continue_from(houses(100, seed=7), progress=False, recipe=_gently(learner))
    assert after.preprocessing == learner.preprocessing
    assert after.summary.epochs_before == learner.summary.epochs
    before_weights, after_weights = learner.network.state_dict(), after.network.state_dict()
    for name, array in before_weights.items():  # a rate of next to nothing moves next to nothing
        np.testing.assert_allclose(after_weights[name], array, atol=1e-6)
    for name, array in learner.optimizer_state.items():
        moved = np.abs(after.optimizer_state[name] - array).max()
        assert moved > 0  # new gradients were taken in …
        if name.endswith("exp_avg_sq"):  # … and the old ones not forgotten: 1 − 0.999⁵ is half a percent
            np.testing.assert_allclose(after.optimizer_state[name], array, rtol=0.2, atol=array.max() * 0.2)


def test_training_twice_is_training_once_for_as_long() -> None:
    def recipe(epochs: int) -> Recipe:
        return Recipe(
            hidden=(8,),
            epochs=epochs,
            batch_size=1000,
            validation=0.0,
            test=0.0,
            schedule="constant",
            lr=0.01,
        )

    whole = Learner.train(houses(), target="price", recipe=recipe(7), progress=False)
    half = Learner.train(houses(), target="price", recipe=recipe(3), progress=False)
    both = half.continue_from(houses(), recipe=recipe(4), progress=False)
    for name, array in whole.network.state_dict().items():
        np.testing.assert_array_equal(both.network.state_dict()[name], array)
    for name, array in whole.optimizer_state.items():
        np.testing.assert_array_equal(both.optimizer_state[name], array)


def _gently(learner: Learner) -> Recipe:
    return msgspec.structs.replace(
        learner.recipe, lr=1e-12, weight_decay=0.0, epochs=1, validation=0.0, test=0.0, patience=None
    )


def test_new_rows_improve_a_learner(learner: Learner) -> None:
    few = Learner.train(houses(60), target="price", recipe=QUICK, progress=False)
    more = few.continue_from(houses(600, seed=3), progress=False)
    unseen = houses(300, seed=8)
    assert more.evaluate(unseen)["rmse"] < few.evaluate(unseen)["rmse"]


def test_a_label_that_training_had_not_is_refused_on_going_on() -> None:
    learner = Learner.train(flowers(classes=2), recipe=QUICK, progress=False)
    with pytest.raises(DataError, match="'2' is no class of this model"):
        learner.continue_from(flowers(classes=3), progress=False)


def test_a_missing_column_is_named_at_prediction(learner: Learner) -> None:
    rows = houses(10)
    with pytest.raises(DataError, match="no column 'town'"):
        learner.predict(rows.with_frame(rows.frame.drop("town")))


def test_an_unseen_category_is_noted(learner: Learner) -> None:
    rows = houses(10)
    frame = rows.frame.with_columns(pl.lit("Daegu").alias("town"))
    predictions = learner.predict(rows.with_frame(frame))
    assert "10 cells hold a category that training had not" in predictions.notes[0]


def test_it_knows_the_rows_it_was_trained_on(learner: Learner) -> None:
    assert learner.trained_on(houses(400))
    assert not learner.trained_on(houses(400, seed=1))


def test_a_loss_that_is_no_number_keeps_the_last_good_weights() -> None:
    recipe = Recipe(
        hidden=(8,), epochs=5, optimizer="sgd", schedule="constant", lr=1e25, activation="identity"
    )
    with pytest.raises(NotFiniteError, match=r"epoch 1, step \d") as caught:
        Learner.train(houses(), target="price", recipe=recipe, progress=False)
    for array in caught.value.learner.network.state_dict().values():
        assert np.isfinite(array).all()


def test_baselines_and_network_are_scored_on_the_same_rows(learner: Learner) -> None:
    prepared = prepare(houses(400), target="price", recipe=learner.recipe)
    assert prepared.test is not None
    outputs = predict(learner.network, prepared.test.X)
    given = learner.preprocessing.inverse_target(outputs[:, 0])
    wanted = learner.preprocessing.inverse_target(prepared.test.y)
    assert learner.summary.test["rmse"] == pytest.approx(np.sqrt(((given - wanted) ** 2).mean()))
    spread = wanted - learner.preprocessing.inverse_target(prepared.train.y).mean()
    assert learner.summary.baselines["trivial"]["rmse"] == pytest.approx(np.sqrt((spread**2).mean()))


# --- files that lie, though their checksum fits ---


def _lie(learner: Learner, path: Path, change: Any) -> None:
    learner.save(path)
    arrays, metadata = load_file(path)
    for own in ("format_version", "kind", "glassgrad_version"):
        del metadata[own]
    change(arrays, metadata)
    save_file(path, arrays, metadata, kind="model")


def _shape(arrays: Any, metadata: Any) -> None:
    arrays["0.weight"] = arrays["0.weight"][:, :-1]


def _missing(arrays: Any, metadata: Any) -> None:
    del arrays["0.bias"]


def _extra(arrays: Any, metadata: Any) -> None:
    arrays["9.weight"] = np.zeros((2, 2), np.float32)


def _optimizer(arrays: Any, metadata: Any) -> None:
    name = "optimizer.0.weight.exp_avg"
    arrays[name] = arrays[name].T.copy()


def _dtype(arrays: Any, metadata: Any) -> None:
    arrays["0.weight"] = arrays["0.weight"].astype(np.float64)


def _nan(arrays: Any, metadata: Any) -> None:
    arrays["0.weight"][0, 0] = np.nan


def _huge(arrays: Any, metadata: Any) -> None:
    metadata["recipe"]["hidden"] = [1 << 20, 1 << 20]


def _no_recipe(arrays: Any, metadata: Any) -> None:
    del metadata["recipe"]


def _open_recipe(arrays: Any, metadata: Any) -> None:
    metadata["recipe"]["lr"] = None


def _wrong_type(arrays: Any, metadata: Any) -> None:
    metadata["recipe"]["hidden"] = "128"


def _activation(arrays: Any, metadata: Any) -> None:
    metadata["recipe"]["activation"] = "os.system"


def _loss(arrays: Any, metadata: Any) -> None:
    metadata["recipe"]["loss"] = "cross_entropy"


def _unknown_field(arrays: Any, metadata: Any) -> None:
    metadata["summary"]["extra"] = 1


def _preprocessing(arrays: Any, metadata: Any) -> None:
    metadata["preprocessing"]["table_steps"] = []


@pytest.mark.parametrize(
    "change",
    [
        _shape,
        _missing,
        _extra,
        _optimizer,
        _dtype,
        _nan,
        _huge,
        _no_recipe,
        _open_recipe,
        _wrong_type,
        _activation,
        _loss,
        _unknown_field,
        _preprocessing,
    ],
)
def test_a_file_that_lies_is_refused(learner: Learner, tmp_path: Path, change: Any) -> None:
    path = tmp_path / "m.safetensors"
    _lie(learner, path, change)
    with pytest.raises(ModelFileError, match=r"m\.safetensors' is no model that can be used: ") as caught:
        Learner.load(path)
    assert len(str(caught.value).splitlines()) <= 3


def test_a_file_that_says_the_truth_is_not(learner: Learner, tmp_path: Path) -> None:
    _lie(learner, tmp_path / "m.safetensors", lambda arrays, metadata: None)
    loaded = Learner.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict(houses()).values, learner.predict(houses()).values)


def test_a_checkpoint_is_no_model_and_a_model_no_checkpoint(learner: Learner, tmp_path: Path) -> None:
    learner.save(tmp_path / "m.safetensors")
    with pytest.raises(ModelFileError, match="is a model; a checkpoint is needed"):
        Learner.resume(houses(), tmp_path / "m.safetensors")
    Learner.train(houses(), target="price", recipe=QUICK, progress=False, checkpoint_dir=tmp_path / "c")
    newest = sorted((tmp_path / "c").iterdir())[-1]
    with pytest.raises(ModelFileError, match="is a checkpoint; a model is needed"):
        Learner.load(newest)


def test_a_recipe_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(OptionError, match="does not fit"):
        Learner.train(houses(), target="price", recipe=Recipe(loss="cross_entropy"), progress=False)
