"""Learning-rate schedules, under PyTorch's names: functions of the number of the step.

`scheduler.step()` after each epoch, or each batch, sets `lr` in the optimizer's groups; it is
uploaded to the device when it has changed. Several schedules of one optimizer compose: each is
given what those made before it gave.
"""

from nnkit.optim.lr_scheduler.base import LRScheduler
from nnkit.optim.lr_scheduler.compose import ChainedScheduler, SequentialLR
from nnkit.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from nnkit.optim.lr_scheduler.decay import (
    ExponentialLR,
    InverseTimeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from nnkit.optim.lr_scheduler.one_cycle import OneCycleLR
from nnkit.optim.lr_scheduler.plateau import ReduceLROnPlateau
from nnkit.optim.lr_scheduler.warmup import ConstantLR, LambdaLR, LinearLR

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "InverseTimeLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
