"""Optimizers, under PyTorch's names and with its argument order."""

from nnkit.optim.adaptive import Adam
from nnkit.optim.optimizer import Optimizer
from nnkit.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
