"""A recurrent network that works with a neural stack, queue or deque."""

from __future__ import annotations

from typing import Any, NamedTuple

from nnkit import ops
from nnkit.errors import closest
from nnkit.nn.cells import GRUCell, LSTMCell, RNNCell
from nnkit.nn.linear import Linear
from nnkit.nn.memory import MEMORIES, Memory
from nnkit.nn.module import Module
from nnkit.tensor import Tensor
from nnkit.typing import DType

CELLS: dict[str, Any] = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}


class Trace(NamedTuple):
    """What a controller did: the signals of each step (T, N, ends), and where it stands now."""

    push: Tensor
    pop: Tensor
    state: Any
    """Pass it on to go on from here."""


class MemoryController(Module):
    """A recurrent cell that pushes, pops and reads (Grefenstette et al. 2015, arXiv:1506.02516).

    h_t from (x_t, h_{t-1}, r_{t-1}) by the cell; o' = tanh(W h_t + b); push d = sigmoid, pop
    u = sigmoid and value v = tanh of affine maps of o'; the output is one more affine map of o'.
    The push bias starts at +1 and the pop bias at -1, or nothing would ever be stored.

    Called as `outputs, trace = controller(x)`. Shapes: x (T, N, input_size), outputs
    (T, N, output_size); `trace.push` and `trace.pop` (T, N, 1), or 2 for a deque;
    `controller(x, trace.state)` goes on.

    Args:
        input_size: features of x.
        hidden_size: features of the cell and of o'.
        output_size: features of the output.
        memory_size: m, features of what is stored.
        memory: 'stack', 'queue' or 'deque'.
        cell: 'rnn', 'lstm' or 'gru'.
        dtype: of the parameters.

    >>> import nnkit
    >>> from nnkit import nn
    >>> controller = nn.MemoryController(3, 8, 5, memory_size=4)
    >>> outputs, trace = controller(nnkit.tensor([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]]))
    >>> outputs.shape, trace.push.shape
    ((2, 1, 5), (2, 1, 1))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        memory_size: int,
        memory: str = "stack",
        cell: str = "rnn",
        *,
        dtype: DType = "float32",
    ) -> None:
        for kind, name, known in (("memory", memory, MEMORIES), ("cell", cell, CELLS)):
            if name not in known:
                raise ValueError(
                    f"MemoryController: unknown {kind} '{name}'. {closest(name, known)}"
                )
        self.input_size, self.memory_size = input_size, memory_size
        self.memory = MEMORIES[memory]()
        self.ends: int = self.memory.ends
        width = self.ends * memory_size
        self.cell = CELLS[cell](input_size + width, hidden_size, dtype=dtype)
        self.hidden = Linear(hidden_size, hidden_size, dtype=dtype)
        self.push = Linear(hidden_size, self.ends, dtype=dtype, bias_init=1.0)
        self.pop = Linear(hidden_size, self.ends, dtype=dtype, bias_init=-1.0)
        self.value = Linear(hidden_size, width, dtype=dtype)
        self.output = Linear(hidden_size, output_size, dtype=dtype)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Trace]:
        """The outputs of all steps, and what was done."""
        if x.ndim != 3 or x.shape[2] != self.input_size:
            raise ValueError(
                f"MemoryController: x must be (T, N, {self.input_size}), got {x.shape}"
            )
        cell, memory, r = (None, None, None) if state is None else state
        steps = []
        for t in range(len(x)):
            inputs = ops.concat(x[t], self._zeros(x) if r is None else r, axis=1)
            cell = self.cell(inputs, cell)
            h = cell[0] if isinstance(cell, tuple) else cell
            output, push, pop, memory, r = self._act(h, memory)
            steps.append((output, push, pop))
        outputs, pushes, pops = (ops.stack(*parts) for parts in zip(*steps, strict=True))
        return outputs, Trace(pushes, pops, (cell, memory, r))

    def _act(
        self, h: Tensor, memory: Memory | None
    ) -> tuple[Tensor, Tensor, Tensor, Memory, Tensor]:
        """Output, push, pop, the memory after them, and what was read from it (N, ends m)."""
        o = self.hidden(h).tanh()
        push, pop = self.push(o).sigmoid(), self.pop(o).sigmoid()
        value, n = self.value(o).tanh(), len(h)
        if self.ends == 1:
            signals = (push.reshape(-1), pop.reshape(-1), value)
        else:
            signals = (push, pop, value.reshape(n, self.ends, -1))
        r, memory = self.memory(*signals, memory)
        return self.output(o), push, pop, memory, r.reshape(n, -1)

    def _zeros(self, x: Tensor) -> Tensor:
        xp, shape = x.backend.xp, (x.shape[1], self.ends * self.memory_size)
        return Tensor(xp.zeros(shape, dtype=x.dtype), x.backend)

    def extra_repr(self) -> str:
        """The size of what is stored."""
        return f"memory_size={self.memory_size}"
