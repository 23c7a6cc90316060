"""scikit-learn's MLPClassifier: `partial_fit` with the whole batch is one step."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.chains import Chain
from bench.peers import Absent, Runner
from bench.tasks import Arrays, Task


def make(task: Task | Chain, arrays: Arrays, option: str) -> Runner:
    """Without its L2 penalty and momentum, so that it computes what the others do."""
    try:
        import sklearn
        from sklearn.neural_network import MLPClassifier
    except ImportError:
        raise Absent("scikit-learn is not installed") from None
    if isinstance(task, Chain):
        raise Absent("scikit-learn's MLP has Linear layers only")
    if task.is_xor:
        raise Absent("scikit-learn's MLP has no sigmoid output with squared loss")
    x, y = arrays["x"], arrays["y"]
    classes = np.arange(task.widths[-1])
    first = iter(
        [(arrays[f"{p}.weight"].T.copy(), arrays[f"{p}.bias"].copy()) for p, *_ in task.layers]
    )

    class Started(MLPClassifier):  # type: ignore[misc]
        """Its own first weights are drawn; there is no public way to give others."""

        def _init_coef(self, fan_in: int, fan_out: int, dtype: Any) -> Any:
            return next(first)

    model = Started(
        task.widths[1:-1], solver=task.optimizer, learning_rate_init=task.lr, alpha=0.0,
        batch_size=task.batch, momentum=0.0, nesterovs_momentum=False,
    )  # fmt: skip

    def run(steps: int) -> None:
        for _ in range(steps):
            model.partial_fit(x, y, classes=classes)

    def loss() -> float:
        shares = model.predict_proba(x).astype(np.float64)
        return float(-np.log(shares[np.arange(len(y)), y]).mean())

    # Its Adam adds eps to sqrt(s), not to sqrt(s / c2): in the first steps a much larger eps.
    tolerance = 1e-2 if task.optimizer == "adam" else 1e-3
    return Runner(run, loss, f"scikit-learn {sklearn.__version__}", tolerance)
