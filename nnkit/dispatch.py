"""The one place where an op meets a backend: override, decline, fall back, count.

An **op** is one function, formula and gradient together::

    @op
    def sigmoid(xp, x, *, needs):
        y = 1 / (1 + xp.exp(-x))
        return y, (lambda g: (g * y * (1 - y),)) if needs[0] else None

It takes raw arrays of one namespace `xp` and says with `vjp` how the gradient of y becomes the
gradients of its inputs; `needs` says which inputs want one. An **update** writes into buffers that
it names and has no gradient::

    @update(writes=("param",))
    def descend(xp, param, grad, lr): param -= lr * grad

and `descend.many(calls)` does several calls, at once where the backend can.
A backend may override either by name with the same contract. An override that cannot serve a call
returns `NotImplemented` before it touches anything; the function above then runs as it stands.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, overload

from nnkit import counters
from nnkit.backend import Backend, label, numpy_backend
from nnkit.dtypes import dtype_name
from nnkit.errors import KernelUnavailable
from nnkit.recording import active
from nnkit.typing import Array, Vjp
from nnkit.watch import tell, timed, timers, watchers

if TYPE_CHECKING:
    from nnkit.tensor import Tensor

Result = tuple[Array | tuple[Array, ...], Vjp | None]
"""What an op returns: y, or a tuple of several results, and its vjp. With several results, vjp
takes a tuple of their gradients (zeros for those that nothing was made of)."""

OPS: Final[dict[str, Op]] = {}
UPDATES: Final[dict[str, Update]] = {}


class Function(ABC):
    """What ops and updates share: a composed definition, and the search for something faster."""

    def __init__(self, composed: Callable[..., Any], *, elementwise: bool) -> None:
        self.name = composed.__name__
        self.composed = composed
        self.elementwise = elementwise
        """Each element of the result depends on the same element of the inputs, and on no other."""
        self.__name__ = self.name
        self.__doc__ = composed.__doc__
        self.__module__ = composed.__module__
        self.parameters = list(inspect.signature(composed).parameters.values())[1:]
        self._broken: dict[tuple[str, str, str], str] = {}

    def __repr__(self) -> str:
        return f"<nnkit {'update' if isinstance(self, Update) else 'op'} {self.name}>"

    def __reduce__(self) -> str:  # copied and pickled by name, like a function
        return self.name

    def run(self, backend: Backend, arrays: Sequence[Any], options: dict[str, Any]) -> Any:
        """Run on `backend`: the override if it serves the call, the composed definition if not."""
        if timers:
            do = partial(self._serve, backend, arrays, options)
            return timed(self, self.name, backend, arrays, options, do)
        return self._serve(backend, arrays, options)

    def _serve(self, backend: Backend, arrays: Sequence[Any], options: dict[str, Any]) -> Any:
        session = active.session
        if session is not None and session.backend is not backend:
            session.spoil(f"it computes on {label(backend)} too")
        fused = backend.override(self.name)
        if fused is not None:
            if self._broken and (reason := self._broken.get(self._key(backend, arrays))):
                return self._run_on_host(backend, arrays, options, reason)
            try:
                result = fused(backend.xp, *arrays, **options)
            except KernelUnavailable as error:
                self._broken[self._key(backend, arrays)] = str(error)
                return self._run_on_host(backend, arrays, options, str(error))
            if result is not NotImplemented:
                counters.served[backend.name, self.name, "fused"] += 1
                return result
            counters.declined[backend.name, self.name, _kinds(arrays)] += 1
        counters.served[backend.name, self.name, "composed"] += 1
        return self.composed(backend.xp, *arrays, **options)

    def _key(self, backend: Backend, arrays: Sequence[Any]) -> tuple[str, str, str]:
        return backend.name, backend.device, _dtype(arrays)

    def _run_on_host(
        self, backend: Backend, arrays: Sequence[Any], options: dict[str, Any], reason: str
    ) -> Any:
        counters.fell_back(self.name, _dtype(arrays), label(backend), reason)
        host = numpy_backend()
        moved = [backend.to_numpy(a) if backend.owns(a) else a for a in arrays]
        result = self.composed(host.xp, *moved, **options)
        return self._return_to_device(backend, arrays, moved, result)

    @abstractmethod
    def _return_to_device(
        self, backend: Backend, arrays: Sequence[Any], moved: list[Any], result: Any
    ) -> Any:
        """Bring back what the host computed: an op its y and vjp, an update its buffers."""


class Op(Function):
    """A differentiable function of tensors; call it as `op(*tensors, **options)`."""

    def __init__(self, composed: Callable[..., Result], *, elementwise: bool) -> None:
        super().__init__(composed, elementwise=elementwise)
        keyword = inspect.Parameter.KEYWORD_ONLY
        arrays = [p for p in self.parameters if p.kind is not keyword]
        options = [p for p in self.parameters if p.kind is keyword and p.name != "needs"]
        self.variadic = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in arrays)
        self.arrays = arrays
        self.array_names = [p.name for p in arrays]
        self.option_names = [p.name for p in options]
        positional = [p.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for p in options]
        self.__signature__ = inspect.Signature(arrays + (options if self.variadic else positional))
        self.multiply_adds: Callable[..., int] | None = None
        """How many multiply-adds a call takes, from (y, *arrays, **options); None counts as 0."""
        self.is_view = False
        """Whether the result usually lies in the memory of the input."""
        self.is_idempotent = False
        """Whether y and the gradient at x are those at y: then y is kept, and x need not be."""

    def __call__(self, *inputs: Any, **options: Any) -> Tensor:
        """Run on tensors (and Python numbers), and record what `backward` needs."""
        result: Tensor = self._apply(inputs, options)
        return result

    def _apply(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        from nnkit.apply import apply  # not above: tensors have ops as methods

        if not self.variadic:
            inputs, options = self._bind(inputs, options)
        return apply(self, inputs, options)

    def _bind(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        count = len(self.array_names)
        extra = inputs[count:]
        if len(extra) > len(self.option_names):
            raise TypeError(f"{self.name}{self.__signature__}: got {len(inputs)} arguments")
        options.update(zip(self.option_names, extra, strict=False))
        inputs = inputs[:count]
        for parameter in self.arrays[len(inputs) :]:
            value = options.pop(parameter.name, parameter.default)
            if value is inspect.Parameter.empty:
                raise TypeError(f"{self.name}{self.__signature__}: missing '{parameter.name}'")
            inputs += (value,)
        return inputs, options

    def forward(
        self,
        backend: Backend,
        arrays: Sequence[Any],
        needs: Sequence[bool],
        options: dict[str, Any],
    ) -> Result:
        """y and its vjp; an override's vjp is guarded, because its kernels may be refused too."""
        result: Result = self.run(backend, arrays, {"needs": needs, **options})
        if watchers:
            tell(self, arrays, options, result[0])
        return result

    def backward(self, backend: Backend, vjp: Vjp, gradient: Any) -> tuple[Array | None, ...]:
        """The gradients of the inputs, from that of y (a tuple for an op of several results)."""
        counters.served[backend.name, self.name, "backward"] += 1

        def do() -> tuple[Array | None, ...]:
            return vjp(each(backend.xp.ext.contiguous, gradient))

        if timers:
            arrays = gradient if isinstance(gradient, tuple) else (gradient,)
            of = {"vjp": vjp}
            found: tuple[Array | None, ...] = timed(self, f"{self.name}'", backend, arrays, of, do)
            return found
        return do()

    def backward_on_host(
        self,
        backend: Backend,
        arrays: Sequence[Any],
        options: dict[str, Any],
        gradient: Any,
        reason: str,
    ) -> tuple[Array | None, ...]:
        """Do forward and backward again on the CPU, after a backward kernel was refused."""
        self._broken[self._key(backend, arrays)] = reason
        _, vjp = self._run_on_host(backend, arrays, options, reason)
        gradients: tuple[Array | None, ...] = vjp(gradient)
        return gradients

    def _return_to_device(
        self, backend: Backend, arrays: Sequence[Any], moved: list[Any], result: Any
    ) -> Result:
        y, host_vjp = result
        returned = each(backend.asarray, y)
        if host_vjp is None:
            return returned, None

        def vjp(g: Any) -> tuple[Array | None, ...]:
            gradients = host_vjp(each(backend.to_numpy, g))
            return tuple(None if d is None else backend.asarray(d) for d in gradients)

        return returned, vjp


