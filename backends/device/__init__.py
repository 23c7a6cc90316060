"""Fused overrides shared by every backend that runs our kernels, by family as in `nnkit/ops`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import nnkit.ops  # noqa: F401 (registers what may be overridden)
from nnkit.backends.device import (
    activation,
    conv,
    loss,
    norm_batch,
    pool,
    recurrent,
    update,
    update_adaptive,
)
from nnkit.backends.device.launcher import Grid, Launcher, grid
from nnkit.dispatch import OPS, UPDATES

__all__ = ["Grid", "Launcher", "grid", "overrides"]


def overrides(launcher: Launcher) -> dict[str, Callable[..., Any]]:
    """Every fused op and update, by name, on one device."""
    fused = {}
    for family in (activation, conv, loss, norm_batch, pool, recurrent, update, update_adaptive):
        fused.update(family.overrides(launcher))
    return {name: with_defaults(name, function) for name, function in fused.items()}


def with_defaults(name: str, fused: Callable[..., Any]) -> Callable[..., Any]:
    """`fused` with the options that a caller leaves out taken from the composed definition.

    Raises:
        LookupError: for a name that is no op and no update.
    """
    function = OPS.get(name) or UPDATES.get(name)
    if function is None:
        raise LookupError(f"the fused override '{name}' overrides no op and no update of that name")
    defaults = function.composed.__kwdefaults__
    return partial(fused, **defaults) if defaults else fused
