"""Optimizers, under PyTorch's names and with its argument order."""

from nnkit.optim import lr_scheduler
from nnkit.optim.adam import Adam, AdamW, NAdam
from nnkit.optim.adaptive import Adadelta, Adagrad, RMSprop
from nnkit.optim.annealing import SimulatedAnnealing
from nnkit.optim.average import EMA
from nnkit.optim.awsgd import AWSGD, output_gradient_norms
from nnkit.optim.lion import Lion
from nnkit.optim.optimizer import Optimizer
from nnkit.optim.quasi_newton import SciPyOptimizer
from nnkit.optim.sampling import AdaptiveSampler
from nnkit.optim.sgd import SGD

__all__ = [
    "AWSGD",
    "EMA",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "AdaptiveSampler",
    "Lion",
    "NAdam",
    "Optimizer",
    "RMSprop",
    "SciPyOptimizer",
    "SimulatedAnnealing",
    "lr_scheduler",
    "output_gradient_norms",
]
