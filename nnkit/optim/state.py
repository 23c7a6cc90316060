"""The arrays that an optimizer keeps on the device for a parameter, and their way to the host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from nnkit.backend import Backend
from nnkit.dtypes import dtype_name
from nnkit.tensor import Tensor

State: TypeAlias = dict[str, Any]
Where: TypeAlias = tuple[Backend, str]
"""A backend and a dtype: what a 0-d array on the device is made for."""


def zeros_like(p: Tensor) -> Tensor:
    """Zeros where the parameter is."""
    return Tensor(p.backend.xp.zeros(p.shape, dtype=p.dtype, device=p.data.device), p.backend)


def full_like(p: Tensor, value: float) -> Tensor:
    """One number everywhere, where the parameter is."""
    xp = p.backend.xp
    return Tensor(xp.full(p.shape, value, dtype=p.dtype, device=p.data.device), p.backend)


def where(p: Tensor) -> Where:
    """Where it is, and its dtype."""
    return p.backend, dtype_name(p.dtype)


def scalar(value: float, p: Tensor) -> Tensor:
    """A number on the device of a parameter, in its dtype."""
    return Tensor(p.backend.asarray(np.asarray(value, dtype=dtype_name(p.dtype))), p.backend)


def learning(optimizer: str, params: Iterable[Tensor]) -> list[Tensor]:
    """The tensors that require a gradient, of which there must be one."""
    given = list(params)
    for position, p in enumerate(given):
        if not isinstance(p, Tensor):
            raise TypeError(f"{optimizer}: parameter {position} is a {type(p).__name__}, no tensor")
    found = [p for p in given if p.requires_grad]
    if not found:
        raise ValueError(f"{optimizer}: got no parameters that require a gradient")
    return found


def host(t: Tensor | None) -> Any:
    """A copy on the host."""
    return None if t is None else t.numpy().copy()


def copy(t: Tensor) -> Tensor:
    """A copy on the device."""
    return Tensor(t.backend.xp.asarray(t.data, copy=True), t.backend)


def loaded(optimizer: str, position: int, p: Tensor, saved: State) -> State:
    """Saved arrays as tensors where the parameter is."""
    made: State = {}
    for name, value in saved.items():
        values = None if value is None else np.asarray(value).astype(dtype_name(p.dtype))
        if values is not None and values.shape not in ((), p.shape):
            raise ValueError(
                f"{optimizer}: load_state_dict: '{name}' of parameter {position} must have the "
                f"shape {p.shape}, got {values.shape}"
            )
        made[name] = None if values is None else Tensor(p.backend.asarray(values), p.backend)
    return made


def share_counters(states: dict[Tensor, State]) -> None:
    """Let parameters that have made the same steps share one counter again."""
    shared: dict[tuple[Where, float], Tensor] = {}
    for state in states.values():
        counter = state["step"]
        if counter is not None:
            state["step"] = shared.setdefault((where(counter), counter.item()), counter)
