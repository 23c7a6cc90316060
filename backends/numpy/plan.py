"""Which of the calls that were noted a replay has to make.

What nobody sees the effect of is left out, and what is the same in each run is computed once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nnkit.backends.numpy import ext, into
from nnkit.backends.numpy.record import Action, Place, address

Host = np.ndarray[Any, Any]
KNOWN = Place(-1, 0)
"""Stands for memory whose values are the same in each run."""
PURE = frozenset([into.where, into.cast, ext.contiguous])
"""Functions beside the elementwise ones whose results depend on their arguments alone."""


def needed(actions: Sequence[Action], visible: set[int]) -> list[Action]:
    """The actions that somebody sees the effect of."""
    kept: list[Action] = []
    for action in reversed(actions):
        if action.writes is None or action.writes in visible:
            visible |= action.reads
            kept.append(action)
    return kept[::-1]


def folded(actions: Sequence[Action], visible: set[int]) -> list[Action]:
    """The actions without those that compute the same in each run: that is done here, once."""
    writers = Counter(action.writes for action in actions)
    known: dict[int, tuple[int, Host]] = {}
    kept: list[Action] = []
    for action in actions:
        key = action.writes
        once = key is not None and writers[key] == 1 and key not in visible
        action = _with_known(action, known)
        if once and _is_known(action):
            _keep(action, known)
        else:
            kept.append(action)
    return kept


def _is_known(action: Action) -> bool:
    """Whether all that the action reads is known; what it writes does not count."""
    if action.function is np.copyto:
        return len(action.places) == 1  # from values that the record holds itself
    pure = isinstance(action.function, np.ufunc) or action.function in PURE
    return pure and all(place is KNOWN for place in action.places)


def _keep(action: Action, known: dict[int, tuple[int, Host]]) -> None:
    """Compute what the action does in memory of its own."""
    if action.function is np.copyto:
        target, values = action.args
    else:
        target, values = action.target, action.function(*action.args, **action.options)
    assert action.writes is not None
    memory = np.empty_like(target)
    memory[...] = values
    known[action.writes] = address(target), memory


def _with_known(action: Action, known: dict[int, tuple[int, Host]]) -> Action:
    """The action reading what is known where it is kept."""
    if action.function is np.copyto or not any(p and p.key in known for p in action.places):
        return action
    old = iter(action.places)
    places: list[Place | None] = []

    def changed(x: Any) -> Any:
        if isinstance(x, tuple | list):
            return type(x)(map(changed, x))
        if isinstance(x, dict):
            return {name: changed(value) for name, value in x.items()}
        if not isinstance(x, np.ndarray):
            return x
        place = next(old)
        places.append(place)
        if place is None or place.key not in known:
            return x
        start, memory = known[place.key]
        places[-1] = KNOWN
        return np.ndarray(x.shape, x.dtype, memory.data, address(x) - start, x.strides)

    args, options = changed((action.args, action.options))
    return replace(action, args=args, options=options, places=tuple(places))
