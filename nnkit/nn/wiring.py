"""How the symbols of a graph become the calls of a `Model`, in order and by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nnkit.nn.module import Module
from nnkit.nn.parameter import Buffer, Parameter
from nnkit.nn.symbol import Step, Symbol, called, leaves, mapped, shape_text

Part = Module | Parameter | Buffer


@dataclass(frozen=True)
class Place:
    """Where an argument is found when the model runs: a value by number, or a part by name."""

    key: int | str
    path: tuple[Any, ...] = ()

    def find(self, model: Module, values: list[Any]) -> Any:
        """The value."""
        found = getattr(model, self.key) if isinstance(self.key, str) else values[self.key]
        for step in self.path:
            found = found[step]
        return found


@dataclass
class Call:
    """One call of the model's: a layer by its name, or an op."""

    name: str
    function: Callable[..., Any] | None
    """The op; None for a layer, which is looked up, so that it may be replaced."""
    inputs: Any
    options: dict[str, Any]
    last: tuple[int, ...] = ()
    """The values that nothing after this call needs."""


def steps_between(inputs: list[Any], outputs: Any) -> list[Step]:
    """The steps between inputs and outputs, each after those that it needs."""
    if not all(isinstance(x, Symbol) and x.step is None for x in inputs):
        raise TypeError(f"Model: inputs must be made by nnkit.Input, got {inputs}")
    if len({id(x) for x in inputs}) < len(inputs):
        raise ValueError("Model: the same Input is listed twice")
    stack, steps, met = leaves(outputs), dict[int, Step](), set[int]()
    if not stack or not all(isinstance(x, Symbol) for x in stack):
        kinds = ", ".join(type(x).__name__ for x in stack)
        raise TypeError(
            "Model: outputs must be symbolic tensors, which layers give for nnkit.Input, got "
            f"{kinds or 'nothing'}"
        )
    listed = {id(x) for x in inputs}
    while stack:
        x = stack.pop()
        if not isinstance(x, Symbol):
            continue
        if x.step is None:
            met.add(id(x))
            if id(x) not in listed:
                raise ValueError(
                    f"Model: an output needs {_title(x)}, which is not listed in inputs. "
                    "Fix: Model([..., that input], outputs)."
                )
        elif x.step.number not in steps:
            steps[x.step.number] = x.step
            stack += leaves((x.step.inputs, x.step.options))
    for x in inputs:
        if id(x) not in met:
            raise ValueError(
                f"Model: no output depends on {_title(x)}. Fix: leave it out, or connect it."
            )
    return [steps[number] for number in sorted(steps)]


def _title(x: Symbol) -> str:
    return f"the Input {f'{x.name!r} ' if x.name else ''}of shape {shape_text(x.samples)}"


def name_parts(steps: list[Step], named: Mapping[str, Module]) -> dict[str, Part]:
    """Every layer, parameter and constant of the steps, by `named` or by class and number."""
    wanted = {id(module): name for name, module in named.items()}
    parts: dict[str, Part] = {}
    known, counts = set[int](), Counter[str]()
    for part in _parts(steps):
        if id(part) in known:
            continue
        known.add(id(part))
        kind = type(part).__name__.lower()
        counts[kind] += id(part) not in wanted
        parts[wanted.get(id(part), f"{kind}_{counts[kind]}")] = part
    for name, module in named.items():
        if id(module) not in known:
            raise ValueError(
                f"Model: '{name}' is a layer that is not called between inputs and outputs"
            )
    return parts


def _parts(steps: list[Step]) -> Iterator[Part]:
    for step in steps:
        arguments = leaves((step.inputs, step.options))
        yield from (x for x in (step.function, *arguments) if isinstance(x, Part))


def calls(steps: list[Step], inputs: list[Symbol], outputs: Any, parts: Mapping[str, Part]) -> Any:
    """The calls that the steps stand for, and where the outputs are found after them."""
    names = {id(part): name for name, part in parts.items()}
    numbers = {id(x): i for i, x in enumerate([*inputs, *steps])}
    counts = Counter[str]()

    def place(x: Any) -> Any:
        if isinstance(x, Symbol):
            return Place(numbers[id(x if x.step is None else x.step)], x.path)
        return Place(names[id(x)]) if id(x) in names else x

    made = []
    for step in steps:
        name, op = names.get(id(step.function)), None
        if name is None:
            op, name = step.function, called(step.function)
            counts[name] += 1
            name = f"{name}.{counts[name]}"  # no layer's name holds a dot
        made.append(Call(name, op, mapped(place, step.inputs), mapped(place, step.options)))
    places = mapped(place, outputs)
    _mark_last(made, places, len(inputs))
    return made, places


def _mark_last(made: list[Call], outputs: Any, inputs: int) -> None:
    """Say after which call each value is needed no more, so that it can be freed."""
    needed = _numbers(outputs)
    for number, call in reversed(list(enumerate(made, inputs))):
        used = _numbers((call.inputs, call.options)) | {number}
        call.last = tuple(sorted(used - needed))
        needed |= used


def _numbers(tree: Any) -> set[int]:
    return {x.key for x in leaves(tree) if isinstance(x, Place) and isinstance(x.key, int)}
