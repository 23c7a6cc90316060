"""`nnkit.compile`: record what a step does once, then replay it without Python's overhead.

The first call with inputs of some shapes runs as it is. The next two are recorded: if they did the
same, later calls replay the record; if not, the step depends on something that nnkit cannot see,
runs as it is from then on, and `nnkit.report()` says why. What a backend records stands in
`nnkit.backends.*.record`.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from nnkit import random, selection
from nnkit.autograd import is_grad_enabled
from nnkit.backend import Backend
from nnkit.capture_key import Surroundings, key_of
from nnkit.capture_watch import Watch
from nnkit.errors import NnkitError
from nnkit.recording import Session, active
from nnkit.tensor import Tensor
from nnkit.watch import timers

made: weakref.WeakSet[Any] = weakref.WeakSet()
"""The compiled steps that are alive, for `nnkit.report()`."""
_numbers = count()
Step = Callable[..., Any]
MOST_RECORDS = 32
"""Ways of calling a step that are recorded; each holds the memory of one."""


class Record:
    """One way of calling a step: how far its recording has come, and its replay.

    Attributes:
        reason: why it runs as it is; empty while it is, or may yet be, replayed.
        replays: how often it was replayed.
        watch: tells a call that is like the last one at a glance; set when it first replays.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.replays = 0
        self.runs = 0
        self._first: Any = None
        self._ready: Any = None
        self._rebuild: Callable[[list[Tensor]], Any] | None = None
        self._session = Session()
        self._gradients: list[tuple[Tensor, Tensor]] = []
        self._backend: Backend | None = None
        self._uploads: tuple[Callable[[], object], ...] = ()
        self._places: list[int] = []
        """Of the tensors among the arguments."""
        self.watch: Watch | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the next call replays."""
        return self._ready is not None

    @property
    def nbytes(self) -> int:
        """The memory that the replay works in, without what the step found there."""
        return 0 if self._ready is None else int(self._ready.nbytes)

    def run(self, step: Step, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Call the step as it is, and record it in its second and third run."""
        self.runs += 1
        if self.reason or self.runs == 1:
            return step(*args, **options)
        return self._record(step, args, options)

    def _record(self, step: Step, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        backend = next((x.backend for x in args if isinstance(x, Tensor)), None)
        backend = backend or selection.current()
        make = getattr(backend, "recorder", None)
        if make is None or active.session is not None:
            self.reason = "the backend does not record" if make is None else "it is within another"
            return step(*args, **options)
        session = Session()
        session.backend, session.recorder = backend, make()
        self._places = [i for i, x in enumerate(args) if isinstance(x, Tensor)]
        inputs = [args[i] for i in self._places]
        active.session = session
        try:
            taken = {id(x): Tensor(session.recorder.take(x.data), backend) for x in inputs}
            result = step(*(taken.get(id(x), x) for x in args), **options)
        finally:
            active.session = None
        for x in inputs:
            if any(taken[id(x)] is written for written in session.written):
                session.spoil("it changes an argument in place. Fix: keep that tensor outside")
                x.data[...] = taken[id(x)].data
                x.version += 1
        return self._finish(session, [taken[id(x)] for x in inputs], result)

    def _finish(self, session: Session, inputs: list[Tensor], result: Any) -> Any:
        outputs, rebuild = flatten(result)
        if outputs is None:
            self.reason = (
                f"it returns a {type(result).__name__}. Fix: return tensors, or tuples or dicts of "
                "them"
            )
            return result
        gradients = [(t, t.grad) for t in session.leaves.values() if t.grad is not None]
        recording = session.recorder.finish(
            [x.data for x in inputs], [y.data for y in outputs], [g.data for _, g in gradients]
        )
        self.reason = session.reason
        for leaf, gradient in gradients:
            leaf.grad = Tensor(recording.kept(gradient.data), gradient.backend)
        result = rebuild(
            [Tensor(y, t.backend) for y, t in zip(recording.copies(), outputs, strict=True)]
        )
        if self.reason:
            return result
        if self._first is None:
            self._first = recording.outline  # and not its memory, which the next may have
            return result
        self.reason = self._first.difference(recording.outline)
        self._first = None
        if not self.reason:
            self._ready, self._rebuild, self._session = recording, rebuild, session
            self._gradients = [(leaf, leaf.grad) for leaf, _ in gradients if leaf.grad is not None]
            self._backend, self._uploads = session.backend, tuple(session.before.values())
        return result

    def stop(self, reason: str) -> None:
        """Run as it is from now on, without the memory of a replay."""
        self.reason, self._first, self._ready = reason, None, None
        self._session, self._gradients, self._uploads = Session(), [], ()

    def replay(self, args: tuple[Any, ...], times: int = 1) -> Any:
        """Do the step again on the device, and repeat what Python did beside it."""
        self.replays += times
        for upload in self._uploads:
            upload()
        outputs = self._ready.replay([args[i].data for i in self._places], times)
        for tensor in self._session.written:
            tensor.version += 1
        for leaf, gradient in self._gradients:
            leaf.grad = gradient
        assert self._rebuild is not None
        assert self._backend is not None
        return self._rebuild([Tensor(y, self._backend) for y in outputs])


class Compiled:
    """A step that replays itself; made by `nnkit.compile`.

    Attributes:
        records: one for each way in which it was called, for those who want to look.
    """

    def __init__(self, step: Step) -> None:
        functools.update_wrapper(self, step)
        self._step = step
        self._surroundings = Surroundings(step)
        self.records: dict[Any, Record] = {}
        self._latest: Record | None = None
        self._too_many = ""
        self.declined = ""
        self.number = next(_numbers)
        made.add(self)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The same as the step itself; while ops are timed, the step itself."""
        if timers:
            return self._step(*args, **options)
        latest = self._latest
        if latest is not None and not options and latest.watch and latest.watch.fits(args):
            return latest.replay(args)
        key = self._key(args, options)
        record = self.records.get(key)
        if record is None:
            if len(self.records) >= MOST_RECORDS:
                self._too_many = (
                    f"it was called in more than {MOST_RECORDS} ways: options or numbers that it "
                    "reads change from call to call"
                )
                return self._step(*args, **options)
            record = self.records[key] = Record()
        if record.is_ready:
            self._latest, record.watch = record, Watch(self._surroundings, args)
            return record.replay(args)
        result = record.run(self._step, args, options)
        if record.runs > 1 and not record.reason and self._key(args, options) != key:
            record.stop("it changes attributes that it depends on, such as a state it keeps")
        return result

    def repeat(self, times: int, *args: Any, **options: Any) -> Any:
        """Call the step so many times with the same arguments; gives what the last call gave.

        Once the step is recorded, Python takes no part in it: a small network trains at the speed
        of a loop that was written by hand.

        Args:
            times: how often, at least once.
            *args: of the step, as are the options.

        Raises:
            NnkitError: for another number of times.

        >>> import nnkit
        >>> w = nnkit.tensor([3.0], requires_grad=True)
        >>> optimizer = nnkit.optim.SGD([w], lr=0.5)
        >>> @nnkit.compile
        ... def step(x):
        ...     optimizer.zero_grad()
        ...     (w * x).sum().backward()
        ...     optimizer.step()
        ...     return w * x
        >>> step.repeat(100, nnkit.tensor([2.0])).tolist()
        [-194.0]
        """
        if type(times) is not int or times < 1:
            raise NnkitError(f"repeat: times must be a whole number of at least 1, got {times!r}")
        for left in range(times, 1, -1):
            record = None if timers else self.records.get(self._key(args, options))
            if record is not None and record.is_ready:
                return record.replay(args, left)
            self(*args, **options)
        return self(*args, **options)

    def _key(self, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return (
            key_of(args),
            key_of(tuple(options.items())),
            is_grad_enabled(),
            random.stream(),
            self._surroundings.key(),
        )

    def decline(self, reason: str) -> None:
        """Note why the step is not even tried, for `nnkit.report()`."""
        self.declined = reason

    @property
    def name(self) -> str:
        """What the step is called."""
        return getattr(self._step, "__qualname__", repr(self._step))

    @property
    def reasons(self) -> list[str]:
        """All that is not replayed, each reason once."""
        found = [self.declined, self._too_many, *(r.reason for r in self.records.values())]
        return list(dict.fromkeys(reason for reason in found if reason))

    @property
    def reason(self) -> str:
        """Why it is not replayed, of the newest way of calling it; '' where it is."""
        return (
            self.declined
            or self._too_many
            or next((r.reason for r in reversed(self.records.values()) if r.reason), "")
        )

    def __repr__(self) -> str:
        ready = sum(record.is_ready for record in self.records.values())
        total = len(self.records)
        return f"<nnkit.compile of {self.name}: {ready} of {total} ways of calling it recorded>"


def compile(step: Step) -> Compiled:
    """Make a training step, or any function of tensors, replay itself.

    The step is called as before and gives the same numbers. Its tensors are passed as arguments;
    what it returns are copies. Gradients that it leaves in `.grad` stay valid until the next call.

    Args:
        step: takes tensors and Python values, gives a tensor, or tuples, lists or dicts of tensors,
            or None. It runs unrecorded in its first call for each shape of inputs.

    Raises:
        NnkitError: for something that cannot be called.

    >>> import nnkit
    >>> from nnkit import nn, optim
    >>> model = nn.Linear(3, 1)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.01)
    >>> @nnkit.compile
    ... def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = ((model(x) - y) ** 2).mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> x, y = nnkit.tensor([[1.0, 2.0, 3.0]]), nnkit.tensor([[1.0]])
    >>> losses = [step(x, y).item() for _ in range(10)]
    >>> losses[-1] < losses[0], step.reason
    (True, '')
    """
    if not callable(step):
        raise NnkitError(f"compile: step must be a function, got {type(step).__name__}")
    return Compiled(step)


def flatten(result: Any) -> tuple[list[Tensor] | None, Callable[[list[Tensor]], Any]]:
    """The tensors of a result, and how it is put together from others; None where it cannot be."""
    tensors: list[Tensor] = []
    form = _form(result, tensors)
    if form is _OTHER:
        return None, lambda _: None
    return tensors, lambda given: _fill(form, iter(given))


_OTHER = object()
_HERE = object()


def _form(result: Any, tensors: list[Tensor]) -> Any:
    """The nest of a result with marks where its tensors, which are gathered, have their places."""
    if result is None:
        return None
    if isinstance(result, Tensor):
        tensors.append(result)
        return _HERE
    if type(result) not in (dict, tuple, list):
        return _OTHER
    parts = [_form(part, tensors) for part in _values(result)]
    if any(part is _OTHER for part in parts):
        return _OTHER
    return dict(zip(result, parts, strict=True)) if type(result) is dict else type(result)(parts)


def _fill(form: Any, tensors: Iterator[Tensor]) -> Any:
    if form is None:
        return None
    if form is _HERE:
        return next(tensors)
    parts = [_fill(part, tensors) for part in _values(form)]
    return dict(zip(form, parts, strict=True)) if type(form) is dict else type(form)(parts)


def _values(nest: Any) -> list[Any]:
    return list(nest.values() if type(nest) is dict else nest)
