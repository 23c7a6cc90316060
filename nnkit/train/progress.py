"""The progress bar: one line for all epochs, with the newest loss and metrics."""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

REFRESH = 0.2
"""Seconds between two looks at the device."""
WIDEST = 110
"""Columns; on a wide terminal a longer bar would tell no more."""


class Progress:
    """A tqdm bar on a terminal or in a notebook, nothing elsewhere (a log file wants no bar)."""

    def __init__(self, epochs: int, steps: int, *, show: bool) -> None:
        from tqdm import tqdm  # not above: half of the time that importing nnkit would take

        columns = min(shutil.get_terminal_size().columns - 1, WIDEST)
        clock = "{elapsed}<{remaining}" if columns > 90 else "{elapsed}"
        self._bar: Any = tqdm(
            total=epochs * steps,
            desc=_name(1, epochs),
            disable=not (show and _somebody_looks()),
            bar_format="{desc} |{bar}| " + clock + "{postfix}",
            ncols=columns,
        )
        self._epochs = epochs
        self._refreshed = time.monotonic()
        self._shown: dict[str, float] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def epoch(self, number: int) -> None:
        """Name the epoch, counted from 1."""
        if not self._bar.disable:
            self._bar.set_description_str(_name(number, self._epochs), refresh=False)

    def step(self) -> bool:
        """One step more; whether it is time to fetch values and `show` them."""
        if self._bar.disable:
            return False
        self._bar.update()
        return time.monotonic() - self._refreshed >= REFRESH

    def show(self, values: Mapping[str, float]) -> None:
        """Put values at the end of the line; those not given stay."""
        if self._bar.disable:
            return
        self._shown.update(values)
        self._bar.set_postfix_str(_in_words(self._shown))
        self._refreshed = time.monotonic()


def _name(epoch: int, epochs: int) -> str:
    return f"epoch {epoch:>{len(str(epochs))}}/{epochs}"


def _in_words(values: Mapping[str, float]) -> str:
    """'loss 0.928 (val 1.020), accuracy 0.998 (val 0.944)'."""
    parts = []
    for name in (name for name in values if not name.startswith("val_")):
        held = values.get(f"val_{name}", math.nan)
        parts.append(f"{name} {_digits(values[name])}")
        parts[-1] += "" if math.isnan(held) else f" (val {_digits(held)})"
    return ", ".join(parts)


def _digits(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.3g}"


def _somebody_looks() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules
