"""One training step: forward, backward, and when enough gradients are gathered, the update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnkit.data.nest import call
from nnkit.nn.utils import clip_grad_norm_, clip_grad_value_
from nnkit.tensor import Tensor
from nnkit.train import regularize
from nnkit.train.callbacks import Run
from nnkit.train.data import Batch

if TYPE_CHECKING:
    from nnkit.train.loop import Trainer


class Step:
    """The options of a step, and the step. It reads nothing back from the device.

    Args:
        accumulate: how many batches' gradients are gathered: their mean is what is learnt from. At
            the end of an epoch there may be fewer.
        clip_norm: the largest norm of all gradients together.
        clip_value: the largest absolute value of a gradient.
        regularizer: adds `penalty(model)` to what is learnt; an object or a name.
        constraint: `apply(model)` after each update; an object or a name.
    """

    def __init__(
        self,
        accumulate: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        regularizer: Any = None,
        constraint: Any = None,
    ) -> None:
        if accumulate < 1:
            raise ValueError(f"Trainer: accumulate must be at least 1, got {accumulate}")
        for name, value in (("clip_norm", clip_norm), ("clip_value", clip_value)):
            if value is not None and not value > 0:
                raise ValueError(f"Trainer: {name} must be greater than 0, got {value}")
        regularizer = regularize.regularizer(regularizer)
        constraint = regularize.constraint(constraint)
        for name, given, method in (
            ("regularizer", regularizer, "penalty"),
            ("constraint", constraint, "apply"),
        ):
            if given is not None and not hasattr(given, method):
                raise TypeError(
                    f"Trainer: a {name} must have the method {method}(model), got {given!r}"
                )
        self.accumulate = accumulate
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self.regularizer, self.constraint = regularizer, constraint

    def __call__(self, trainer: Trainer, batch: Batch, run: Run) -> tuple[Any, Tensor]:
        """Learn from a batch; gives the model's output and the loss, without penalty."""
        output = call(trainer.model, batch.x)
        loss = trainer.objective(output, batch.y, batch.weight)
        learnt = loss
        if self.regularizer is not None:
            learnt = learnt + self.regularizer.penalty(trainer.model)
        position, gathered = run.step % self.accumulate, self._gathered(run)
        if gathered > 1:
            learnt = learnt / gathered
        if position == 0:
            trainer.optimizer.zero_grad()
        learnt.backward()
        run.updated = position + 1 == gathered
        if run.updated:
            self._update(trainer)
        return output, loss

    def _gathered(self, run: Run) -> int:
        """How many batches the update that is being prepared gathers."""
        if run.steps is None:
            return self.accumulate
        start = run.step - run.step % self.accumulate
        return min(self.accumulate, run.steps - start)

    def _update(self, trainer: Trainer) -> None:
        if self.clip_value is not None:
            clip_grad_value_(trainer.optimizer.params(), self.clip_value)
        if self.clip_norm is not None:
            clip_grad_norm_(trainer.optimizer.params(), self.clip_norm)
        trainer.optimizer.step()
        if self.constraint is not None:
            self.constraint.apply(trainer.model)
