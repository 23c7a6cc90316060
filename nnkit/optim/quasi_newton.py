"""SciPy's minimisers over all parameters as one flat vector; needs SciPy (`nnkit[scipy]`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np

from nnkit.dtypes import dtype_name
from nnkit.errors import closest, missing_extra
from nnkit.nn.utils import parameters_to_vector, vector_to_parameters
from nnkit.optim.state import learning, scalar, zeros_like
from nnkit.tensor import Tensor

METHODS: Final = ("bfgs", "cg", "l-bfgs-b")


class SciPyOptimizer:
    """Quasi-Newton methods and conjugate gradients, by `scipy.optimize.minimize`.

    One `step(closure)` is a whole minimisation over the full batch: SciPy chooses the points, the
    closure gives loss and gradients there. The vector is on the host, in float64; losses and
    gradients are read from the device. float64 parameters let SciPy reach its tolerances; with
    float32 it stops where its line search no longer sees a difference.

    Args:
        params: tensors on one backend; those that require a gradient are changed.
        method: 'BFGS', 'L-BFGS-B' (for many parameters: it keeps no matrix) or 'CG',
            in capitals or not.
        max_iter: iterations of one `step`; None for SciPy's limit.
        tol: SciPy's tolerance; None for its own.
        options: further options of the method, as SciPy takes them.

    Attributes:
        result: what SciPy returned last (`x`, `fun`, `nit`, `success`, `message`, …), or None.

    Raises:
        ImportError: without SciPy, with the extra that brings it.
        ValueError: for an unknown method, or without parameters.

    >>> import nnkit
    >>> p = nnkit.tensor([1.0, -2.0], dtype="float64", requires_grad=True)
    >>> optimizer = SciPyOptimizer([p])
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((p - 3.0) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item() < 1e-12
    True
    >>> p.numpy().round(6)
    array([3., 3.])
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        method: str = "BFGS",
        max_iter: int | None = None,
        tol: float | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        try:
            from scipy.optimize import minimize
        except ImportError as error:
            raise missing_extra("scipy", "SciPyOptimizer", "scipy") from error
        if method.lower() not in METHODS:
            raise ValueError(
                f"SciPyOptimizer: unknown method '{method}'. {closest(method, METHODS)}"
            )
        self.params = learning("SciPyOptimizer", params)
        self.method, self.tol = method, tol
        self.options = {**({} if max_iter is None else {"maxiter": max_iter}), **(options or {})}
        self.result: Any = None
        self._minimize = minimize

    def zero_grad(self) -> None:
        """Forget every gradient."""
        for p in self.params:
            p.grad = None

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Minimise what the closure computes, and leave the parameters at the best point.

        Args:
            closure: zero_grad, loss, backward; returns the loss. Called at every point, so that
                nothing in it may be random.

        Returns:
            The loss at that point, 0-d.
        """

        def loss_and_gradient(x: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
            self._write(x)
            loss = closure().item()
            return loss, self._gradient()

        start = parameters_to_vector(p.detach() for p in self.params).numpy().astype(np.float64)
        self.result = self._minimize(
            loss_and_gradient,
            start,
            jac=True,
            method=self.method,
            tol=self.tol,
            options=self.options,
        )
        self._write(self.result.x)
        return scalar(self.result.fun, self.params[0])

    def _write(self, x: np.ndarray[Any, Any]) -> None:
        backend = self.params[0].backend
        names = {dtype_name(p.dtype) for p in self.params}
        values = x.astype("float64" if "float64" in names else "float32")
        vector_to_parameters(Tensor(backend.asarray(values), backend), self.params)

    def _gradient(self) -> np.ndarray[Any, Any]:
        grads = [zeros_like(p) if p.grad is None else p.grad for p in self.params]
        return parameters_to_vector(grads).numpy().astype(np.float64)

    def __repr__(self) -> str:
        return f"SciPyOptimizer(method={self.method}, tol={self.tol}, options={self.options})"
