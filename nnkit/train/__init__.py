"""Training: the loop, its data, metrics, history and progress bar."""

from nnkit.train.history import History
from nnkit.train.loop import Trainer
from nnkit.train.metrics import accuracy, metric

__all__ = ["History", "Trainer", "accuracy", "metric"]
