"""The options of ``glassgrad train``, with their help; every other command shares two of them.

An option that was not given is None, so that a resumed run can tell a wish from a default.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter, Token

from glassgrad.cli.sources import Selection

__all__ = ["CommonOptions", "ReadingOptions", "TrainOptions"]

_DATA = Group("Data", sort_key=1)
_NETWORK = Group("Network", sort_key=2)
_TRAINING = Group("Training", sort_key=3)
_FILES = Group("Files and output", sort_key=4)


def _option(group: Group, text: str, default: str = "", **more: Any) -> Parameter:
    """Return an option whose default is shown in words, because it is None until somebody chooses."""
    shown = f"{text} [default: {default}]" if default else text
    return Parameter(group=group, help=shown, show_default=False, negative="", **more)


def _whole(kind: Any, tokens: Sequence[Token]) -> int:
    """Return a whole number; 2.5 is an error, and not 2."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f'"{tokens[0].value}" is no whole number.') from None


_DROP = _option(
    _DATA, "Leave out a column; may be repeated, or names with commas between.", negative_iterable=""
)
_WHERE = _option(
    _DATA,
    "Keep only the rows that meet a condition, such as 'price > 0 and town is not missing'; may be repeated.",
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """What every command takes."""

    seed: Annotated[
        int | None,
        _option(
            _FILES,
            "Seed of everything drawn at random: split, weights, order, dropout.",
            "0",
            converter=_whole,
        ),
    ] = None
    json: Annotated[
        bool, _option(_FILES, "Print one JSON object on standard output, and nothing else there.", "no")
    ] = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ReadingOptions(CommonOptions):
    """How a table is read."""

    drop: Annotated[list[str], _DROP] = field(default_factory=list)
    where: Annotated[list[str], _WHERE] = field(default_factory=list)
    delimiter: Annotated[
        str | None, _option(_DATA, "What separates the cells of a text file.", "found out")
    ] = None
    encoding: Annotated[
        str | None, _option(_DATA, "Encoding of a text file, such as utf-8 or cp949.", "found out")
    ] = None
    header: Annotated[
        bool | None,
        Parameter(
            group=_DATA,
            help="Whether the first line of a text file holds the names of the columns. [default: found out]",
            show_default=False,
        ),
    ] = None

    quiet: Annotated[bool, _option(_FILES, "Print the result and errors, and no notes.", "no")] = False

    def selection(self) -> Selection:
        """Return which rows and columns are wanted, and how the file is to be read."""
        return Selection(
            tuple(self.drop),
            tuple(self.where),
            tuple(getattr(self, "text", ())),
            self.delimiter,
            self.encoding,
            self.header,
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainOptions(ReadingOptions):
    """What ``train`` takes."""

    target: Annotated[str | None, _option(_DATA, "The column to learn; needed for tables.")] = None
    task: Annotated[
        Literal["classification", "regression"] | None,
        _option(_DATA, "What to learn.", "found out from the target"),
    ] = None
    text: Annotated[
        list[str],
        _option(
            _DATA, "Take a column of numbers as categories; may be repeated, or names with commas between."
        ),
    ] = field(default_factory=list)
    validation: Annotated[
        float | None, _option(_DATA, "Share of the rows held back to stop early by; 0 for none.", "0.1")
    ] = None
    test: Annotated[
        float | None,
        _option(
            _DATA, "Share of the rows held back for the final figures, if no test set came along.", "0.2"
        ),
    ] = None

    hidden: Annotated[
        str | None,
        _option(
            _NETWORK,
            "Units of the hidden layers, such as 128,64; 0 for none.",
            "128 for images, 128,64 for tables",
        ),
    ] = None
    activation: Annotated[
        str | None,
        _option(
            _NETWORK,
            "relu, leaky_relu, elu, gelu, silu, softplus, tanh, sigmoid, step, softmax, identity.",
            "relu",
        ),
    ] = None
    dropout: Annotated[
        float | None,
        _option(_NETWORK, "Share of hidden units dropped in each step.", "0.2 for classes, 0 for quantities"),
    ] = None
    dtype: Annotated[str | None, _option(_NETWORK, "float32 or float64.", "float32")] = None

    loss: Annotated[
        str | None,
        _option(
            _TRAINING,
            "For classes cross_entropy or, for two, binary_cross_entropy_with_logits; "
            "for quantities mse, half_mse, half_sum_squares, mae or huber.",
            "cross_entropy, mse",
        ),
    ] = None
    optimizer: Annotated[
        str | None, _option(_TRAINING, "sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw.", "adamw")
    ] = None
    lr: Annotated[
        float | None, _option(_TRAINING, "Learning rate.", "0.003 for adam and adamw, else by the optimizer")
    ] = None
    schedule: Annotated[
        str | None,
        _option(
            _TRAINING,
            "How the learning rate changes: constant, step, exponential, cosine, one_cycle or warm_up.",
            "one_cycle",
        ),
    ] = None
    batch_size: Annotated[
        int | None,
        _option(_TRAINING, "Rows a step.", "32; 128 from 10 000 rows, 512 from 200 000", converter=_whole),
    ] = None
    epochs: Annotated[
        int | None,
        _option(
            _TRAINING, "Times through the rows.", "as many as make 6000 steps, 10 to 60", converter=_whole
        ),
    ] = None
    patience: Annotated[
        int | None,
        _option(
            _TRAINING,
            "Epochs without a better validation loss after which to stop; the best weights are kept.",
            "a third of the epochs, at least 10",
            converter=_whole,
        ),
    ] = None
    weight_decay: Annotated[float | None, _option(_TRAINING, "Weight decay.", "0.01 for adamw, else 0")] = (
        None
    )
    engine: Annotated[
        str | None, _option(_TRAINING, "What runs the network: auto, native or numpy.", "auto")
    ] = None

    out: Annotated[
        Path | None,
        _option(
            _FILES,
            "The model file, replaced when training is done.",
            "the source's name + .safetensors, here",
            name=("--out", "-o"),
        ),
    ] = None
    checkpoint_dir: Annotated[
        Path | None,
        _option(_FILES, "Folder for checkpoints, from which a run that was cut off goes on.", "none"),
    ] = None
    checkpoint_every: Annotated[
        int | None, _option(_FILES, "Steps between two checkpoints.", "one an epoch", converter=_whole)
    ] = None
    resume: Annotated[
        Path | None,
        _option(
            _FILES, "Go on from a checkpoint, or from the newest in a folder, with the same data and options."
        ),
    ] = None
    continue_from: Annotated[
        Path | None,
        _option(_FILES, "Go on training a model on new rows; by default at a tenth of its learning rate."),
    ] = None
    quiet: Annotated[bool, _option(_FILES, "Print nothing but errors.", "no")] = False
    show_plan: Annotated[
        bool,
        _option(
            _FILES,
            "Instead of training, print what the native engine makes of a step: passes, kernels, layouts, memory.",
            "no",
        ),
    ] = False
    show_llvm: Annotated[
        bool, _option(_FILES, "Instead of training, print the program of a step in LLVM's language.", "no")
    ] = False

    @property
    def shows(self) -> bool:
        """Whether a plan is to be shown, and nothing trained."""
        return self.show_plan or self.show_llvm

    def given(self, *names: str) -> dict[str, Any]:
        """Return the options of these names that were given; of all, where none is named."""
        chosen = {name: getattr(self, name) for name in names or [f.name for f in fields(self)]}
        return {
            name: value
            for name, value in chosen.items()
            if value is not None and value is not False and value != []
        }
