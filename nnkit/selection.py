"""Which backend is in use: NNKIT_BACKEND, `use()`, and what happens when a choice is not there.

`NNKIT_BACKEND` is `auto` (the default), a name, or a preference list such as `cupy,opencl`; a
device may follow a name: `opencl:1`, `opencl:intel`, `cupy:0`. NumPy ends every list. The variable
is read at first use, never at import.
"""

from __future__ import annotations

import os
import threading
from contextvars import ContextVar, Token
from dataclasses import dataclass

from nnkit.backend import Backend, adapter, adapter_names, label, numpy_backend, register
from nnkit.counters import policy
from nnkit.errors import BackendUnavailable, closest, warn_in_one_line

AUTO = ("cupy", "opencl")
"""What `auto` tries before NumPy: a CUDA GPU, then an OpenCL GPU or accelerator."""


@dataclass(frozen=True)
class Choice:
    """One item of a preference list: 'opencl:intel' is name 'opencl', device 'intel'."""

    name: str
    device: str | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.device}" if self.device else self.name


@dataclass(frozen=True)
class Selected:
    """A backend, why it is the one, and why the choices before it are not."""

    backend: Backend
    why: str
    skipped: tuple[BackendUnavailable, ...] = ()


_default: Selected | None = None
_in_context: ContextVar[Selected | None] = ContextVar("nnkit_backend", default=None)
_lock = threading.RLock()


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
            where = f" in {text!r}" if "," in text else ""
            raise ValueError(f"unknown backend {name!r}{where}. {closest(name, known)}")
        if name == "auto" and device:
            raise ValueError(f"'auto' takes no device, got {item.strip()!r}")
        choices.append(Choice(name, device.strip() or None))
    return choices


def current() -> Backend:
    """The backend in use in this context; at first use it is chosen by NNKIT_BACKEND.

    >>> import nnkit
    >>> with nnkit.use("numpy"):
    ...     nnkit.current_backend().name
    'numpy'
    """
    selected = _in_context.get() or _default
    return (selected or _choose_by_variable()).backend


def in_use() -> Selected | None:
    """The choice that holds in this context, or None while none has been needed."""
    return _in_context.get() or _default


def _choose_by_variable() -> Selected:
    global _default
    with _lock:
        if _default is None:
            text = os.environ.get("NNKIT_BACKEND", "").strip()
            try:
                choices = parse(text or "auto")
            except ValueError as error:
                raise ValueError(f"NNKIT_BACKEND: {error}") from None
            why = f"NNKIT_BACKEND={text}" if text else "NNKIT_BACKEND is not set: auto"
            _default, missing = _first_available(choices, why)
            _say_instead(missing, _default.backend)
        return _default


def _first_available(choices: list[Choice], why: str) -> tuple[Selected, list[BackendUnavailable]]:
    """The first choice that is there, at last NumPy, and what was named but is missing."""
    skipped: list[BackendUnavailable] = []
    missing: list[BackendUnavailable] = []
    for choice in choices:
        try:
            backend = _open_choice(choice, skipped)
            return Selected(backend, why, tuple(skipped)), missing
        except BackendUnavailable as error:
            skipped.append(error)
            missing.append(error)
            if policy() == "error":
                raise
    return Selected(numpy_backend(), why, tuple(skipped)), missing


def _open_choice(choice: Choice, skipped: list[BackendUnavailable]) -> Backend:
    """Open one choice; what `auto` passes over goes to `skipped`, because nobody asked for it."""
    if choice.name != "auto":
        return _open(choice)
    for name in AUTO:
        try:
            return _open(Choice(name), auto=True)
        except BackendUnavailable as error:
            skipped.append(error)
    return numpy_backend()


def _say_instead(missing: list[BackendUnavailable], used: Backend) -> None:
    if policy() == "warn":
        for error in missing:
            warn_in_one_line(f"{error} Using {label(used)} instead.")


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
    return _open_choice(choices[0], [])


class use:  # noqa: N801 (reads as a verb: nnkit.use("opencl"))
    """Use a backend from now on, in every thread; as a context manager, only inside it.

    Args:
        spec: as in NNKIT_BACKEND, or a backend that is open already.
        fallback: take NumPy, with one warning, where nothing that `spec` names is there.

    Raises:
        BackendUnavailable: when it cannot be used, with the reason and the remedy.

    >>> import nnkit
    >>> with nnkit.use("numpy") as backend:
    ...     backend.name
    'numpy'
    """

    def __init__(self, spec: str | Backend, *, fallback: bool = False) -> None:
        global _default
        self._selected = _select(spec, fallback=fallback)
        self.backend = self._selected.backend
        self._outer: Token[Selected | None] | None = None  # a `with` around this call
        self._inner: list[Token[Selected | None]] = []  # our own, which may be nested
        with _lock:
            self._before, _default = _default, self._selected
        if _in_context.get() is not None:
            self._outer = _in_context.set(self._selected)

    def __enter__(self) -> Backend:
        if not self._inner:
            self._take_back()
        self._inner.append(_in_context.set(self._selected))
        return self.backend

    def _take_back(self) -> None:
        """It was meant for the context, not for the process."""
        global _default
        with _lock:
            if _default is self._selected:
                _default = self._before
        if self._outer is not None:
            _in_context.reset(self._outer)
            self._outer = None

    def __exit__(self, *_: object) -> None:
        _in_context.reset(self._inner.pop())

    def __repr__(self) -> str:
        return f"<nnkit.use: {label(self.backend)}>"


def _select(spec: str | Backend, *, fallback: bool) -> Selected:
    if not isinstance(spec, str):
        return Selected(register(spec), f"nnkit.use(<{label(spec)}>)")
    choices, why = parse(spec), f"nnkit.use({spec!r})"
    if not fallback:
        return _first_or_raise(choices, why)
    selected, missing = _first_available(choices, why)
    _say_instead(missing, selected.backend)
    return selected


def _first_or_raise(choices: list[Choice], why: str) -> Selected:
    skipped: list[BackendUnavailable] = []
    missing: list[BackendUnavailable] = []
    for choice in choices:
        try:
            return Selected(_open_choice(choice, skipped), why, tuple(skipped))
        except BackendUnavailable as error:
            skipped.append(error)
            missing.append(error)
    if len(missing) == 1:
        raise missing[0]
    reasons = "; ".join(f"{error.backend}: {error.reason}" for error in missing)
    remedies = "; or ".join(f"for {e.backend}, {e.remedy}" for e in missing if e.remedy)
    raise BackendUnavailable(",".join(map(str, choices)), reasons, remedies)
