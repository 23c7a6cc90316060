"""Recording a step on NumPy: every call is made, and noted with the memory that it used.

Ops are handed arrays of the class `Recorded` and a namespace that notes what is called, so
operators, indexing, creation and random numbers are all seen. Results are put into the arena of the
record; a replay calls the same functions on the same memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, NamedTuple

import numpy as np

from nnkit.backends.numpy.arena import Arena, Lease, extent, laid_out
from nnkit.recording import active, fingerprint

Host = np.ndarray[Any, Any]


class Place(NamedTuple):
    """Where an array of the step lies: the key of a lease, and the address where that begins."""

    key: int
    start: int


@dataclass(frozen=True)
class Action:
    """One call, `function(*args, **options)`.

    Its result goes into `target`, which is None for a call that writes into its first argument.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    options: dict[str, Any]
    target: Host | None
    takes_out: bool
    """Whether the function writes into `out=`; otherwise its result is copied."""
    places: tuple[Place | None, ...]
    """Of its array arguments in order; None is memory from outside of the step."""
    writes: int | None
    """The key of the lease that it writes to; None is memory from outside of the step."""
    signature: tuple[Any, ...]
    """What must be equal in two recordings of one step."""

    @property
    def reads(self) -> frozenset[int]:
        """Keys of the leases that it reads."""
        return frozenset(place.key for place in self.places if place is not None)


class Recorded(np.ndarray):
    """An array of a step that is being recorded; an ordinary one afterwards."""

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        recorder = current()
        if recorder is None:
            if out is not None:
                options["out"] = tuple(map(plain, out))
            return function(*map(plain, inputs), **plain(options))
        if out is not None:
            (target,) = out
            return recorder.call_into(target, function, inputs, options)
        if method == "at":
            return recorder.call_on(function, inputs, options)
        return recorder.call(function, inputs, options, takes_out=True)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        recorder = current()
        if recorder is None:
            return function(*plain(args), **plain(options))
        return recorder.call(function, args, options)

    def __getitem__(self, key: Any) -> Any:
        recorder = current()
        if recorder is None:
            return plain(self)[plain(key)]
        if is_basic(key):
            parts = key if isinstance(key, tuple) else (key,)
            whole = parts if any(p is ... for p in parts) else (*parts, ...)
            return plain(self)[whole].view(Recorded)  # never a scalar, which would be lost
        return recorder.call(_pick, (self, key), {})

    def __setitem__(self, key: Any, value: Any) -> None:
        recorder = current()
        if recorder is None:
            plain(self)[plain(key)] = plain(value)
        elif is_basic(key):
            flags = self.dtype == np.bool_  # which np.positive does not take
            copy, same = (np.logical_or, (False,)) if flags else (np.positive, ())
            recorder.call_into(self[key], copy, (value, *same), {})
        else:
            recorder.call_on(_put, (self, key, value), {})

    def __float__(self) -> float:
        return float(self._seen())

    def __int__(self) -> int:
        return int(self._seen())

    def __bool__(self) -> bool:
        return bool(self._seen())

    def _seen(self) -> Host:
        _looked_at()
        return self.view(np.ndarray)


def current() -> Recorder | None:
    """The recorder of this thread."""
    session = active.session
    recorder = None if session is None else session.recorder
    return recorder if isinstance(recorder, Recorder) else None


def noted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of arrays that a record holds as one call; it takes `out`, and writes there."""

    @wraps(function)
    def call(*args: Any) -> Any:
        recorder = current()
        return function(*args) if recorder is None else recorder.call(function, args, {}, True)

    return call


def plain(x: Any) -> Any:
    """Arrays as plain NumPy arrays, also within tuples, lists and dicts."""
    if isinstance(x, Recorded):
        return x.view(np.ndarray)
    if isinstance(x, tuple | list):
        return type(x)(map(plain, x))
    if isinstance(x, dict):
        return {name: plain(value) for name, value in x.items()}
    return x


def is_basic(key: Any) -> bool:
    """Whether indexing by it gives a view."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(
        part is None
        or part is ...
        or (isinstance(part, int | slice) and not isinstance(part, bool))
        for part in parts
    )


def _looked_at() -> None:
    if active.session is not None:
        active.session.spoil("it reads a value of an array on the host")


def _part(function: Any, index: int, *args: Any, **options: Any) -> Any:
    return function(*args, **options)[index]


def _pick(x: Host, key: Any) -> Any:
    return x[key]


def _put(x: Host, key: Any, value: Any) -> None:
    x[key] = value


