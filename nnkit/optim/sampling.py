"""Which examples to learn from next, learnt too: adaptive weighted sampling."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from nnkit.optim.checks import check_number
from nnkit.tensor import Tensor

Host = np.ndarray[Any, Any]


class AdaptiveSampler:
    """Draws examples with probabilities that it learns, so that gradients vary less.

    Example i of n is drawn with the probability q_i = (1 - uniform) softmax(z)_i + uniform / n,
    z = features tau, and counts with the weight w_i = 1 / (n q_i): whatever q is, the mean of
    w_i g_i over a batch is an unbiased estimate of the mean gradient. Its variance is smallest
    where q_i is proportional to the norm of example i's gradient g_i. `update` goes down the
    variance by stochastic gradients: with d = w_i |g_i|,
    tau = tau + lr s / max(1, |s|), s = mean over the batch of (d^2 / c - 1) grad log q_i
    (Bouchard, Trouillon, Perez and Gaidon 2015, arXiv:1506.09016). Ours are c, a running mean of
    d^2 as unit and baseline, and the limit of s, without which one rare example takes all draws.

    Args:
        n: the number of examples, or of rows of `features`.
        features: (n, k), what the examples have in common, such as their class as one-hot; then
            what is learnt about one holds for those like it. None: each example by itself.
        lr: how fast the probabilities are learnt, from 0.
        uniform: the share that is always drawn evenly, in (0, 1]; no weight is above 1 / uniform.
        seed: of the draws, made on the host: the same on every backend.

    >>> import numpy as np
    >>> sampler = AdaptiveSampler(4, lr=1.0, uniform=0.2)
    >>> for _ in range(300):
    ...     index, weight = sampler.draw(8)
    ...     sampler.update(np.where(index == 2, 9.0, 1.0))  # example 2 has a large gradient
    >>> int(sampler.probabilities().argmax()), float(sampler.probabilities()[2]) > 0.5
    (2, True)
    """

    def __init__(
        self,
        n: int,
        features: Any = None,
        lr: float = 1.0,
        uniform: float = 0.1,
        seed: int = 0,
    ) -> None:
        check_number("AdaptiveSampler", "lr", lr)
        if n < 1:
            raise ValueError(f"AdaptiveSampler: n must be at least 1, got {n}")
        if not 0 < uniform <= 1:
            raise ValueError(f"AdaptiveSampler: uniform must be in (0, 1], got {uniform}")
        self.features = None if features is None else np.asarray(features, dtype=np.float64)
        if self.features is not None and (self.features.ndim != 2 or len(self.features) != n):
            raise ValueError(
                f"AdaptiveSampler: features must have the shape ({n}, k), got {self.features.shape}"
            )
        self.n, self.lr, self.uniform = n, lr, uniform
        self.tau = np.zeros(n if self.features is None else self.features.shape[1])
        self._typical: float | None = None
        self._index: Host | None = None
        self._generator = np.random.Generator(np.random.Philox(key=seed))

    def _softmax(self) -> Host:
        z = self.tau if self.features is None else self.features @ self.tau
        e = np.exp(z - z.max())
        return np.asarray(e / e.sum())

    def probabilities(self) -> Host:
        """q, (n,): how likely each example is in a draw."""
        return np.asarray((1.0 - self.uniform) * self._softmax() + self.uniform / self.n)

    def draw(self, size: int) -> tuple[Host, Host]:
        """The next batch, drawn with replacement.

        Returns:
            The numbers of its examples, (size,) int64, and their weights w, (size,) float64.
        """
        q = self.probabilities()
        self._index = self._generator.choice(self.n, size=size, p=q / q.sum())
        return self._index, 1.0 / (self.n * q[self._index])

    def update(self, norms: Any) -> None:
        """Learn from the batch that was drawn last.

        Args:
            norms: (size,), the norms of the examples' gradients |g_i|, without weights; a tensor is
                read from the device. Anything in proportion to them does, such as
                `output_gradient_norms`.

        Raises:
            RuntimeError: before a draw.
            ValueError: for another number of norms, and for NaN.
        """
        if self._index is None:
            raise RuntimeError("AdaptiveSampler: nothing was drawn yet. Fix: draw(size) first.")
        g = np.asarray(norms.numpy() if isinstance(norms, Tensor) else norms, dtype=np.float64)
        if g.shape != self._index.shape or not np.isfinite(g).all():
            raise ValueError(
                f"AdaptiveSampler: norms must be {len(self._index)} finite numbers, one for each "
                f"example that was drawn, got shape {g.shape}"
            )
        s, q = self._softmax(), self.probabilities()[self._index]
        d2 = (g / (self.n * q)) ** 2
        typical = float(d2.mean()) if self._typical is None else self._typical
        if typical > 0:
            share = (
                (1.0 - self.uniform) * s[self._index] / q
            )  # d log q_i / d z_j = share (i=j - s_j)
            pull = (d2 / typical - 1.0) * share / len(g)
            slope = np.bincount(self._index, pull, self.n) - s * pull.sum()
            slope = slope if self.features is None else slope @ self.features
            self.tau += self.lr * slope / max(1.0, float(np.abs(slope).max()))
        self._typical = 0.9 * typical + 0.1 * float(d2.mean())

    def state_dict(self) -> dict[str, Any]:
        """What was learnt, and the random state."""
        generator = self._generator.bit_generator.state
        state = {"tau": self.tau, "typical": self._typical, "generator": generator}
        return copy.deepcopy(state)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave.

        Raises:
            ValueError: where it is of another number of examples or features.
        """
        tau = np.array(state_dict["tau"], dtype=np.float64)
        if tau.shape != self.tau.shape:
            raise ValueError(
                f"AdaptiveSampler: tau must have the shape {self.tau.shape}, got {tau.shape}"
            )
        self.tau, self._typical, self._index = tau, state_dict["typical"], None
        self._generator.bit_generator.state = copy.deepcopy(state_dict["generator"])

    def __repr__(self) -> str:
        return f"AdaptiveSampler(n={self.n}, lr={self.lr}, uniform={self.uniform})"
