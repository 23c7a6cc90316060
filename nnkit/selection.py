"""Which backend is in use: NNKIT_BACKEND, `use()`, and what happens when a choice is not there.

`NNKIT_BACKEND` is `auto` (the default), a name, or a preference list such as `cupy,opencl`; a device
may follow a name: `opencl:1`, `opencl:intel`, `cupy:0`. NumPy ends every list. The variable is read
at first use, never at import.
"""

from __future__ import annotations

import os
import threading
import warnings
from contextvars import ContextVar, Token
from dataclasses import dataclass

from nnkit.backend import Backend, adapter, adapter_names, numpy_backend, register
from nnkit.counters import policy
from nnkit.errors import BackendUnavailable, FallbackWarning, closest

AUTO = ("cupy", "opencl")
"""What `auto` tries before NumPy: a CUDA GPU, then an OpenCL GPU or accelerator."""


@dataclass(frozen=True)
class Choice:
    """One item of a preference list: 'opencl:intel' is name 'opencl', device 'intel'."""

    name: str
    device: str | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.device}" if self.device else self.name


_default: Backend | None = None
_in_context: ContextVar[Backend | None] = ContextVar("nnkit_backend", default=None)
_lock = threading.RLock()
skipped: list[BackendUnavailable] = []
"""Why each choice before the backend in use was passed over, for the report."""


def parse(text: str) -> list[Choice]:
    """The choices of a preference list.

    >>> [str(choice) for choice in parse("cupy, opencl:intel")]
    ['cupy', 'opencl:intel']

    Raises:
        ValueError: for a name that is no backend, with the closest match.
    """
    choices = []
    for item in text.lower().split(","):
        name, _, device = item.strip().partition(":")
        if name not in (known := ["auto", *adapter_names()]):
            raise ValueError(f"unknown backend {name!r} in {text!r}. {closest(name, known)}")
        if name == "auto" and device:
            raise ValueError(f"'auto' takes no device, got {item.strip()!r}")
        choices.append(Choice(name, device.strip() or None))
    return choices


def current() -> Backend:
    """The backend in use in this context; at first use it is chosen by NNKIT_BACKEND."""
    backend = _in_context.get() or _default
    return backend if backend is not None else _choose_by_variable()


def _choose_by_variable() -> Backend:
    global _default
    with _lock:
        if _default is None:
            text = os.environ.get("NNKIT_BACKEND", "").strip() or "auto"
            try:
                choices = parse(text)
            except ValueError as error:
                raise ValueError(f"NNKIT_BACKEND: {error}") from None
            _default = _first_available(choices)
        return _default


def _first_available(choices: list[Choice]) -> Backend:
    """Open the first choice that is there; say once why a named one is not."""
    skipped.clear()
    missing: list[BackendUnavailable] = []
    for choice in choices:
        try:
            if choice.name == "auto":
                return _auto()
            return _open(choice)
        except BackendUnavailable as error:
            skipped.append(error)
            missing.append(error)
            if policy() == "error":
                raise
    host = numpy_backend()
    if missing:
        _say_instead(missing, host)
    return host


def _auto() -> Backend:
    for name in AUTO:
        try:
            return _open(Choice(name), auto=True)
        except BackendUnavailable as error:
            skipped.append(error)
    return numpy_backend()


def _say_instead(missing: list[BackendUnavailable], used: Backend) -> None:
    if policy() == "warn":
        for error in missing:
            warnings.warn(f"{error} Using {used.name} instead.", FallbackWarning, stacklevel=5)


def _open(choice: Choice, *, auto: bool = False) -> Backend:
    backend: Backend = adapter(choice.name).open(choice.device, auto=auto)
    return register(backend)


def open_backend(spec: str) -> Backend:
    """The backend that `spec` names ('numpy', 'opencl:1', …), opened if need be.

    Raises:
        ValueError: for an unknown name, with the closest match.
        BackendUnavailable: with the reason and the remedy.
    """
    choices = parse(spec)
    if len(choices) != 1:
        raise ValueError(f"one backend was expected, got the list {spec!r}")
    return _auto() if choices[0].name == "auto" else _open(choices[0])


class use:  # noqa: N801 (reads as a verb: nnkit.use("opencl"))
    """Use a backend from now on, in every thread; as a context manager, only inside it.

    Args:
        spec: as in NNKIT_BACKEND, or a backend that is open already.
        fallback: take the next choice (at last NumPy), with one warning, instead of raising.

    Raises:
        BackendUnavailable: when it cannot be used, with the reason and the remedy.

    >>> import nnkit
    >>> with nnkit.use("numpy") as backend:
    ...     backend.name
    'numpy'
    """

    def __init__(self, spec: str | Backend, *, fallback: bool = False) -> None:
        global _default
        if not isinstance(spec, str):
            self.backend = register(spec)
        elif fallback:
            self.backend = _first_available(parse(spec))
        else:
            choices = parse(spec)
            self.backend = open_backend(spec) if len(choices) == 1 else _first_or_raise(choices)
        self._token: Token[Backend | None] | None = None
        with _lock:
            self._before, _default = _default, self.backend

    def __enter__(self) -> Backend:
        global _default
        with _lock:  # it was meant for the context, not for the process
            _default = self._before
        self._token = _in_context.set(self.backend)
        return self.backend

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _in_context.reset(self._token)

    def __repr__(self) -> str:
        return f"nnkit.use({self.backend.name!r})"


def _first_or_raise(choices: list[Choice]) -> Backend:
    errors = []
    for choice in choices:
        try:
            return _auto() if choice.name == "auto" else _open(choice)
        except BackendUnavailable as error:
            errors.append(error)
    raise (
        errors[0]
        if len(errors) == 1
        else BackendUnavailable(",".join(map(str, choices)), " ".join(map(str, errors)))
    )
