"""The progress bar: one line for all epochs, with the newest loss and metrics."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

REFRESH = 0.2
"""Seconds between two looks at the device."""


class Progress:
    """A tqdm bar on a terminal or in a notebook, nothing elsewhere (a log file wants no bar)."""

    def __init__(self, epochs: int, steps: int, *, show: bool) -> None:
        from tqdm import tqdm  # not above: half of the time that importing nnkit would take

        self._bar: Any = tqdm(
            total=epochs * steps,
            unit="step",
            disable=not (show and _somebody_looks()),
            bar_format="{desc} |{bar:20}| {n_fmt}/{total_fmt} steps [{elapsed}<{remaining}]{postfix}",
            dynamic_ncols=True,
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
        width = len(str(self._epochs))
        self._bar.set_description_str(
            f"epoch {number:>{width}}/{self._epochs}", refresh=False
        )

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
        self._bar.set_postfix_str(
            " ".join(f"{name}={value:.4f}" for name, value in self._shown.items())
        )
        self._refreshed = time.monotonic()


def _somebody_looks() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules
