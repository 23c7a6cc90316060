"""Functions of the user's that run when a module is called, or when its gradients arrive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nnkit.dispatch import Result, SeveralOp
from nnkit.hooks import Hook
from nnkit.recording import spoil
from nnkit.tensor import Tensor
from nnkit.typing import Array, Namespace, Needs

if TYPE_CHECKING:
    from nnkit.nn.module import Module

Gradients = tuple[Tensor | None, ...]


class Hooks:
    """The hooks of one module, in the order in which they were registered."""

    def __init__(self) -> None:
        self.before: dict[int, Hook] = {}
        self.after: dict[int, Hook] = {}
        self.backward: dict[int, Hook] = {}

    def __len__(self) -> int:
        return len(self.before) + len(self.after) + len(self.backward)

    def call(self, module: Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """`forward` with what hooks come before and after it."""
        spoil(f"{type(module).__name__} has a hook, which is Python's to run")
        for hook in tuple(self.before.values()):
            changed = hook(module, inputs)
            if changed is not None:
                inputs = changed if isinstance(changed, tuple) else (changed,)
        if self.backward:
            output = _watched(module, tuple(self.backward.values()), inputs, options)
        else:
            output = module.forward(*inputs, **options)
        for hook in tuple(self.after.values()):
            changed = hook(module, inputs, output)
            output = output if changed is None else changed
        return output


def _pass(
    xp: Namespace,  # noqa: ARG001 (every op takes it)
    *arrays: Array,
    needs: Needs,
    then: Callable[..., Any],
) -> Result:
    """The arrays as they are; on the way back their gradients go through `then`."""
    return arrays, then if any(needs) else None


_PASS = SeveralOp(_pass, elementwise=False)
"""No op of the registry: it computes nothing, and its option is a function of the user's."""


def _watched(
    module: Module, hooks: Sequence[Hook], inputs: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """Call `forward` between two passes that see all gradients of its outputs and its inputs."""
    arrived: list[Gradients] = []
    places = [i for i, x in enumerate(inputs) if isinstance(x, Tensor)]
    learns = [inputs[i].requires_grad for i in places]

    def run(gradients: Gradients) -> Gradients:
        to_outputs = arrived.pop() if arrived else ()
        for hook in hooks:
            changed = hook(module, gradients, to_outputs)
            if changed is not None:
                gradients = changed if isinstance(changed, tuple) else (changed,)
        return gradients

    def at_inputs(gs: tuple[Array, ...]) -> tuple[Array | None, ...]:
        backend = inputs[places[0]].backend
        given = [Tensor(g, backend) if need else None for g, need in zip(gs, learns, strict=True)]
        found = dict(zip(places, given, strict=True))
        changed = run(tuple(found.get(i) for i in range(len(inputs))))
        return tuple(None if (g := changed[i]) is None else g.data for i in places)

    def at_outputs(gs: tuple[Array, ...]) -> tuple[Array, ...]:
        arrived.append(tuple(Tensor(g, outputs[0].backend) for g in gs))
        if not any(learns):  # no gradient goes further than the parameters
            run((None,) * len(inputs))
        return gs

    if any(learns):
        passed = iter(_PASS(*(inputs[i] for i in places), then=at_inputs))
        inputs = tuple(next(passed) if isinstance(x, Tensor) else x for x in inputs)
    output = module.forward(*inputs, **options)
    outputs = output if isinstance(output, tuple) else (output,)
    if not all(isinstance(y, Tensor) for y in outputs):
        raise TypeError(
            f"register_full_backward_hook: {type(module).__name__} must give a tensor or a tuple "
            f"of tensors, got {[type(y).__name__ for y in outputs]}"
        )
    outputs = _PASS(*outputs, then=at_outputs)
    return outputs if isinstance(output, tuple) else outputs[0]
