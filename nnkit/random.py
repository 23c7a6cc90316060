"""Random numbers that the host draws: the same ones on every backend."""

from __future__ import annotations

import threading

import numpy as np

_lock = threading.Lock()
_generator: np.random.Generator | None = None


def manual_seed(seed: int) -> np.random.Generator:
    """Start the generator that initialisers draw from anew, counter-based (Philox4x64-10).

    >>> import nnkit
    >>> nnkit.manual_seed(0).random(dtype="float32") == nnkit.manual_seed(0).random(dtype="float32")
    True
    """
    global _generator
    if seed < 0:
        raise ValueError(f"manual_seed: seed must be a whole number from 0, got {seed}")
    with _lock:
        _generator = np.random.Generator(np.random.Philox(key=seed))
        return _generator


def generator() -> np.random.Generator:
    """The generator in use; seeded by the system until `manual_seed` is called."""
    global _generator
    with _lock:
        if _generator is None:
            _generator = np.random.Generator(np.random.Philox())
        return _generator
