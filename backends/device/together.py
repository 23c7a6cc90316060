"""Updates of many parameters at once: their buffers as the slots of one launch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import real_of, size
from nnkit.backends.device.launcher import Launcher, grid

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace

FAMILY = "update"
SLOTS = 8
"""How many parameters kernels/update.cl takes in a launch."""
NUMBERS = 10
"""How many numbers it takes that never change."""

Column = Sequence[Any]
"""One argument of an update, for each of the parameters."""


class Together:
    """An override of an update whose arguments are columns; alone, a parameter is a column of one.

    Attributes:
        most: how many parameters it takes at once.
    """

    most = SLOTS

    def __init__(self, columns: Callable[..., Any]) -> None:
        self.many = columns
        self.__signature__ = inspect.signature(columns)

    def __call__(self, xp: Namespace, *arrays: Any, **options: Any) -> Any:
        """The update of one parameter."""
        return self.many(xp, *([a] for a in arrays), **options)


def launch(
    launcher: Launcher,
    xp: Namespace,
    kind: str,
    columns: Sequence[Column],
    lr: Column,
    step: Column,
    numbers: Sequence[float],
    shared: Sequence[Array] = (),
) -> Any:
    """One launch of a kind of step, or NotImplemented; `columns` begin with param and grad.

    A column of None is a buffer that this kind goes without. `shared` are 0-d arrays, one for each
    parameter, in the place of the last buffer.
    """
    if any((a is None) != (column[0] is None) for column in columns for a in column):
        return NotImplemented  # some have this buffer, some go without
    written = [column for column in (columns[0], *columns[2:]) if column[0] is not None]
    real = _serves(xp, written, columns[1], lr, step, shared)
    if real is None:
        return NotImplemented
    params = columns[0]
    grads = [xp.ext.contiguous(grad) for grad in columns[1]]
    buffers = [column if column[0] is not None else params for column in columns[2:]]
    buffers += [shared] if shared else []
    buffers += [params] * (3 - len(buffers))
    slots = [
        (param, grad, *rest, size(param))
        for param, grad, *rest in zip(params, grads, *buffers, strict=True)
    ]
    work = grid(launcher, sum(-(-slot[-1] // 16) * 16 for slot in slots))
    slots += [(*slots[0][:-1], 0)] * (SLOTS - len(slots))
    arrays = [argument for slot in slots for argument in slot]
    rest = [*numbers, *[0.0] * (NUMBERS - len(numbers))]
    launcher.launch(FAMILY, "optimize", *work, *arrays, lr[0], step[0], *rest, real=real, STEP=kind)
    return None


def _serves(
    xp: Namespace,
    written: Sequence[Column],
    grads: Column,
    lr: Column,
    step: Column,
    shared: Sequence[Array],
) -> str | None:
    """The dtype's name in the kernel, or None for what the kernels do not serve."""
    if any(a is not lr[0] for a in lr) or any(a is not step[0] for a in step):
        return None  # these are numbers of the launch
    if any(tuple(number.shape) for number in (lr[0], step[0], *shared)):
        return None
    for position, param in enumerate(written[0]):
        own = [column[position] for column in written]
        shape = tuple(param.shape)
        if not size(param) or any(tuple(a.shape) != shape for a in (*own, grads[position])):
            return None
        if any(xp.ext.contiguous(a) is not a for a in own):
            return None  # a copy would be written to
    return real_of(*(a for column in written for a in column), *grads, lr[0], step[0], *shared)