class SeveralOp(Op):
    """A differentiable function with several results."""

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Run on tensors, and record what `backward` needs; gives a tuple of tensors."""
        return self._apply(inputs, options)


class Update(Function):
    """A function that writes into some of its buffers; call it with tensors."""

    def __init__(
        self, composed: Callable[..., None], *, writes: Sequence[str], elementwise: bool
    ) -> None:
        super().__init__(composed, elementwise=elementwise)
        names = [p.name for p in self.parameters]
        self.written = [names.index(name) for name in writes]
        self.__signature__ = inspect.Signature(self.parameters)

    def __call__(self, *tensors: Any, **options: Any) -> None:
        """Run on tensors, whose versions grow where they are written."""
        backend = tensors[0].backend
        arrays = [t if t is None else t.data for t in tensors]
        self.run(backend, arrays, options)
        self._wrote(tensors)

    def many(self, calls: Sequence[Sequence[Any]], **options: Any) -> None:
        """Run on the tensors of each call, with the bits of one call after the other.

        A backend may do several calls at once, if they share no buffer that is written: its
        override then has `many(xp, *columns, **options)`, a column being one argument of each call,
        and `most`, how many calls that takes.
        """
        for backend in {call[0].backend: None for call in calls}:
            mine = [call for call in calls if call[0].backend is backend]
            most = getattr(backend.override(self.name), "most", 1)
            for start in range(0, len(mine), most):
                some = mine[start : start + most]
                if len(some) == 1 or not self._timed_at_once(backend, some, options):
                    for call in some:
                        self(*call, **options)

    def _timed_at_once(
        self, backend: Backend, calls: Sequence[Sequence[Any]], options: dict[str, Any]
    ) -> bool:
        do = partial(self._at_once, backend, calls, options)
        if not timers:
            return do()
        arrays = [t if t is None else t.data for call in calls for t in call]
        done: bool = timed(self, self.name, backend, arrays, options, do)
        return done

    def _at_once(
        self, backend: Backend, calls: Sequence[Sequence[Any]], options: dict[str, Any]
    ) -> bool:
        """Whether the override did these calls; if not, it touched nothing."""
        columns = [
            [t if t is None else t.data for t in column] for column in zip(*calls, strict=True)
        ]
        session = active.session
        if session is not None and session.backend is not backend:
            return False  # each call says so
        fused: Any = backend.override(self.name)
        try:
            if fused.many(backend.xp, *columns, **options) is NotImplemented:
                return False
        except KernelUnavailable:
            return False  # met again, and told, by the first call alone
        counters.served[backend.name, self.name, "fused"] += len(calls)
        for call in calls:
            self._wrote(call)
        return True

    def _wrote(self, tensors: Sequence[Any]) -> None:
        session = active.session
        for index in self.written:
            if tensors[index] is not None:
                tensors[index].version += 1
                if session is not None:
                    session.wrote(tensors[index])

    def _return_to_device(
        self, backend: Backend, arrays: Sequence[Any], moved: list[Any], result: Any
    ) -> None:
        for index in self.written:
            if arrays[index] is not None:
                arrays[index][...] = backend.asarray(moved[index])


def each(function: Callable[[Array], Array], y: Any) -> Any:
    """`function` of an op's result, or of each of its results."""
    return tuple(map(function, y)) if isinstance(y, tuple) else function(y)


