"""Training: the loop, its record, its checkpoints, and what is measured on the way."""

from glassgrad.training.callbacks import Callback
from glassgrad.training.fit import fit, predict
from glassgrad.training.history import History
from glassgrad.training.run import Run
from glassgrad.training.train_step import TrainStep, train_step

__all__ = ["Callback", "History", "Run", "TrainStep", "fit", "predict", "train_step"]
