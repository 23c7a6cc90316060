"""The statements that random programs are made of, each written to fit the arrays alive."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.program_writer import (
    SIGNED,
    Rejected,
    Writer,
    data,
    key,
    mask,
    meets,
    number,
    partner,
    places,
    spreads,
)

Step = Callable[[Writer], None]


def make(w: Writer) -> None:
    w.new(data(w))


def view(w: Writer) -> None:
    name, x = w.pick()
    w.new(f"{name}[{key(w, x.shape)}]")


def turn(w: Writer) -> None:
    name, x = w.pick(axes=1)
    axis, other = w.integer(-x.ndim, x.ndim), w.integer(-x.ndim, x.ndim)
    order = tuple(int(i) for i in w.rng.permutation(x.ndim))
    ones = tuple(i for i, n in enumerate(x.shape) if n == 1)
    wide = tuple(w.choice([n, 3]) if n == 1 else n for n in x.shape)
    w.new(
        w.choice([
            f"xp.permute_dims({name}, {order})", f"xp.flip({name}, axis={axis})",
            f"xp.expand_dims({name}, axis={axis})", f"xp.squeeze({name}, axis={ones})",
            f"xp.moveaxis({name}, {axis}, {other})", f"xp.broadcast_to({name}, {(2, *wide)})",
            f"xp.flip({name})",
        ])
    )  # fmt: skip


def reshape(w: Writer) -> None:
    name, x = w.pick()
    shapes = [
        (-1,),
        (x.size, 1),
        (1, x.size),
        *[(x.size // n, n) for n in (2, 3, 5) if x.size % n == 0],
    ]
    shape = w.choice(shapes[not x.size :])
    w.new(f"xp.reshape({name}, {shape}{w.choice(['', '', ', copy=True'])})")


def unary(w: Writer) -> None:
    functions = {
        "f": ["floor", "ceil", "trunc", "round", "abs", "sign", "square", "negative", "isnan"],
        "i": ["abs", "sign", "square", "negative", "positive", "bitwise_invert", "trunc"],
        "u": ["square", "sign", "bitwise_invert", "positive"],
        "b": ["logical_not", "bitwise_invert"],
    }
    name, x = w.pick()
    w.new(f"xp.{w.choice(functions[x.dtype.kind])}({name})")


COMPARE = ["==", "!=", "<", "<=", ">", ">="]


def operators(kind: str) -> list[str]:
    integer = ["+", "-", "*", "&", "|", "^"]
    return {"f": ["+", "-", "*"], "i": integer, "u": integer, "b": ["&", "|", "^"]}[kind]


def binary(w: Writer) -> None:
    name, x = w.pick()
    other = partner(w, name, x)
    kind = x.dtype.kind
    form = w.choice(["operator", "compare", "function", "divide"])
    if kind == "b" or form == "operator":
        w.new(f"{name} {w.choice(operators(kind))} {other}")
    elif form == "compare":
        w.new(f"{name} {w.choice(COMPARE)} {other}")
    elif form == "function":
        w.new(f"xp.{w.choice(['maximum', 'minimum'])}({name}, {other})")
    else:  # by a number: what a division by zero gives is nobody's promise for integers
        by = w.choice(["2", "3", SIGNED[kind]] if kind != "f" else ["2.0", "0.5", SIGNED[kind]])
        w.new(
            f"{name} {w.choice(['//', '%'] + ['<<', '>>'] * (kind != 'f' and '-' not in by))} {by}"
        )


def in_place(w: Writer) -> None:
    name, x = w.pick()
    other, sign = partner(w, name, x), w.choice(operators(x.dtype.kind))
    result = w.value(f"{name} {sign} {other}")
    if not x.flags.writeable or (result.shape, result.dtype) != (x.shape, x.dtype):
        raise Rejected
    w.change(f"{name} {sign}= {other}")


def assign(w: Writer) -> None:
    name, x = w.pick()
    target = f"{name}[{key(w, x.shape)}]"
    shape = w.value(target).shape
    sources = [number(w, x.dtype), f"{name}[{key(w, x.shape)}]"]
    sources += [n for n, v in w.exact.items() if v.dtype == x.dtype]
    source = w.choice(sources)
    found = w.value(source).shape if "a" in source else ()
    if not x.flags.writeable or len(found) > len(shape) or not spreads(found, shape):
        raise Rejected
    w.change(f"{target} = {source}")


def masked(w: Writer) -> None:
    name, x = w.pick(axes=1)
    chosen = mask(w, name, x)
    if w.integer(0, 2):
        w.new(f"{name}[{chosen}]")
    elif x.flags.writeable:
        w.change(f"{name}[{chosen}] = {number(w, x.dtype)}")


def gathered(w: Writer) -> None:
    name, x = w.pick(axes=1, elements=1)
    count = w.integer(0, 5)
    index = w.choice(
        [places(w, x.shape[0], count), ", ".join(places(w, n, count) for n in x.shape)]
    )
    if w.integer(0, 2):
        w.new(f"{name}[{index}]")
    elif x.flags.writeable:
        w.change(f"{name}[{index}] = {number(w, x.dtype)}")


def fold(w: Writer) -> None:
    name, x = w.pick()
    kind = x.dtype.kind
    functions = ["any", "all", "count_nonzero"]
    functions += [] if kind == "b" else ["max", "min", "sum"] + ["prod"] * (kind != "f")
    axes = [None, *range(-x.ndim, x.ndim), tuple(range(0, x.ndim, 2))]
    keep = w.choice(["", ", keepdims=True"])
    function, axis = w.choice(functions), w.choice(axes)
    if function in ("max", "min") and not x.size:
        raise Rejected
    w.new(f"xp.{function}({name}, axis={axis}{keep})")


def along(w: Writer) -> None:
    name, x = w.pick("iuf", axes=1, elements=1)
    axis = w.integer(-x.ndim, x.ndim)
    function = w.choice(["argmax", "argmin", "cumulative_sum", "diff"])
    w.new(f"xp.{function}({name}, axis={axis})")


def join(w: Writer) -> None:
    name, x = w.pick(axes=1)
    axis = w.integer(0, x.ndim)
    part = f"{name}[{', '.join([':'] * axis + ['::-2', '...'])}]"
    same = [n for n, v in w.exact.items() if v.shape == x.shape and v.dtype == x.dtype]
    w.new(
        w.choice([
            f"xp.concat([{name}, {part}, {w.choice(same)}], axis={axis})",
            f"xp.stack([{name}, {w.choice(same)}], axis={axis})",
            f"xp.concat([{name}, {name}], axis=None)",
        ])
    )  # fmt: skip


def where(w: Writer) -> None:
    name, x = w.pick()
    other = partner(w, name, x)
    test = w.choice(n for n, v in w.exact.items() if v.dtype.kind == "b" and meets(v, v | (x == x)))
    w.new(f"xp.where({test}, {name}, {other})")


def clip(w: Writer) -> None:
    name, x = w.pick("iuf")
    low, high = ("0.5", "2.0") if x.dtype.kind == "f" else ("1", "3")
    w.new(f"xp.clip({name}, {w.choice([low, 'None'])}, {high})")


def cast(w: Writer) -> None:
    name, x = w.pick()
    to = w.choice(w.dtypes)
    source = name
    if x.dtype.kind in "iu" and to.startswith("float"):
        source = f"xp.remainder({name}, 60)"  # any integer fits a float after this
    elif x.dtype.kind == "f" and to.startswith("u"):
        source = f"xp.abs({name}) % 100.0"  # what C makes of a negative number is undefined
    elif x.dtype.kind == "f":
        source = f"{name} % 100.0"
    w.new(f"xp.astype({source}, xp.{to}{w.choice(['', ', copy=False'])})")


def move(w: Writer) -> None:
    name, x = w.pick(axes=1, elements=1)
    axis = w.integer(0, x.ndim)
    options = [
        f"xp.roll({name}, {w.integer(-5, 6)}, axis={w.choice([axis, None])})",
        f"xp.tile({name}, {w.choice([(2,), (1, 2), (2, 1, 3), (0, 1)])})",
        f"xp.repeat({name}, {w.integer(0, 4)}, axis={axis})",
        f"xp.take({name}, {places(w, x.shape[axis], w.integer(0, 5))}, axis={axis})",
    ]
    if x.ndim >= 2:
        options.append(f"xp.{w.choice(['tril', 'triu'])}({name}, k={w.integer(-3, 4)})")
    w.new(w.choice(options))


def product(w: Writer) -> None:
    name, x = w.pick("f", axes=2)
    other = w.choice(
        [f"xp.matrix_transpose({name})", f"{name}[..., 0, :]"][: 1 + (x.shape[-2] > 0)]
    )
    size = np.abs(w.value(name)).astype(np.float64)
    if 0 not in x.shape and float(size.max()) ** 2 * x.shape[-1] * 64 > 1 << 20:
        raise Rejected
    w.new(f"xp.matmul({name}, {other})")


def inexact(w: Writer) -> None:
    """Functions that may differ in the last digits: nothing is built on their results."""
    name, _ = w.pick("f", elements=1)
    function = w.choice(["tanh", "exp2", "sin", "expm1", "mean", "var", "std", "atan"])
    argument = f"{name} % 8.0"
    w.new(f"xp.{'exp' if function == 'exp2' else function}({argument})", exact=False)


STEPS: list[Step] = [
    make, view, view, view, turn, turn, reshape, unary, binary, binary, binary, in_place, in_place,
    assign, assign, assign, masked, gathered, fold, fold, along, join, where, clip, cast, cast,
    move, product, inexact,
]  # fmt: skip
