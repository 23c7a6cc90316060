"""Which value a callback looks at, and whether it has become better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nnkit.errors import closest

MODES = ("auto", "min", "max")
LARGER_IS_BETTER = ("accuracy", "f1", "precision", "r2", "recall")


class Monitor:
    """The best of a value so far.

    Args:
        caller: the callback, for messages.
        name: of the value, such as 'val_loss'.
        mode: 'min' or 'max' is better; 'auto' takes 'max' for accuracy, F1, precision, recall and
            R2, and else 'min'.
        min_delta: how much better it must be to count.
    """

    def __init__(self, caller: str, name: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in MODES:
            raise ValueError(f"{caller}: unknown mode {mode!r}. {closest(str(mode), MODES)}")
        if min_delta < 0:
            raise ValueError(f"{caller}: min_delta must be at least 0, got {min_delta}")
        larger = any(part in name.lower() for part in LARGER_IS_BETTER)
        self.caller, self.name, self.min_delta = caller, name, min_delta
        self.sign = -1.0 if mode == "max" or (mode == "auto" and larger) else 1.0
        self.reset()

    def reset(self) -> None:
        """Forget the best."""
        self.best = math.nan

    def value(self, values: Mapping[str, Any]) -> float:
        """The value that is looked at.

        Raises:
            ValueError: when there is none of this name, with the closest match.
        """
        if self.name not in values:
            held = self.name.startswith("val_") and not any(n.startswith("val_") for n in values)
            fix = " Fix: validation_data or validation_split in fit." if held else ""
            raise ValueError(
                f"{self.caller}: no value is named '{self.name}'. {closest(self.name, values)}{fix}"
            )
        value = values[self.name]
        if not isinstance(value, int | float):
            raise TypeError(f"{self.caller}: '{self.name}' is no single number, got {value!r}")
        return float(value)

    def better(self, values: Mapping[str, Any]) -> bool:
        """Whether the value is the best so far; it is then kept. NaN never is."""
        value = self.value(values)
        if math.isnan(value):
            return False
        if math.isnan(self.best) or self.sign * (self.best - value) > self.min_delta:
            self.best = value
            return True
        return False
