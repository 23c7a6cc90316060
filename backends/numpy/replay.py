"""Replaying a recorded step on NumPy: a straight line of calls on memory that is already there.

What nobody needs is left out. Runs of elementwise calls on large arrays are done block by block in
the cache, on the thread pool. The rest becomes one generated function without a loop or a look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from nnkit.backends.numpy import threads
from nnkit.backends.numpy.blocked import BLOCK, SMALLEST
from nnkit.backends.numpy.calls import Line, calls, is_elementwise
from nnkit.backends.numpy.plan import folded, needed
from nnkit.backends.numpy.record import Action, Recorder, arrays_in, lease_of
from nnkit.recording import Outline

Host = np.ndarray[Any, Any]


class Recording:
    """A finished record: call `replay` with the step's inputs, get its outputs as copies.

    Args:
        recorder: what was noted.
        inputs: the memory of the inputs.
        outputs: arrays that the step handed out.
        kept: arrays that stay visible without being handed out, such as gradients.
    """

    def __init__(
        self,
        recorder: Recorder,
        inputs: Sequence[Host],
        outputs: Sequence[Host],
        kept: Sequence[Host],
    ) -> None:
        self._recorder = recorder
        self.inputs, self.outputs = [recorder.twin(x) for x in inputs], list(outputs)
        self.nbytes = recorder.arena.nbytes
        signatures = [a.signature for a in recorder.actions]
        self.outline = Outline(("call", "calls"), signatures, told, recorder.external)
        visible = [lease.key for x in (*outputs, *kept) if (lease := lease_of(x))]
        self.actions = needed(folded(recorder.actions, set(visible)), set(visible))
        self._run = straight_line(lines(self.actions), self.inputs)
        self._results = [recorder.twin(x) for x in outputs]

    def replay(self, inputs: Sequence[Host], times: int = 1) -> list[Host]:
        """Do the step again with new inputs, so many times."""
        self._run(times, *inputs)
        return self.copies()

    def copies(self) -> list[Host]:
        """What the step handed out, as it is now."""
        return [x.copy() for x in self._results]

    def kept(self, array: Host) -> Host:
        """An array of the step as a plain one in the record's memory."""
        twin: Host = self._recorder.twin(array)
        return twin


def told(signature: tuple[Any, ...]) -> str:
    """A call in a few words."""
    name, args, *_ = signature
    shapes = ", ".join(
        f"{a[3][1:]}{list(a[1])}"
        if isinstance(a, tuple) and len(a) == 4
        else "numbers"
        if isinstance(a, bytes)
        else str(a)
        for a in args
    )
    return f"{name}({shapes})"


def lines(actions: Sequence[Action]) -> list[Line]:
    """Calls with their arguments; runs of large elementwise calls become one call of the pool."""
    found: list[Line] = []
    for shape, run in groupby(actions, key=block_shape):
        group = list(run)
        if shape is None:
            found += [line for action in group for line in calls(action)]
        else:
            found.append(_in_blocks(group))
    return found


def block_shape(action: Action) -> tuple[int, ...] | None:
    """The shape of a large elementwise call whose operands lie alike; None for all others."""
    target = action.target
    if target is None or not is_elementwise(action.function) or not action.takes_out:
        return None
    if action.options or target.size < SMALLEST or not target.flags.c_contiguous:
        return None
    for x in arrays_in(action.args):
        if x.ndim and (x.shape != target.shape or not x.flags.c_contiguous):
            return None
    shape: tuple[int, ...] = target.shape
    return shape


def _in_blocks(group: Sequence[Action]) -> Line:
    """One call that goes through the arrays block by block, all actions on a block in turn."""
    assert group[0].target is not None
    size = group[0].target.size
    blocks = [slice(i, min(i + BLOCK, size)) for i in range(0, size, BLOCK)]
    work = [[_block(action, block) for action in group] for block in blocks]
    return threads.run, (_all, work), {}


def _block(action: Action, block: slice) -> Line:
    assert action.target is not None
    cut = [x.reshape(-1)[block] if isinstance(x, np.ndarray) and x.ndim else x for x in action.args]
    return action.function, tuple(cut), {"out": action.target.reshape(-1)[block]}


def _all(work: list[Line]) -> None:
    for function, args, options in work:
        function(*args, **options)


def straight_line(work: Sequence[Line], inputs: Sequence[Host]) -> Callable[..., None]:
    """A function that fills the memory of the inputs and makes these calls one after the other.

    It is told how many times, and then the inputs, which a step does not change. Everything else
    that it needs stands in its defaults: the interpreter looks up nothing.
    """
    names: dict[str, Any] = {}
    known: dict[int, str] = {}

    def name(x: Any) -> str:
        key = id(x)
        if key not in known:
            known[key] = f"v{len(known)}"
            names[known[key]] = x
        return known[key]

    given = [f"x{i}" for i in range(len(inputs))]
    fill = [f"{name(slot)}[...] = {x}" for slot, x in zip(inputs, given, strict=True)]
    text = []
    for function, args, options in work:
        words = [*map(name, args), *(f"{word}={name(x)}" for word, x in options.items())]
        text.append(f"{name(function)}({', '.join(words)})")
    head = f"def replay({', '.join(['times', *given, *(f'{n}={n}' for n in names)])}):"
    loop = ["for _ in range(times):", *(f" {line}" for line in text or ["pass"])]
    space = dict(names)
    exec("\n ".join([head, *fill, *loop]), space)  # noqa: S102 (names of our own)
    made: Callable[..., None] = space.pop("replay")  # or it would hold itself and all memory
    return made
