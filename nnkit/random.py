"""Random numbers: those that the host draws, and a counter on each device for those drawn there.

Both are counter-based (Philox4x64-10, J. K. Salmon et al. 2011) and the same on every backend. The
device's numbers are a function of a key and of how many were drawn before; that count lives on the
device, so that drawing reads nothing back and a recorded step draws new numbers each time.
"""

from __future__ import annotations

import math
import secrets
import threading

import numpy as np

from nnkit.backend import Backend
from nnkit.ops.update import advance
from nnkit.recording import paused
from nnkit.tensor import Tensor
from nnkit.typing import Shape

BLOCK = 256
"""Bits that one count of the counter stands for."""
_OTHER_STREAM = 1 << 64

_lock = threading.Lock()
_generator: np.random.Generator | None = None
_key: int | None = None
_counters: dict[Backend, Tensor] = {}


def manual_seed(seed: int) -> np.random.Generator:
    """Start every stream of random numbers anew: initialisers on the host, dropout on devices.

    Returns:
        The generator that initialisers draw from.

    >>> import nnkit
    >>> nnkit.manual_seed(0).random(dtype="float32") == nnkit.manual_seed(0).random(dtype="float32")
    True
    """
    global _generator, _key
    if not 0 <= seed < 1 << 128:
        raise ValueError(f"manual_seed: seed must be a whole number in [0, 2^128), got {seed}")
    with _lock:
        _generator = np.random.Generator(np.random.Philox(key=seed))
        _key = seed ^ _OTHER_STREAM
        for backend, counter in _counters.items():  # in place: recorded steps read it there
            with paused():
                counter.data[...] = backend.asarray(np.zeros((), np.uint64))
        return _generator


def stream() -> int | None:
    """The key of the numbers drawn on devices; None while none was drawn."""
    return _key


def generator() -> np.random.Generator:
    """The generator in use; seeded by the system until `manual_seed` is called."""
    global _generator
    with _lock:
        if _generator is None:
            _generator = np.random.Generator(np.random.Philox())
        return _generator


def draw(backend: Backend, shape: Shape, bits: int) -> tuple[Tensor, int]:
    """A place in the device's stream for an array of numbers of so many bits each.

    Returns:
        The counter, a uint64 tensor without axes that is the caller's own, and the key: what the
        ops of `nnkit.ops.random` take. The device's counter has moved on behind these numbers.

    >>> import nnkit
    >>> _ = nnkit.manual_seed(3)
    >>> backend = nnkit.current_backend()
    >>> [draw(backend, (4, 7), bits=16)[0].item() for _ in range(3)]
    [0, 2, 4]
    """
    global _key
    with _lock:
        if _key is None:
            _key = secrets.randbits(64) ^ _OTHER_STREAM
        master = _counters.get(backend)
        if master is None:
            with paused():  # it outlives a step that is being recorded
                zero = backend.asarray(np.zeros((), np.uint64))
            master = _counters[backend] = Tensor(zero, backend)
        # A copy: what backward needs must not change when the next draw moves the counter.
        taken = Tensor(backend.xp.asarray(master.data, copy=True), backend)
        advance(master, by=-(-math.prod(shape) * bits // BLOCK))
        return taken, _key
