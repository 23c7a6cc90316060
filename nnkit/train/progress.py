"""The progress bar: one line for all epochs, with the newest loss and metrics."""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any

from nnkit.train.callbacks import Callback, Run

REFRESH = 0.2
"""Seconds between two looks at the device."""
WIDEST = 110
"""Columns; on a wide terminal a longer bar would tell no more."""


class Progress(Callback):
    """A tqdm bar on a terminal or in a notebook, nothing elsewhere (a log file wants no bar).

    `Trainer.fit` shows one by itself, unless `verbose` is False.

    Args:
        show: False for no bar anywhere.

    >>> from nnkit import train
    >>> isinstance(train.Progress(show=False), train.Callback)
    True
    """

    def __init__(self, *, show: bool = True) -> None:
        self._show = show
        self._bar: Any = None
        self._refreshed = 0.0
        self._shown: dict[str, float] = {}

    def on_train_begin(self, run: Run) -> None:
        """Draw the bar, where somebody looks."""
        if not (self._show and _somebody_looks()):
            return
        from tqdm import tqdm  # not above: half of the time that importing nnkit would take

        columns = min(shutil.get_terminal_size().columns - 1, WIDEST)
        clock = "{elapsed}<{remaining}" if columns > 90 and run.steps else "{elapsed}"
        self._bar = tqdm(
            total=run.epochs * run.steps if run.steps else None,
            desc=_name(1, run.epochs),
            bar_format="{desc} |{bar}| " + clock + "{postfix}",
            ncols=columns,
        )
        self._refreshed, self._shown = time.monotonic(), {}

    def on_epoch_begin(self, run: Run) -> None:
        """Name the epoch."""
        if self._bar is not None:
            self._bar.set_description_str(_name(run.epoch, run.epochs), refresh=False)

    def on_batch_end(self, run: Run) -> None:
        """One step more; from time to time, look at the device."""
        if self._bar is None:
            return
        self._bar.update()
        if time.monotonic() - self._refreshed >= REFRESH:
            self._draw(run.fetch())

    def on_epoch_end(self, run: Run) -> None:
        """Show the epoch's values."""
        if self._bar is not None:
            self._draw(run.values)

    def on_train_end(self, run: Run) -> None:
        """Leave the line as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _draw(self, values: Mapping[str, Any]) -> None:
        """Put values at the end of the line; those not given stay."""
        self._shown.update({n: v for n, v in values.items() if isinstance(v, float)})
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