def _dtype(arrays: Sequence[Any]) -> str:
    return next((dtype_name(a.dtype) for a in arrays if hasattr(a, "dtype")), "none")


def _kinds(arrays: Sequence[Any]) -> tuple[tuple[str, int], ...]:
    """What a decline depends on, for the report: dtype and number of axes of each array."""
    return tuple((dtype_name(a.dtype), a.ndim) for a in arrays if hasattr(a, "dtype"))


@overload
def op(composed: Callable[..., Result], /) -> Op: ...
@overload
def op(*, elementwise: bool) -> Callable[[Callable[..., Result]], Op]: ...
def op(
    composed: Callable[..., Result] | None = None, /, *, elementwise: bool = False
) -> Op | Callable[[Callable[..., Result]], Op]:
    """Register a composed definition as an op."""

    def register(function: Callable[..., Result]) -> Op:
        OPS[function.__name__] = made = Op(function, elementwise=elementwise)
        return made

    return register(composed) if composed is not None else register


def op_of_several(composed: Callable[..., Result]) -> SeveralOp:
    """Register a composed definition whose y is a tuple."""
    OPS[composed.__name__] = made = SeveralOp(composed, elementwise=False)
    return made


def update(
    *, writes: Sequence[str], elementwise: bool = False
) -> Callable[[Callable[..., None]], Update]:
    """Register a composed definition as an update of the buffers named in `writes`."""

    def register(function: Callable[..., None]) -> Update:
        made = Update(function, writes=writes, elementwise=elementwise)
        UPDATES[function.__name__] = made
        return made

    return register
