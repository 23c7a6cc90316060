"""One cycle of learning rate and momentum."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from nnkit.errors import closest
from nnkit.optim.lr_scheduler.base import LRScheduler, whole
from nnkit.optim.lr_scheduler.cosine import half_wave
from nnkit.optim.optimizer import Optimizer

Phase = tuple[float, str, str]
"""The step at its end, and the names of the learning rates at its start and its end."""


class OneCycleLR(LRScheduler):
    """Up to a high learning rate, and down to a very low one (Smith and Topin 2018).

    lr goes from max_lr / div_factor to max_lr in the first `pct_start` of all steps, then down to
    max_lr / (div_factor final_div_factor) in the last one; arXiv:1708.07120. The momentum goes the
    other way, from max_momentum to base_momentum and back. Call `step()` after every batch.

    Args:
        optimizer: whose learning rate it is.
        max_lr: the highest learning rate, or one for each group of parameters.
        total_steps: all steps; or else `epochs` and `steps_per_epoch`.
        epochs: of so many
        steps_per_epoch: steps.
        pct_start: the share of the steps that rise, in [0, 1].
        anneal_strategy: 'cos' or 'linear'.
        cycle_momentum: change momentum (or Adam's first beta) too; these are options of the
            optimizer and not numbers on the device: a step under `nnkit.compile` then never meets
            the same options twice and is not replayed. Set it to False there.
        base_momentum: the lowest momentum.
        max_momentum: the highest.
        div_factor: max_lr divided by the first learning rate.
        final_div_factor: the first learning rate divided by the last.
        three_phase: go back to the first learning rate as fast as up, then to the last.
        last_epoch: the step after which to go on.

    Raises:
        ValueError: for steps past the last; where there is no momentum to cycle.

    >>> import nnkit
    >>> from nnkit import optim
    >>> optimizer = optim.SGD([nnkit.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=10, cycle_momentum=False)
    >>> round(scheduler.get_last_lr()[0], 3)
    0.04
    >>> for _ in range(2):
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.total_steps = _total(total_steps, epochs, steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start must be in [0, 1], got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            hint = closest(anneal_strategy, ("cos", "linear"))
            raise ValueError(f"OneCycleLR: unknown anneal_strategy '{anneal_strategy}'. {hint}")
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(
                f"OneCycleLR: {type(optimizer).__name__} has no momentum. Fix: cycle_momentum=False"
            )
        self.anneal_strategy, self.cycle_momentum = anneal_strategy, cycle_momentum
        self.base_momentum, self.max_momentum = base_momentum, max_momentum
        self.rates = [
            {"max": m, "first": m / div_factor, "last": m / div_factor / final_div_factor}
            for m in _of_each_group(optimizer, max_lr)
        ]
        self.phases = _phases(self.total_steps, pct_start, three_phase)
        super().__init__(optimizer, last_epoch)

    def at(self, step: int, base: float, group: int) -> float:
        """What the cycle says, whatever base is."""
        first, last, share = self._phase(step)
        return self._between(self.rates[group][first], self.rates[group][last], share)

    def momentum_at(self, step: int, group: int) -> float | None:
        """Low where the learning rate is high."""
        if not self.cycle_momentum:
            return None
        first, last, share = self._phase(step)
        low, high = self.base_momentum, self.max_momentum
        start, end = (low if at == "max" else high for at in (first, last))
        return self._between(start, end, share)

    def _phase(self, step: int) -> tuple[str, str, float]:
        """Where the phase of a step starts and ends, and the share of it that has passed."""
        if step > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {step} lies past total_steps={self.total_steps}. Fix: count all "
                "calls of step(), one a batch."
            )
        ends = [end for end, _, _ in self.phases]
        number = min(bisect_left(ends, step), len(ends) - 1)
        start = ends[number - 1] if number else 0.0
        end, first, last = self.phases[number]
        return first, last, (step - start) / (end - start) if end > start else 1.0

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "cos":
            return half_wave(start, end, share)
        return start + (end - start) * share


def _phases(total: int, share: float, three: bool) -> tuple[Phase, ...]:
    if three:
        return (
            (share * total - 1, "first", "max"),
            (2 * share * total - 2, "max", "first"),
            (total - 1, "first", "last"),
        )
    return (share * total - 1, "first", "max"), (total - 1, "max", "last")


def _total(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is not None:
        return whole("OneCycleLR", "total_steps", total_steps)
    if epochs is None or steps_per_epoch is None:
        raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
    each = whole("OneCycleLR", "steps_per_epoch", steps_per_epoch)
    return whole("OneCycleLR", "epochs", epochs) * each


def _of_each_group(optimizer: Optimizer, given: float | Sequence[float]) -> list[float]:
    count = len(optimizer.param_groups)
    values = [given] * count if isinstance(given, int | float) else list(given)
    if len(values) != count:
        raise ValueError(f"OneCycleLR: max_lr must be a number or {count}, got {len(values)}")
    return [float(value) for value in values]
