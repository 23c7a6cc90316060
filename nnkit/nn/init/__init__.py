"""How parameters start: functions of a shape, and PyTorch's forms that fill a tensor.

>>> import nnkit
>>> from nnkit import nn
>>> _ = nnkit.manual_seed(0)
>>> layer = nn.Linear(4, 3, weight_init="orthogonal", bias_init=0.5)
>>> nn.init.zeros_(layer.bias).tolist()
[0.0, 0.0, 0.0]
"""

from nnkit.nn.init.in_place import (
    constant_,
    fill,
    kaiming_normal_,
    kaiming_uniform_,
    normal_,
    ones_,
    orthogonal_,
    trunc_normal_,
    uniform_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)
from nnkit.nn.init.values import (
    INITIALIZERS,
    Host,
    Initializer,
    Start,
    calculate_gain,
    constant,
    fans,
    initializer,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    normal,
    ones,
    orthogonal,
    start,
    truncated_normal,
    uniform,
    within,
    xavier_normal,
    xavier_uniform,
    zeros,
)

__all__ = [
    "INITIALIZERS",
    "Host",
    "Initializer",
    "Start",
    "calculate_gain",
    "constant",
    "constant_",
    "fans",
    "fill",
    "initializer",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "normal_",
    "ones",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "start",
    "trunc_normal_",
    "truncated_normal",
    "uniform",
    "uniform_",
    "within",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros",
    "zeros_",
]
