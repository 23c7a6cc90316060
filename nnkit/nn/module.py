"""`Module`: what layers, networks and losses share. Its attributes are its state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nnkit import selection
from nnkit.backend import Backend
from nnkit.dtypes import dtype_name
from nnkit.hooks import Handle, Hook
from nnkit.nn.hooks import Hooks
from nnkit.nn.mode import mode
from nnkit.nn.parameter import replace
from nnkit.nn.state import Stateful
from nnkit.nn.symbol import has_symbol, record
from nnkit.tensor import Tensor
from nnkit.typing import DType

if TYPE_CHECKING:
    from nnkit.summary import Summary

M = TypeVar("M", bound="Module")


class Module(Stateful):
    """A part of a network; a class of your own sets its parts as attributes and writes `forward`.

    Attributes that are a `Parameter`, a `Buffer` or a `Module` are found by themselves, in the
    order in which they were set; lists of modules belong into a `ModuleList`.

    >>> from nnkit import nn
    >>> class Twice(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()  # as in PyTorch; nothing depends on it
    ...         self.inner = nn.Linear(3, 3)
    ...     def forward(self, x):
    ...         return self.inner(self.inner(x))
    >>> [name for name, _ in Twice().named_parameters()]
    ['inner.weight', 'inner.bias']
    """

    training: bool = True
    """Whether the module learns now (`train()`) or is only used (`eval()`)."""

    _hooks: Hooks | None = None

    @abstractmethod
    def forward(self, *inputs: Any) -> Any:
        """What the module computes; call the module itself, not this."""

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """The same as `forward`, with the hooks."""
        for x in inputs:
            if not isinstance(x, Tensor):
                return self._call_with_others(inputs, options)
        if options:
            return self._call_with_others(inputs, options)
        return self._run(inputs, options) if self._hooks else self.forward(*inputs)

    def _call_with_others(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """A call with arguments that are no tensors: states, options, symbols or mistakes."""
        if has_symbol((inputs, options)):
            with mode(self, training=False):
                return record(self, inputs, options)
        for x in inputs:
            if isinstance(x, np.ndarray):
                raise TypeError(
                    f"{type(self).__name__}: the input must be a Tensor, got a NumPy array of "
                    f"shape {x.shape}. Fix: nnkit.tensor(array)."
                )
        return self._run(inputs, options)

    def _run(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if not self._hooks:
            return self.forward(*inputs, **options)
        return self._hooks.call(self, inputs, options)

    # -- hooks ---------------------------------------------------------------------------------

    def register_forward_pre_hook(self, hook: Hook) -> Handle:
        """Run `hook(module, inputs)` before each `forward`; what it returns replaces the inputs.

        >>> from nnkit import nn, tensor
        >>> layer = nn.ReLU()
        >>> handle = layer.register_forward_pre_hook(lambda module, inputs: -inputs[0])
        >>> layer(tensor([-1.0, 2.0])).tolist()
        [1.0, 0.0]
        >>> handle.remove()
        """
        return Handle(self._hooked().before, hook)

    def register_forward_hook(self, hook: Hook) -> Handle:
        """Run `hook(module, inputs, output)` after each `forward`; what it returns replaces output.

        >>> from nnkit import nn, tensor
        >>> layer, seen = nn.ReLU(), []
        >>> with layer.register_forward_hook(lambda module, inputs, output: seen.append(output)):
        ...     y = layer(tensor([-1.0, 2.0]))
        >>> seen[0] is y
        True
        """
        return Handle(self._hooked().after, hook)

    def register_full_backward_hook(self, hook: Hook) -> Handle:
        """Run `hook(module, grad_inputs, grad_outputs)` when both have been computed.

        Both are tuples, of None where no gradient was wanted; what the hook returns replaces
        `grad_inputs`. The module must give a tensor or a tuple of tensors.

        >>> from nnkit import nn, tensor
        >>> layer = nn.ReLU()
        >>> handle = layer.register_full_backward_hook(lambda module, to_x, to_y: to_x[0] * 9)
        >>> x = tensor([-1.0, 2.0], requires_grad=True)
        >>> layer(x).sum().backward()
        >>> x.grad.tolist()
        [0.0, 9.0]
        """
        return Handle(self._hooked().backward, hook)

    def _hooked(self) -> Hooks:
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks

    # -- its mode ------------------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Say that the network learns now (or not)."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Say that the network is only used: the same as `train(False)`."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Freeze (False) or free every parameter.

        Buffers are no parameters: a frozen BatchNorm in training mode goes on counting its running
        statistics, as in PyTorch; `eval()` stops that.
        """
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self) -> None:
        """Forget every gradient."""
        for parameter in self.parameters():
            parameter.grad = None

    def apply(self: M, function: Callable[[Module], object]) -> M:
        """Call `function` on every module below this one, then on this one."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    # -- its arrays ----------------------------------------------------------------------------

    def to(self: M, backend: str | Backend) -> M:
        """Move parameters, buffers and gradients to another backend, in place."""
        target = selection.open_backend(backend) if isinstance(backend, str) else backend
        for t in (*self.parameters(), *self.buffers()):
            if t.backend is not target:
                grad = None if t.grad is None else t.grad.to(target)
                replace(t, target.asarray(t.numpy()), target)
                t.grad = grad
        return self

    def astype(self: M, dtype: DType) -> M:
        """Change the dtype of every floating parameter and buffer, in place; gradients go."""
        for t in (*self.parameters(), *self.buffers()):
            xp = t.backend.xp
            if xp.isdtype(t.dtype, "real floating"):
                replace(t, xp.astype(t.data, getattr(xp, dtype_name(dtype))), t.backend)
        return self

    def double(self: M) -> M:
        """Compute in float64 from now on."""
        return self.astype("float64")

    def float(self: M) -> M:
        """Compute in float32 from now on."""
        return self.astype("float32")

    # -- for people ----------------------------------------------------------------------------

    def summary(
        self, inputs: Any = None, batch_size: int = 1, dtype: DType | None = None
    ) -> Summary:
        """What its layers give and cost, as a table to print: see `nnkit.summary`."""
        from nnkit.summary import summary  # not above: it runs modules

        return summary(self, inputs, batch_size, dtype)

    def extra_repr(self) -> str:
        """What stands between the brackets of the repr; layers say their sizes and options."""
        return ""

    def __repr__(self) -> str:
        below = [
            f"  ({name}): " + repr(module).replace("\n", "\n  ")
            for name, module in self.named_children()
        ]
        if not below:
            return f"{type(self).__name__}({self.extra_repr()})"
        extra = [f"  {self.extra_repr()}"] if self.extra_repr() else []
        return "\n".join([f"{type(self).__name__}(", *extra, *below, ")"])
