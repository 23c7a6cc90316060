"""What options may be: the sentences for those that make no sense."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def check_number(
    optimizer: str,
    name: str,
    value: Any,
    low: float = 0.0,
    below: float = math.inf,
    up_to: float = math.inf,
) -> None:
    """Refuse an option outside [low, below), or outside [low, up_to]."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{optimizer}: {name} must be a number, got {value!r}")
    if not low <= value < below or value > up_to:
        rule = f"at least {low:g}"
        if below != math.inf:
            rule = f"in [{low:g}, {below:g})"
        elif up_to != math.inf:
            rule = f"in [{low:g}, {up_to:g}]"
        raise ValueError(f"{optimizer}: {name} must be {rule}, got {value}")


def check_numbers(optimizer: object, group: dict[str, Any], *names: str) -> None:
    """Refuse options below 0."""
    for name in names:
        check_number(type(optimizer).__name__, name, group[name])


def check_betas(optimizer: object, group: dict[str, Any]) -> None:
    """Refuse decay rates outside [0, 1)."""
    for position, beta in enumerate(group["betas"]):
        check_number(type(optimizer).__name__, f"betas[{position}]", beta, below=1.0)
