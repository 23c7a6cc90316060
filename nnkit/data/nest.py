"""Several inputs or outputs: an array, or a tuple or a dict of arrays that belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def leaves(nest: Any) -> Iterator[Any]:
    """The arrays of a nest, in order.

    >>> list(leaves({"a": 1, "b": (2, 3)}))
    [1, 2, 3]
    """
    if isinstance(nest, dict):
        for value in nest.values():
            yield from leaves(value)
    elif isinstance(nest, tuple):
        for value in nest:
            yield from leaves(value)
    else:
        yield nest


def each(function: Callable[[Any], Any], nest: Any) -> Any:
    """The nest with `function` of each of its arrays in their places.

    >>> each(abs, (-1, {"a": -2}))
    (1, {'a': 2})
    """
    if isinstance(nest, dict):
        return {name: each(function, value) for name, value in nest.items()}
    if isinstance(nest, tuple):
        return tuple(each(function, value) for value in nest)
    return function(nest)


def named(name: str, nest: Any) -> Iterator[tuple[str, Any]]:
    """The arrays of a nest with what a message calls them.

    >>> list(named("x", (5, {"a": 6})))
    [('x[0]', 5), ("x[1]['a']", 6)]
    """
    if isinstance(nest, dict | tuple):
        entries = nest.items() if isinstance(nest, dict) else enumerate(nest)
        for key, value in entries:
            yield from named(f"{name}[{key!r}]", value)
    else:
        yield name, nest


def call(model: Callable[..., Any], x: Any) -> Any:
    """The model's output: a tuple fills its arguments in order, a dict fills them by name."""
    by_place = x if isinstance(x, tuple) else (x,)
    output = model(**x) if isinstance(x, dict) else model(*by_place)
    return tuple(output) if isinstance(output, list) else output


def join(parts: list[Any]) -> Any:
    """Nests of arrays, one behind the other along the first axis."""
    first = parts[0]
    if isinstance(first, dict):
        return {name: join([part[name] for part in parts]) for name in first}
    if isinstance(first, tuple):
        return tuple(join(list(several)) for several in zip(*parts, strict=True))
    return np.concatenate(parts)