class Recorder:
    """Makes and notes the calls of one step."""

    def __init__(self) -> None:
        self.arena = Arena()
        self.actions: list[Action] = []
        self.external: dict[int, Host] = {}
        """Arrays from outside of the step by address, kept so that no address comes twice."""
        self._twins: dict[Any, Host] = {}
        self.uploads: dict[int, bytes] = {}
        """Fingerprints of data that the step brought itself, by address."""

    # -- what ops do ---------------------------------------------------------------------------

    def call(
        self, function: Any, args: Sequence[Any], options: dict[str, Any], takes_out: bool = False
    ) -> Any:
        """Make a call and note it; a view of an argument is no call at all."""
        y = function(*plain(args), **plain(options))
        if isinstance(y, tuple | list):
            parts = [partial(_part, function, i) for i in range(len(y))]
            return type(y)(
                self._result(part, value, args, options, takes_out=False)
                for part, value in zip(parts, y, strict=True)
            )
        return self._result(function, y, args, options, takes_out)

    def _result(self, function: Any, y: Any, args: Any, options: Any, takes_out: bool) -> Any:
        if not isinstance(y, np.ndarray | np.generic):
            return y
        if isinstance(y, np.ndarray) and any(_shares(y, x) for x in arrays_in((args, options))):
            return y.view(Recorded)
        slot = self.slot(np.asarray(y))
        plain(slot)[...] = y
        self._note(function, args, options, slot, takes_out)
        return slot

    def call_into(self, target: Any, function: Any, args: Sequence[Any], options: Any) -> Any:
        """Make a call that writes into `target`, and note it."""
        function(*plain(args), out=plain(target), **plain(options))
        self._note(function, args, options, target, takes_out=True)
        return target

    def call_on(self, function: Any, args: Sequence[Any], options: dict[str, Any]) -> None:
        """Make a call that writes into its first argument, and note it."""
        function(*plain(args), **plain(options))
        self._note(function, args, options, None, takes_out=False)

    def constant(self, values: Host) -> Recorded:
        """An array whose first values are the same in each step, such as zeros."""
        slot = self.slot(values)
        plain(slot)[...] = values
        self._note(np.copyto, (slot, Constant(one_of(values))), {}, None, takes_out=False)
        return slot

    def slot(self, like: Host) -> Recorded:
        """Memory of the arena for a result."""
        memory, _ = self.arena.lease(extent(like.shape, like.dtype))
        return laid_out(memory, like).view(Recorded)

    def take(self, x: Host) -> Recorded:
        """Memory for an input of the step, which a replay fills anew."""
        slot = self.slot(x)
        plain(slot)[...] = x
        return slot

    def uploaded(self, data: Host) -> None:
        """The step brought data of its own: they must be the same in each step."""
        self.uploads[address(data)] = fingerprint(data)

    def finish(self, inputs: list[Host], outputs: list[Host], kept: list[Host]) -> Any:
        """The record, ready to be replayed."""
        from nnkit.backends.numpy.replay import Recording  # not above: it reads what is noted here

        return Recording(self, inputs, outputs, kept)

    # -- notes ---------------------------------------------------------------------------------

    def _note(self, function: Any, args: Any, options: Any, target: Any, takes_out: bool) -> None:
        written = args[0] if target is None else target
        name = getattr(function, "__name__", "part")
        described = (name, *map(self._described, (args, options, written)))
        places = tuple(map(_place_of, arrays_in((args, options))))
        lease = lease_of(written)
        self.actions.append(
            Action(
                function,
                self.twin(tuple(args)),
                self.twin(options),
                self.twin(target),
                takes_out,
                places,
                None if lease is None else lease.key,
                described,
            )
        )

    def twin(self, x: Any) -> Any:
        """The same memory, without holding the lease that makes the arena keep it."""
        if isinstance(x, tuple | list):
            return type(x)(map(self.twin, x))
        if isinstance(x, dict):
            return {name: self.twin(value) for name, value in x.items()}
        if isinstance(x, Constant):
            return x.values
        if not isinstance(x, np.ndarray):
            return x
        # One object for one view: NumPy takes a short way where `out` is an argument itself.
        form = (address(x), x.shape, x.strides, x.dtype)
        if form not in self._twins:
            lease = lease_of(x)
            if lease is None:
                self.external[address(x)] = x
                self._twins[form] = plain(x)
            else:
                offset = address(x) - lease.slab.ctypes.data
                memory = lease.slab.data
                self._twins[form] = np.ndarray(x.shape, x.dtype, memory, offset, x.strides)
        return self._twins[form]

    def _described(self, x: Any) -> Any:
        """What must be equal in two recordings: layouts, numbers, and where arrays come from."""
        if isinstance(x, tuple | list):
            return tuple(map(self._described, x))
        if isinstance(x, dict):
            return tuple((name, self._described(value)) for name, value in x.items())
        if isinstance(x, Constant):
            return fingerprint(x.values)
        if not isinstance(x, np.ndarray):
            return repr(x)
        where: Any = address(x)
        lease = lease_of(x)
        if lease is not None:
            where = (lease.key, where - lease.slab.ctypes.data - lease.start)
        elif where in self.uploads:
            where = self.uploads[where]
        return where, x.shape, x.strides, x.dtype.str


@dataclass(frozen=True)
class Constant:
    """Values that are noted by themselves, not by their place in memory."""

    values: Host


def one_of(values: Host) -> Host:
    """The one number that all of the values are, to the bit, or the values themselves."""
    if values.size < 2 or values.dtype.itemsize > 8:
        return values
    bits = np.ascontiguousarray(values).reshape(-1).view(f"u{values.dtype.itemsize}")
    return values[(0,) * values.ndim].reshape(()) if (bits == bits[0]).all() else values


def lease_of(x: Host) -> Lease | None:
    """The lease that an array lies in, if it is one of the arena."""
    base: Any = x
    while base is not None and not isinstance(base, Lease):
        base = getattr(base, "base", None)  # also of what as_strided puts in between
    return base


def _place_of(x: Host) -> Place | None:
    lease = lease_of(x)
    return None if lease is None else Place(lease.key, lease.slab.ctypes.data + lease.start)


def address(x: Host) -> int:
    """Where the first element lies."""
    where: int = x.__array_interface__["data"][0]
    return where


def arrays_in(x: Any) -> list[Host]:
    """The arrays within tuples, lists and dicts."""
    if isinstance(x, np.ndarray):
        return [x]
    if isinstance(x, tuple | list):
        return [array for part in x for array in arrays_in(part)]
    if isinstance(x, dict):
        return [array for part in x.values() for array in arrays_in(part)]
    return []


def _shares(y: Host, x: Host) -> bool:
    """Whether y is a view of x."""
    return isinstance(x, np.ndarray) and np.may_share_memory(y, x) and y.size > 0
