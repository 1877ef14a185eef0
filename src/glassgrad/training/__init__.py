"""Training: the loop, its record, its checkpoints, and what is measured on the way."""

from glassgrad.training.callbacks import Callback
from glassgrad.training.fit import fit, predict
from glassgrad.training.history import History
from glassgrad.training.run import Run

__all__ = ["Callback", "History", "Run", "fit", "predict"]
