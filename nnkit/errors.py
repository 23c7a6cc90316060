"""Every error and warning of nnkit: each names what was asked, the rule, the value and the fix."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable


class NnkitError(Exception):
    """Base class of nnkit's own errors.

    >>> import nnkit
    >>> issubclass(nnkit.NnkitError, nnkit.NnkitError)
    True
    """


class BackendUnavailable(NnkitError, RuntimeError):
    """A backend that was asked for cannot be used here: `reason` says why, `remedy` what to do.

    >>> import nnkit
    >>> error = nnkit.BackendUnavailable("cupy", "there is no GPU", "choose another")
    >>> print(error)
    backend 'cupy' is not available: there is no GPU. Fix: choose another.
    """

    def __init__(self, backend: str, reason: str, remedy: str = "") -> None:
        self.backend, self.reason, self.remedy = backend, reason, remedy
        fix = f" Fix: {remedy}." if remedy else ""
        super().__init__(f"backend '{backend}' is not available: {reason}.{fix}")

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.backend, self.reason, self.remedy)


class BackendMismatch(NnkitError, TypeError):
    """Arrays of two backends met in one operation; nnkit never moves data by itself.

    >>> import nnkit
    >>> issubclass(nnkit.BackendMismatch, nnkit.NnkitError)
    True
    """


class DeviceError(NnkitError, RuntimeError):
    """A launch failed after it had started: results may be lost, so nothing is retried.

    >>> import nnkit
    >>> issubclass(nnkit.DeviceError, nnkit.NnkitError)
    True
    """


class KernelUnavailable(NnkitError, RuntimeError):
    """A kernel could not be built, or was refused before it ran: the CPU can take over."""


class GraphError(NnkitError, RuntimeError):
    """`backward` met a graph it cannot use: released, changed in place, or without any gradient.

    >>> import nnkit
    >>> try:
    ...     nnkit.tensor([1.0]).backward()
    ... except nnkit.GraphError as error:
    ...     print(str(error).partition(". ")[0])
    backward: this tensor depends on nothing that requires a gradient
    """


class NnkitWarning(UserWarning):
    """Base class of nnkit's warnings.

    >>> import nnkit
    >>> issubclass(nnkit.NnkitWarning, UserWarning)
    True
    """


class FallbackWarning(NnkitWarning):
    """Something runs elsewhere than was asked for; the text says what, where and why.

    >>> import nnkit
    >>> issubclass(nnkit.FallbackWarning, UserWarning)
    True
    """


def warn_in_one_line(text: str) -> None:
    """Give a `FallbackWarning` that a terminal shows as one line.

    A fallback is caused by the machine or an environment variable, not by the line of code that
    happens to run; `warnings.warn` would print that line below the text all the same.
    """
    warnings.warn_explicit(text, FallbackWarning, filename="nnkit", lineno=1, module="nnkit")


def closest(name: str, known: Iterable[str]) -> str:
    """A sentence that helps after a misspelt name.

    >>> closest("opncl", ["numpy", "cupy", "opencl"])
    "Did you mean 'opencl'? Known: cupy, numpy, opencl."
    """
    choices = sorted(known)
    match = difflib.get_close_matches(name.lower(), choices, n=1, cutoff=0.5)
    hint = f"Did you mean '{match[0]}'? " if match else ""
    return f"{hint}Known: {', '.join(choices)}."


def missing_extra(package: str, feature: str, extra: str) -> ImportError:
    """The error for an optional package that is not installed: names the extra that brings it."""
    return ImportError(
        f"{feature} needs the package '{package}', which is not installed. "
        f"Fix: pip install 'nnkit[{extra}]'.",
        name=package,
    )
