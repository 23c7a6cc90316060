"""What training makes small: the loss, or one loss for each output, with weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

from nnkit import ops
from nnkit.nn import CrossEntropyLoss, Loss
from nnkit.tensor import Tensor
from nnkit.train.data import Host

LossFunction = Callable[[Any, Any], Tensor]


class Objective:
    """The loss of one output.

    With weights w it is mean(w l), or sum(w l) where the loss is a sum: l are the losses of the
    examples, and as in Keras the mean divides by their number, not by the sum of their weights.

    Args:
        loss: a loss module, or any function of (output, target) that gives a 0-d tensor.
    """

    def __init__(self, loss: LossFunction) -> None:
        self.loss = loss
        self._each: Loss | None = None
        if isinstance(loss, Loss):
            self._each = copy(loss)
            self._each.reduction = "none"

    def __call__(self, output: Any, target: Any, weight: Tensor | None = None) -> Tensor:
        """The loss of a batch, as a 0-d tensor."""
        loss = (
            self.loss(output, target) if weight is None else self._weighted(output, target, weight)
        )
        if not isinstance(loss, Tensor) or loss.ndim:
            got = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
            raise ValueError(
                f"Trainer: the loss must be one number for a batch, a 0-d tensor, got {got}. "
                "Fix: loss.mean()."
            )
        return loss

    def _weighted(self, output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        if self._each is None:
            raise TypeError(
                "Trainer: weights need the loss of each example, which a function of your own does "
                "not tell. Fix: a loss module of nnkit.nn, or weigh inside the function."
            )
        losses: Tensor = self._each(output, target)
        if losses.ndim > 1:
            losses = losses.reshape(len(losses), -1).mean(axis=1)
        return (losses * weight).sum() if self.is_sum else (losses * weight).mean()

    @property
    def losses(self) -> list[LossFunction]:
        """The losses that it is made of."""
        return [self.loss]

    @property
    def threshold(self) -> float:
        """Above which a single output means yes: 0 for logits, 0.5 for anything else."""
        return 0.0 if type(self.loss).__name__ == "BCEWithLogitsLoss" else 0.5

    @property
    def is_sum(self) -> bool:
        """Whether it adds over the examples, rather than taking the mean."""
        return getattr(self.loss, "reduction", "mean") == "sum"

    def mean(self, loss: Tensor, size: int) -> Tensor:
        """What a batch's loss is for one example."""
        return loss / size if self.is_sum else loss

    def prepare(self, y: Host, output: Any, dtype: str) -> Host:
        """Targets, checked and in the dtype that the loss wants, for outputs of this shape.

        One number an example, (N,), fits a network of one output, (N, 1).
        """
        if output == (1,) and y.ndim == 1 and not isinstance(self.loss, CrossEntropyLoss):
            y = y.reshape(-1, 1)
        if isinstance(self.loss, Loss):
            return self.loss.prepare_target(y, output, dtype)
        return y.astype(dtype) if y.dtype.kind == "f" else y


class Several:
    """A loss for each output of a model: the sum of weight times loss.

    Args:
        losses: by position where the model gives a tuple, by name where it gives a dict.
        weights: of the losses, in the same form; 1 where None.
    """

    def __init__(
        self,
        losses: Sequence[LossFunction] | Mapping[str, LossFunction],
        weights: Sequence[float] | Mapping[str, float] | None = None,
    ) -> None:
        self._parts = {key: Objective(loss) for key, loss in _entries(losses).items()}
        shares = dict.fromkeys(self._parts, 1.0) if weights is None else _entries(weights)
        if set(shares) != set(self._parts):
            raise ValueError(
                f"Trainer: loss_weights must hold one number for each loss, {list(self._parts)}, "
                f"got {list(shares)}"
            )
        self._shares = shares

    threshold = 0.5

    @property
    def losses(self) -> list[LossFunction]:
        """The losses that it is made of."""
        return [part.loss for part in self._parts.values()]

    def __call__(self, output: Any, target: Any, weight: Tensor | None = None) -> Tensor:
        """The loss of a batch, as a 0-d tensor."""
        parts = [
            part(output[key], target[key], weight) * self._shares[key]
            for key, part in self._parts.items()
        ]
        return parts[0] if len(parts) == 1 else ops.stack(*parts).sum()

    def mean(self, loss: Tensor, size: int) -> Tensor:
        """What a batch's loss is for one example."""
        return loss / size if any(part.is_sum for part in self._parts.values()) else loss

    def prepare(self, y: Any, output: Any, dtype: str) -> Any:
        """Targets, checked, for outputs of these shapes; in the form of the losses."""
        for name, nest in (("y", y), ("the model's output", output)):
            keys = list(_entries(nest)) if isinstance(nest, dict | tuple) else "one array"
            if keys != list(self._parts):
                raise ValueError(
                    f"Trainer: {name} must have a part for each loss, {list(self._parts)}, got "
                    f"{keys}"
                )
        made = {k: part.prepare(y[k], output[k], dtype) for k, part in self._parts.items()}
        return made if isinstance(y, dict) else tuple(made.values())


def _entries(nest: Any) -> dict[Any, Any]:
    return dict(nest) if isinstance(nest, Mapping) else dict(enumerate(nest))
