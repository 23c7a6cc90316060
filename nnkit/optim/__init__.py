"""Optimizers, under PyTorch's names and with its argument order."""

from nnkit.optim import lr_scheduler
from nnkit.optim.adam import Adam, AdamW, NAdam
from nnkit.optim.adaptive import Adadelta, Adagrad, RMSprop
from nnkit.optim.average import EMA
from nnkit.optim.lion import Lion
from nnkit.optim.optimizer import Optimizer
from nnkit.optim.sgd import SGD

__all__ = [
    "EMA",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "NAdam",
    "Optimizer",
    "RMSprop",
    "lr_scheduler",
]
