"""Neural stack, queue and deque (Grefenstette et al. 2015, arXiv:1506.02516), batched.

Values are pushed and popped by degrees, so that gradients flow through what is kept, and a network
can learn when to push and when to pop. i counts from the bottom; what is pushed in step t lies on
top. Empty is `state=None`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple, TypeAlias

from nnkit import ops
from nnkit.nn.module import Module
from nnkit.tensor import Tensor


class Memory(NamedTuple):
    """What is stored: values (N, t, m) and their strengths (N, t), from the bottom to the top."""

    values: Tensor
    strengths: Tensor


State: TypeAlias = Memory | None


def above(strengths: Tensor) -> Tensor:
    """For each value the sum of the strengths that lie over it."""
    # Summed from the top, where a read looks first: the sum of all minus that below loses digits.
    return ops.cumsum(strengths, axis=1, reverse=True) - strengths


def below(strengths: Tensor) -> Tensor:
    """For each value the sum of the strengths that lie under it."""
    return ops.cumsum(strengths, axis=1) - strengths


def popped(strengths: Tensor, pop: Tensor, before: Tensor) -> Tensor:
    """s[i] = max(0, s[i] - max(0, u - before[i])), where `before` is what is popped first."""
    left = (pop.reshape(-1, 1) - before).relu()
    return (strengths - left).relu()


def read(memory: Memory, before: Tensor) -> Tensor:
    """r = sum_i min(s[i], max(0, 1 - before[i])) V[i]: one unit of strength from an end."""
    share = ops.minimum(memory.strengths, (1.0 - before).relu())
    n, t = share.shape
    return ops.matmul(share.reshape(n, 1, t), memory.values).reshape(n, -1)


def check_signals(name: str, push: Tensor, pop: Tensor, value: Tensor) -> None:
    """Refuse signals that do not fit each other."""
    n = value.shape[0] if value.ndim == 2 else -1
    if push.shape != (n,) or pop.shape != (n,):
        raise ValueError(
            f"{name}: push and pop must be (N,) and the value (N, m), got {push.shape}, "
            f"{pop.shape} and {value.shape}"
        )


class _Memory(Module):
    """What all kinds share: a step, and many of them one after the other."""

    @abstractmethod
    def forward(
        self, push: Tensor, pop: Tensor, value: Tensor, state: State = None
    ) -> tuple[Tensor, Memory]:
        """One step: pop, push, read; gives what was read, and the new state."""

    def sequence(
        self, push: Tensor, pop: Tensor, values: Tensor, state: State = None
    ) -> tuple[Tensor, State]:
        """Many steps: each argument with an axis of steps (T, ...) in front; gives all reads."""
        reads = []
        for t in range(len(values)):
            r, state = self(push[t], pop[t], values[t], state)
            reads.append(r)
        return ops.stack(*reads), state


class _OneEnd(_Memory):
    """What stack and queue share: one push, one pop and one read in a step."""

    ends = 1
    """How many values are pushed, popped and read in a step."""

    @abstractmethod
    def before(self, strengths: Tensor) -> Tensor:
        """What is popped and read before each value."""

    def forward(
        self, push: Tensor, pop: Tensor, value: Tensor, state: State = None
    ) -> tuple[Tensor, Memory]:
        """One step: pop, push, read; gives what was read (N, m), and the new state."""
        check_signals(type(self).__name__, push, pop, value)
        values, strengths = value.reshape(len(value), 1, -1), push.reshape(-1, 1)
        if state is not None:
            kept = popped(state.strengths, pop, self.before(state.strengths))
            values = ops.concat(state.values, values, axis=1)
            strengths = ops.concat(kept, strengths, axis=1)
        after = Memory(values, strengths)
        return read(after, self.before(strengths)), after


class NeuralStack(_OneEnd):
    """A stack: the last value in is the first one out (Grefenstette et al. 2015, section 3.1).

    s_t[i] = max(0, s_{t-1}[i] - max(0, u - sum_{j>i} s_{t-1}[j])) for i < t, and s_t[t] = d;
    r = sum_i min(s_t[i], max(0, 1 - sum_{j>i} s_t[j])) V_t[i].

    Called as `r, state = stack(push, pop, value, state)`; it has no parameters. Shapes: push d and
    pop u (N,), from 0 to 1; value and r (N, m); state a `Memory`, or None where it is empty.
    `sequence` does many steps.

    >>> import nnkit
    >>> from nnkit import nn
    >>> push = nnkit.tensor([[0.8], [0.5], [0.9]])
    >>> pop = nnkit.tensor([[0.0], [0.1], [0.9]])
    >>> values = nnkit.tensor([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]])
    >>> reads, state = nn.NeuralStack().sequence(push, pop, values)
    >>> [round(x, 4) for x in reads[2, 0].tolist()]
    [0.1, 0.0, 0.9]
    """

    def before(self, strengths: Tensor) -> Tensor:
        """What lies above."""
        return above(strengths)


class NeuralQueue(_OneEnd):
    """A queue: the first value in is the first one out (Grefenstette et al. 2015, section 3.2).

    As `NeuralStack`, with the sums over what lies below, j < i: values are pushed on top, popped
    and read at the bottom.

    >>> import nnkit
    >>> from nnkit import nn
    >>> push, pop = nnkit.tensor([[1.0], [1.0]]), nnkit.tensor([[0.0], [0.0]])
    >>> reads, _ = nn.NeuralQueue().sequence(push, pop, nnkit.tensor([[[3.0]], [[4.0]]]))
    >>> reads.tolist()
    [[[3.0]], [[3.0]]]
    """

    def before(self, strengths: Tensor) -> Tensor:
        """What lies below."""
        return below(strengths)


class NeuralDeque(_Memory):
    """A queue with two ends: each is pushed, popped and read (Grefenstette et al. 2015, 3.3).

    In a step the top is popped, then the bottom; then a value is pushed onto each end, and each end
    is read. The formulas are those of `NeuralStack` for the top and `NeuralQueue` for the bottom.

    Called as `r, state = deque(push, pop, value, state)`; it has no parameters. Shapes: push and
    pop (N, 2), the top's first; value and r (N, 2, m); state a `Memory`, or None where it is empty.

    >>> import nnkit
    >>> from nnkit import nn
    >>> push, pop = nnkit.tensor([[1.0, 1.0]]), nnkit.tensor([[0.0, 0.0]])
    >>> r, state = nn.NeuralDeque()(push, pop, nnkit.tensor([[[3.0], [4.0]]]))
    >>> r.tolist()
    [[[3.0], [4.0]]]
    """

    ends = 2

    def forward(
        self, push: Tensor, pop: Tensor, value: Tensor, state: State = None
    ) -> tuple[Tensor, Memory]:
        """One step: pop, push, read at both ends; gives the reads (N, 2, m), and the new state."""
        n = len(value)
        if value.ndim != 3 or push.shape != (n, 2) or pop.shape != (n, 2):
            raise ValueError(
                f"NeuralDeque: push and pop must be (N, 2) and the value (N, 2, m), got "
                f"{push.shape}, {pop.shape} and {value.shape}"
            )
        values, strengths = [value[:, 1:], value[:, :1]], [push[:, 1:], push[:, :1]]
        if state is not None:
            kept = popped(state.strengths, pop[:, 0], above(state.strengths))
            kept = popped(kept, pop[:, 1], below(kept))
            values.insert(1, state.values)
            strengths.insert(1, kept)
        after = Memory(ops.concat(*values, axis=1), ops.concat(*strengths, axis=1))
        reads = [read(after, side(after.strengths)) for side in (above, below)]
        return ops.stack(*reads, axis=1), after


MEMORIES: dict[str, Any] = {"stack": NeuralStack, "queue": NeuralQueue, "deque": NeuralDeque}
