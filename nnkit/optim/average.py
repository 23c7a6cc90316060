"""The exponential moving average of a model's weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nnkit.nn.module import Module
from nnkit.ops import update, update_keep
from nnkit.optim.checks import check_number
from nnkit.optim.state import copy, host, loaded, scalar
from nnkit.tensor import Tensor


class EMA:
    """The exponential moving average of parameters, for evaluation (Polyak and Juditsky 1992).

    average = decay average + (1 - decay) p after every step; with warm-up the decay of step t is
    min(decay, (1 + t) / (10 + t)). Averages and their counter live on the parameters' device.

    Args:
        params: a module, or tensors; those that require a gradient are averaged.
        decay: how long the average remembers, in [0, 1]: about 1 / (1 - decay) steps.
        warmup: remember less in the first steps, so that the start is soon forgotten.

    Raises:
        ValueError: when nothing is to be averaged, or `decay` lies outside.

    >>> import nnkit
    >>> p = nnkit.tensor([1.0], requires_grad=True)
    >>> ema = EMA([p], decay=0.75)
    >>> p.data[...] = p.data + 4.0
    >>> ema.update()
    >>> with ema.apply():
    ...     p.item()
    2.0
    >>> p.item()
    5.0
    """

    def __init__(
        self, params: Module | Iterable[Tensor], decay: float = 0.999, warmup: bool = False
    ) -> None:
        check_number("EMA", "decay", decay, up_to=1.0)
        named = (
            params.named_parameters()
            if isinstance(params, Module)
            else ((str(i), p) for i, p in enumerate(params))
        )
        self.params: dict[str, Tensor] = {name: p for name, p in named if p.requires_grad}
        if not self.params:
            raise ValueError("EMA: got no parameters that require a gradient")
        self.decay, self.warmup = decay, warmup
        self.averages = {name: copy(p) for name, p in self.params.items()}
        self.step = scalar(0.0, next(iter(self.params.values())))
        self._before: dict[str, Tensor] | None = None

    def update(self) -> None:
        """Take the parameters as they are now into the average; call it after `optimizer.step()`.

        Raises:
            RuntimeError: between `apply` and `restore`.
        """
        if self._before is not None:
            raise RuntimeError("EMA: the parameters hold the averages. Fix: call restore() first.")
        update.advance(self.step)
        for name, p in self.params.items():
            average = self.averages[name] = self._beside(p, self.averages[name])
            step = self.step = self._beside(p, self.step)
            update_keep.ema(average, p, step, decay=self.decay, warmup=self.warmup)

    def _beside(self, p: Tensor, t: Tensor) -> Tensor:
        """The tensor where the parameter is, which may have been moved, and in its dtype."""
        if t.backend is p.backend and t.dtype == p.dtype:
            return t
        moved: Tensor = loaded("EMA", 0, p, {"average": host(t)})["average"]
        return moved

    def apply(self) -> EMA:
        """Write the averages into the parameters until `restore`, or to the end of a `with`."""
        if self._before is None:
            self._before = {name: copy(p) for name, p in self.params.items()}
            for name, p in self.params.items():
                _write(p, self._beside(p, self.averages[name]))
        return self

    def restore(self) -> None:
        """Write back what the parameters were before `apply`."""
        before, self._before = self._before or {}, None
        for name, t in before.items():
            _write(self.params[name], t)

    def __enter__(self) -> EMA:
        return self

    def __exit__(self, *_: object) -> None:
        self.restore()

    def state_dict(self) -> dict[str, Any]:
        """The averages by the parameters' names, and the number of steps, on the host."""
        averages = {name: host(t) for name, t in self.averages.items()}
        return {"averages": averages, "step": host(self.step)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave.

        Raises:
            ValueError: when names or shapes differ; nothing is changed then.
        """
        saved = state_dict["averages"]
        if set(saved) != set(self.params):
            raise ValueError(
                f"EMA: load_state_dict needs averages of {sorted(self.params)}, got {sorted(saved)}"
            )
        made = {
            name: loaded("EMA", i, p, {name: saved[name]})[name]
            for i, (name, p) in enumerate(self.params.items())
        }
        first = next(iter(self.params.values()))
        self.averages = made
        self.step = loaded("EMA", 0, first, {"step": state_dict["step"]})["step"]

    def __repr__(self) -> str:
        return f"EMA({len(self.params)} parameters, decay={self.decay}, warmup={self.warmup})"


def _write(p: Tensor, value: Tensor) -> None:
    p.data[...] = value.data
    p.version += 1
