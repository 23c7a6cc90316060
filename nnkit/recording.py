"""What a step did beside launching kernels: Python's share, which a replay has to repeat.

While `nnkit.compile` records a step, a `Session` is active in its thread. Those who change state
that outlives the step tell it: updates which tensors they wrote, backward which leaves got a
gradient, optimizers which numbers they upload before each step. The backend's share is noted by its
`Recorder`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nnkit.typing import Array

if TYPE_CHECKING:
    from nnkit.tensor import Tensor

MOST_BYTES = 256
"""Data that are kept whole to be compared; of more, a digest does."""


@dataclass(frozen=True)
class Outline:
    """What two recordings of one step are compared by; it holds none of the step's memory.

    Attributes:
        what: the entries are, one and several: 'launch', 'launches'.
        entries: what was done in order, with all that must be the same in each run.
        told: says an entry in a few words.
        outside: what the step found there, kept so that no address comes twice.
    """

    what: tuple[str, str]
    entries: Sequence[Any]
    told: Callable[[Any], str]
    outside: Any

    def difference(self, other: Outline) -> str:
        """What another recording of the same step did otherwise; '' for nothing."""
        one, several = self.what
        pairs = zip(self.entries, other.entries, strict=False)
        for number, (a, b) in enumerate(pairs, start=1):
            if a != b:
                mine, theirs = self.told(a), self.told(b)
                return f"{one} {number} is {mine} in one run and {theirs} in the next"
        if (n := len(self.entries)) != (m := len(other.entries)):
            return f"it makes {n} {several} in one run and {m} in the next"
        return ""


def fingerprint(data: np.ndarray[Any, Any]) -> bytes:
    """The bytes of an array, or where they are many a digest of them."""
    if data.nbytes <= MOST_BYTES:
        return data.tobytes()
    return hashlib.blake2b(np.ascontiguousarray(data).data).digest()


class Recording(Protocol):
    """What a backend does for a step, in memory of its own."""

    outline: Outline

    @property
    def nbytes(self) -> int:
        """The memory that it works in, without what the step found there."""

    def replay(self, inputs: list[Array]) -> list[Array]:
        """Do the step again with new inputs; gives copies of its outputs."""

    def copies(self) -> list[Array]:
        """Copies of the outputs as they are now."""

    def kept(self, array: Array) -> Array:
        """An array of the step that stays visible, such as a gradient, in the record's memory."""


class Recorder(Protocol):
    """Notes what one thread does on a backend, made by `backend.recorder()`."""

    def take(self, array: Array) -> Array:
        """Memory for an input of the step, with its values now."""

    def finish(self, inputs: list[Array], outputs: list[Array], kept: list[Array]) -> Recording:
        """The record, ready to be replayed."""


class Session:
    """One recording, as seen by the library's Python code.

    Attributes:
        backend: where the step computes.
        recorder: the backend's share: what was computed, and in which memory.
        reason: why the step cannot be replayed; empty so far as it can.
        written: tensors that updates wrote, whose versions grow at each replay.
        leaves: tensors whose `.grad` backward set.
        before: called before each replay, to upload numbers that have changed.
    """

    def __init__(self) -> None:
        self.backend: Any = None
        self.recorder: Any = None
        self.reason = ""
        self.written: list[Tensor] = []
        self.leaves: dict[int, Tensor] = {}
        self.before: dict[int, Callable[[], object]] = {}

    def spoil(self, reason: str) -> None:
        """Say that the step cannot be replayed; it goes on, and runs as it is from then on."""
        self.reason = self.reason or reason

    def wrote(self, tensor: Tensor) -> None:
        """An update wrote into a tensor."""
        self.written.append(tensor)

    def gradient(self, leaf: Tensor) -> None:
        """Backward is about to set or add to the gradient of a leaf."""
        if leaf.grad is not None and id(leaf) not in self.leaves:
            self.spoil(
                "it adds to gradients from before the step. Fix: call optimizer.zero_grad() in it"
            )
        self.leaves[id(leaf)] = leaf

    def prepare(self, key: int, upload: Callable[[], object]) -> None:
        """Have `upload` called before each replay; once for each key."""
        self.before[key] = upload


class _Active(threading.local):
    session: Session | None = None


active = _Active()
"""`active.session` is the recording of this thread, or None."""


def spoil(reason: str) -> None:
    """Say, from anywhere, that the step being recorded in this thread cannot be replayed."""
    if active.session is not None:
        active.session.spoil(reason)


@contextmanager
def paused() -> Iterator[None]:
    """Do something beside the recorded step, such as making a constant that is kept for good."""
    session, active.session = active.session, None
    try:
        yield
    finally:
        active.session = session
