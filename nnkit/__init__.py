"""nnkit: neural networks on whatever is in the machine, by the same code.

>>> import nnkit
>>> from nnkit import nn
>>> layer = nn.Linear(3, 2)
>>> layer(nnkit.tensor([[1.0, 2.0, 3.0]])).shape
(1, 2)
"""

from pathlib import Path as _Path

# In a clone the folders backends/ and kernels/ stand beside this one; an installed package has them
# inside. Python then finds nnkit.backends in either place.
if not (_Path(__file__).parent / "backends").is_dir():
    __path__.append(str(_Path(__file__).parent.parent))

from nnkit import data, nn, ops, optim, train
from nnkit.autograd import gradcheck, is_grad_enabled, no_grad
from nnkit.capture import compile
from nnkit.errors import (
    BackendMismatch,
    BackendUnavailable,
    DeviceError,
    FallbackWarning,
    GraphError,
    NnkitError,
    NnkitWarning,
)
from nnkit.nn.graph import Input, Model
from nnkit.numeric import numeric_gradient
from nnkit.profiling import profile
from nnkit.random import manual_seed
from nnkit.report import report
from nnkit.saving import load, save
from nnkit.selection import current as current_backend
from nnkit.selection import use
from nnkit.summary import summary
from nnkit.tensor import Tensor, from_numpy, tensor
from nnkit.train import Trainer
from nnkit.version import __version__

__all__ = [
    "BackendMismatch",
    "BackendUnavailable",
    "DeviceError",
    "FallbackWarning",
    "GraphError",
    "Input",
    "Model",
    "NnkitError",
    "NnkitWarning",
    "Tensor",
    "Trainer",
    "__version__",
    "compile",
    "current_backend",
    "data",
    "from_numpy",
    "gradcheck",
    "is_grad_enabled",
    "load",
    "manual_seed",
    "nn",
    "no_grad",
    "numeric_gradient",
    "ops",
    "optim",
    "profile",
    "report",
    "save",
    "summary",
    "tensor",
    "train",
    "use",
]
