"""``glassgrad train``: from a file to a model, and every choice on the way shown."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from glassgrad.cli.options import TrainOptions
from glassgrad.cli.output import check_not_input, check_writable, print_json, say
from glassgrad.cli.sources import Selection, default_name, read_source, split_names

if TYPE_CHECKING:
    from glassgrad.data import Arrays, Schema, Table
    from glassgrad.learner.files import Unfinished
    from glassgrad.learner.learner import Learner
    from glassgrad.learner.preparation import Preparation
    from glassgrad.learner.recipe import Recipe

__all__ = ["train"]


def train(
    source: Annotated[
        str,
        Parameter(
            help="A built-in example (glassgrad examples), or a file (CSV, TSV, Parquet, NPZ, IDX), or a folder of IDX "
            "files or of images, one folder a class."
        ),
    ],
    /,
    *,
    options: TrainOptions | None = None,
) -> None:
    """Train a network on data, show how good it is, and save it with all that a prediction needs."""
    from glassgrad import examples

    options = options or TrainOptions()
    _check_shown(options)
    if source in examples.names() and source != "digits":
        from glassgrad.cli.examples import train_example

        train_example(source, options)
        return
    out = options.out or default_name(source)
    if not options.shows:
        _check_files(source, out, options)
    _Training(source, out, options).run()


class _Training:
    """One run of the command."""

    def __init__(self, source: str, out: Path, options: TrainOptions) -> None:
        self.source, self.out, self.options = source, out, options
        self.talks = not (options.json or options.quiet or options.shows)
        self.before: Learner | None = None
        self.unfinished: Unfinished | None = None
        self.saved = False

    def run(self) -> None:
        """Train, save, score; an interruption says what there is afterwards."""
        try:
            self._run()
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"Interrupted; {self._left()}.") from None

    def _run(self) -> None:
        prepared, dropped, note = self._prepare()
        if self.options.shows:
            say(_plan(prepared, llvm=self.options.show_llvm))
            return
        if self.talks:
            from glassgrad.cli.tell import tell_plan

            tell_plan(prepared, self.before)
        learner = self._train(prepared, note)
        self._score(learner, prepared)
        if self.talks:
            from glassgrad.cli.tell import tell_result

            tell_result(learner, self.out, self.source)
        if self.options.json:
            print_json("train", _report(learner, self.out, dropped))

    def _train(self, prepared: Preparation, note: dict[str, Any]) -> Learner:
        """Train and save, with nothing between the two that takes time or could be interrupted."""
        from glassgrad.cli.interruption import Postponed
        from glassgrad.errors import TrainingError
        from glassgrad.learner.learner import Learner, NotFiniteError

        options = self.options
        with Postponed() as postponed:
            try:
                learner = Learner.train_prepared(
                    prepared,
                    before=self.before,
                    unfinished=self.unfinished,
                    progress=False if options.quiet else None if options.json else True,
                    callbacks=[postponed],
                    checkpoint_dir=options.checkpoint_dir,
                    checkpoint_every=options.checkpoint_every,
                    note=note,
                    scored=False,
                )
            except NotFiniteError as error:
                if not error.learner.summary.epochs:
                    raise
                error.learner.save(self.out)
                raise TrainingError(f"{error}\nThat model is saved in {self.out}.") from None
            learner.save(self.out)
            self.saved = True
        return learner

    def _score(self, learner: Learner, prepared: Preparation) -> None:
        """Score the model and its baselines on the rows held back, and save it with the figures."""
        from glassgrad.learner.scores import comparing_is_slow

        if prepared.validation is None and prepared.test is None:
            return
        if self.talks and comparing_is_slow(prepared):
            print("Fitting a linear model to compare with …", file=sys.stderr)
        learner.judge(prepared)
        learner.save(self.out)

    def _left(self) -> str:
        """Say what an interrupted run leaves behind."""
        if self.saved:
            return f"the model is saved in {self.out}"
        folder = self.options.checkpoint_dir
        if folder is not None and any(folder.glob("step-*.safetensors")):
            return f"no model was written.\nGo on from the checkpoints: --resume {folder}"
        return "nothing was written"

    def _prepare(self) -> tuple[Preparation, dict[str, Any], dict[str, Any]]:
        """Read the data and make it ready, as the options, a checkpoint or a model say."""
        from glassgrad.learner.preparation import prepare

        options = self.options
        recipe, fitted, target = self._recipe()
        wanted = options.selection()
        selection = wanted if self.unfinished is None else _same_selection(wanted, self.unfinished)
        data, dropped = read_source(self.source, selection, target)
        schema = None if fitted is not None else _schema(data, target, selection)
        if self.talks:
            from glassgrad.cli.tell import tell_data

            tell_data(data, schema, dropped)
        prepared = prepare(
            data,
            target=target,
            task=options.task,
            recipe=recipe,
            schema=schema,
            preprocessing=fitted,
        )
        return prepared, dropped, asdict(selection)

    def _recipe(self) -> tuple[Recipe, Any, str | None]:
        """Return the recipe, the preprocessing to take over if there is one, and the target."""
        import msgspec

        from glassgrad.learner.files import read_unfinished
        from glassgrad.learner.learner import Learner
        from glassgrad.learner.recipe import Recipe

        options = self.options
        wishes = options.given(*Recipe.__struct_fields__)
        if "hidden" in wishes:
            wishes["hidden"] = _sizes(wishes["hidden"])
        msgspec.structs.replace(Recipe(), **wishes).check()
        if options.resume is not None:
            self.unfinished = read_unfinished(options.resume)
            fitted, recipe = self.unfinished.preprocessing, self.unfinished.recipe
            _refuse_changes(wishes, recipe, f"{options.resume}")
        elif options.continue_from is not None:
            self.before = Learner.load(options.continue_from)
            fitted = self.before.preprocessing
            _refuse_changes(
                {k: wishes[k] for k in _OF_THE_NETWORK & wishes.keys()}, self.before.recipe, "the model"
            )
            recipe = msgspec.structs.replace(self.before.next_recipe(), **wishes)
        else:
            return Recipe(**wishes), None, options.target
        return recipe, fitted, self._same_target(fitted)

    def _same_target(self, fitted: Any) -> str | None:
        from glassgrad.errors import OptionError

        options, target = self.options, fitted.target_encoding.column or None
        if options.target not in (None, target):
            raise OptionError(
                f"the model has learnt {target!r}; it cannot go on with --target {options.target!r}."
            )
        if options.task not in (None, fitted.task):
            raise OptionError(f"the model is of {fitted.task}; it cannot go on with --task {options.task}.")
        return target


def _plan(prepared: Preparation, llvm: bool) -> str:
    """Return what becomes of the step that training would take."""
    from glassgrad.learner.network import network_of, output_count
    from glassgrad.learner.scores import network_target
    from glassgrad.training.train_step import train_step

    recipe, fitted, train = prepared.recipe, prepared.preprocessing, prepared.train
    y = network_target(train.y, output_count(fitted, recipe), recipe.dtype)
    step = train_step(
        network_of(fitted, recipe),
        recipe.loss or "mse",
        recipe.optimizer,
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
        seed=recipe.seed,
        engine=recipe.engine,
    )
    return step.plan(train.X[: recipe.batch_size], y[: recipe.batch_size], llvm=llvm)


_OF_THE_NETWORK = {"hidden", "activation", "loss", "dtype"}
_FREE_TO_CHANGE = {"engine"}
_MOST_NAMES, _LAST_NAMES = 30, 5


def _same_selection(wanted: Selection, unfinished: Unfinished) -> Selection:
    """Return the rows and columns that the interrupted run had; refuse others."""
    import msgspec

    from glassgrad.errors import ModelFileError, OptionError

    try:
        saved = msgspec.convert(unfinished.note, Selection)
    except msgspec.ValidationError as error:
        raise ModelFileError(f"'{unfinished.path}' was not made by `glassgrad train`: {error}.") from None
    for name, value in vars(wanted).items():
        if value not in (None, ()) and value != getattr(saved, name):
            raise OptionError(
                f"--{name} was {getattr(saved, name)!r} in the run to resume and is {value!r} now.\n"
                "Resume with the same options, or none."
            )
    return saved


def _refuse_changes(wishes: dict[str, Any], recipe: Recipe, owner: str) -> None:
    from glassgrad.errors import OptionError

    for name, value in wishes.items():
        if name not in _FREE_TO_CHANGE and value != getattr(recipe, name):
            option = f"--{name.replace('_', '-')}"
            raise OptionError(
                f"{option} is {value!r}, but {owner} was trained with {getattr(recipe, name)!r}.\n"
                f"Leave {option} out, or train a new model."
            )


def _check_shown(options: TrainOptions) -> None:
    from glassgrad.errors import OptionError

    if options.show_plan and options.show_llvm:
        raise OptionError("--show-plan and --show-llvm print two texts: give one.")
    if options.shows and options.json:
        raise OptionError(f"--show-{'plan' if options.show_plan else 'llvm'} prints text: leave out --json.")


def _check_files(source: str, out: Path, options: TrainOptions) -> None:
    """Refuse what could not be written or makes no sense together, before anything is read."""
    from glassgrad.errors import OptionError

    if options.resume is not None and options.continue_from is not None:
        raise OptionError(
            "--resume goes on with an interrupted run, --continue-from with a finished one: give one."
        )
    if options.checkpoint_every is not None and options.checkpoint_dir is None:
        raise OptionError("--checkpoint-every needs --checkpoint-dir, the folder to put the checkpoints in.")
    check_not_input(out, "--out", data=source)
    check_writable(out)
    if options.checkpoint_dir is not None:
        if options.checkpoint_dir.exists() and not options.checkpoint_dir.is_dir():
            raise OptionError(f"--checkpoint-dir {options.checkpoint_dir} is a file; name a folder.")
        check_writable(
            options.checkpoint_dir / "checkpoint"
            if options.checkpoint_dir.is_dir()
            else options.checkpoint_dir
        )


def _sizes(text: str) -> tuple[int, ...]:
    """Return the sizes in a text such as ``128,64``; a single 0 stands for none."""
    from glassgrad.errors import OptionError

    if text.strip() == "0":
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise OptionError(
            f"--hidden takes whole numbers with commas between, such as 128,64; got {text!r}."
        ) from None


def _schema(data: Table | Arrays, target: str | None, selection: Selection) -> Schema | None:
    from glassgrad.data import Table, infer
    from glassgrad.errors import DataError

    if not isinstance(data, Table):
        return None
    if target is None:
        names = [repr(name) for name in data.columns]
        if len(names) > _MOST_NAMES:
            names[_MOST_NAMES - _LAST_NAMES : -_LAST_NAMES] = ["…"]
        raise DataError(
            f"Name the column of {data.source} to learn: --target COLUMN.\nIts columns: {', '.join(names)}"
        )
    return infer(data, target, text=split_names(selection.text, data.columns))


def _report(learner: Learner, out: Path, dropped: dict[str, Any]) -> dict[str, Any]:
    import msgspec

    summary = learner.summary.to_json()
    for name in ("checksum",):
        del summary[name]
    empty_is_null = {name: summary[name] or None for name in ("test", "validation", "baselines")}
    return {
        **summary,
        **empty_is_null,
        "model": str(out),
        "dropped": dropped,
        "recipe": msgspec.to_builtins(learner.recipe),
    }
