"""What the fused recurrent layers share: where states lie, and how each step is launched."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nnkit.backends.device.common import INTEGERS, real_of, row_grid
from nnkit.backends.device.launcher import Launcher
from nnkit.dtypes import dtype_name
from nnkit.ops.steps import Steps

if TYPE_CHECKING:
    from nnkit.typing import Array, Namespace

FAMILY = "recurrent"


class Sequence:
    """The steps of one call: where each one's states lie, and how its kernels are launched.

    Args:
        size: H, the units of the layer.
        act: of `rnn`.
    """

    def __init__(
        self, launcher: Launcher, xp: Namespace, x: Array, size: int, lengths: Array | None,
        reverse: bool, act: int = 0,
    ) -> None:  # fmt: skip
        self.launcher, self.xp, self.x, self.lengths = launcher, xp, x, lengths
        self.ends = x if lengths is None else lengths
        self.steps, self.reverse = Steps(xp, x, lengths, reverse), reverse
        self.count, self.rows, self.size = x.shape[0], x.shape[1], size
        self._work, extra = row_grid(launcher, self.rows, size)
        # Where there are no lengths, x stands in their place, and is not read.
        integer = real_of(x) if lengths is None else INTEGERS[dtype_name(lengths.dtype)]
        self._defines: dict[str, Any] = {
            "real": real_of(x), "LENGTHS": int(lengths is not None), "INT": integer, "ACT": act,
            **extra,
        }  # fmt: skip

    def launch(self, kernel: str, *args: Any) -> None:
        """One step's launch: `args` are the kernel's, up to the number of rows."""
        sizes = (self.rows, self.size)
        self.launcher.launch(FAMILY, kernel, *self._work, *args, *sizes, **self._defines)

    def empty(self, *shape: int) -> Array:
        """Memory in x's dtype."""
        return self.launcher.empty(shape, self.x.dtype)

    def states(self, start: Array | None) -> Array:
        """Memory for the state before the first step, which is set, and after each one."""
        found = self.empty(self.count + 1, self.rows, self.size)
        found[self.before(self.steps.order[0]), ...] = 0.0 if start is None else start
        return found

    def before(self, t: int) -> int:
        """Where the state before step t lies."""
        return t + 1 if self.reverse else t

    def after(self, t: int) -> int:
        """Where the state after step t lies."""
        return t if self.reverse else t + 1

    def last(self, states: Array) -> Array:
        """The state after the last step, in memory of its own."""
        return self.xp.asarray(states[self.after(self.steps.order[-1]), ...], copy=True)

    def all_before(self, states: Array) -> Array:
        """The states before all steps, in time."""
        return states[1:, ...] if self.reverse else states[: self.count, ...]

    def all_after(self, states: Array) -> Array:
        """The states after all steps, in time: the outputs where no example ends early."""
        return states[: self.count, ...] if self.reverse else states[1:, ...]

    def outputs(self, states: Array) -> Array:
        """Where the outputs go: memory of their own where examples end early."""
        if self.lengths is not None:
            return self.empty(self.count, self.rows, self.size)
        return self.all_after(states)

    def walk_back(
        self,
        kernel: str,
        g: Array,
        m: Array,
        products: Array,
        w_hh: Array,
        args: Callable[[int], tuple[Any, ...]],
        *,
        to_start: bool,
        keeps_on: bool = False,
    ) -> Array | None:
        """Launch a backward kernel for each step, and multiply what it gives.

        Args:
            g: the gradient of the outputs.
            m: of the last state.
            products: where the kernel puts the gradient of the state's products, for all steps.
            args: those of the kernel for step t, between m and carry.
            to_start: whether the gradient of the first state is wanted.
            keeps_on: whether a gradient passes by the product in any case.

        Returns:
            The gradient of the first state, where it is wanted.
        """
        carry, order = self.empty(self.rows, self.size), self.steps.order[::-1]
        for t in order:
            ends = (carry, self.ends, t, t == order[0])
            self.launch(kernel, g[t, ...], m, *args(t), *ends)
            if t != order[-1] or to_start:
                m = self.xp.matmul(products[t, ...], w_hh)
        if not to_start:
            return None
        return m + carry if keeps_on or self.lengths is not None else m
