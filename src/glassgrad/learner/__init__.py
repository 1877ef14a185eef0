"""From raw rows to a model that is kept: preprocessing, network, recipe and the record of training as one thing.

The command line is a thin layer over `Learner`; whoever has a table or a folder of images and wants a model uses it
from Python the same way.
"""

from glassgrad.learner.learner import Learner, NotFiniteError
from glassgrad.learner.predictions import Predictions
from glassgrad.learner.recipe import Recipe

__all__ = ["Learner", "NotFiniteError", "Predictions", "Recipe"]
