"""One training step: forward, backward, and when enough gradients are gathered, the update."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from nnkit.capture import Compiled
from nnkit.capture import compile as record
from nnkit.capture_key import code_key, key_of
from nnkit.data.nest import call, each, leaves
from nnkit.nn.utils import clip_grad_norm_, clip_grad_value_
from nnkit.tensor import Tensor
from nnkit.train import regularize
from nnkit.train.callbacks import Run
from nnkit.train.data import Batch

if TYPE_CHECKING:
    from nnkit.train.loop import Trainer

_log = logging.getLogger("nnkit")


class Step:
    """The options of a step, and the step. It reads nothing back from the device.

    Args:
        accumulate: how many batches' gradients are gathered: their mean is what is learnt from. At
            the end of an epoch there may be fewer.
        clip_norm: the largest norm of all gradients together.
        clip_value: the largest absolute value of a gradient.
        regularizer: adds `penalty(model)` to what is learnt; an object or a name.
        constraint: `apply(model)` after each update; an object or a name.
        compile: whether steps are recorded and replayed, see `nnkit.compile`.
    """

    def __init__(
        self,
        accumulate: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        regularizer: Any = None,
        constraint: Any = None,
        compile: bool = True,
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
        self.compile = compile
        self._compiled: Compiled | None = None
        self._told = ""

    def __call__(self, trainer: Trainer, batch: Batch, run: Run) -> tuple[Any, Tensor]:
        """Learn from a batch; gives the model's output and the loss, without penalty."""
        if not self.compile:
            return self._learn(trainer, batch, run)
        compiled = self._compiled = self._compiled or record(_Learning())
        reason = _unseen(self, trainer)
        if reason:
            compiled.decline(reason)
        else:
            run.updated = True
            tensors = [t for part in batch[:3] if part is not None for t in leaves(part)]
            result = compiled(*tensors, _Call(self, trainer, batch, run))
        if compiled.reason != self._told:
            self._told = compiled.reason
            _log.info("fit: steps are not replayed: %s", self._told)
        return self._learn(trainer, batch, run) if reason else result

    def _learn(self, trainer: Trainer, batch: Batch, run: Run) -> tuple[Any, Tensor]:
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

    @property
    def own(self) -> list[Any]:
        """The regularizer and the constraint, where there are any."""
        return [part for part in (self.regularizer, self.constraint) if part is not None]

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


class _Call:
    """What a step is besides its tensors; equal keys mean the same record."""

    def __init__(self, step: Step, trainer: Trainer, batch: Batch, run: Run) -> None:
        self.step, self.trainer, self.batch, self.run = step, trainer, batch, run

    def recording_key(self) -> Any:
        """Models and optimizers with their options, and the plain numbers of everything else."""
        step, objective = self.step, self.trainer.objective
        return (
            key_of((self.trainer.model, self.trainer.optimizer, *objective.losses)),
            id(objective),
            (step.clip_norm, step.clip_value),
            tuple(key_of(tuple(vars(part).items())) for part in step.own),
            tuple(code_key(type(part).__dict__.get("of")) for part in step.own),
            self._nesting(),
        )

    def recording_roots(self) -> tuple[Any, ...]:
        """The objects and numbers that the key is made of."""
        step, trainer = self.step, self.trainer
        objective, own = trainer.objective, step.own
        return (
            *(trainer.model, trainer.optimizer, objective, *objective.losses),
            *(step.clip_norm, step.clip_value),
            *(value for part in own for value in (part, *vars(part).values())),
            *(type(part).__dict__.get("of") for part in own),
            self._nesting(),
        )

    def _nesting(self) -> str:
        """How the tensors of the batch lie in tuples and dicts."""
        return repr([each(lambda _: 0, part) for part in self.batch[:3] if part is not None])


class _Learning:
    """The step as a function of its tensors, which may stand in for those of the batch."""

    def __init__(self) -> None:
        self.__qualname__ = "Trainer.fit"

    def __call__(self, *args: Any) -> tuple[Any, Tensor]:
        """`args` are the batch's tensors in order, then the call."""
        tensors, given = iter(args[:-1]), args[-1]
        x, y, weight = (
            None if part is None else each(lambda _: next(tensors), part)
            for part in given.batch[:3]
        )
        result: tuple[Any, Tensor] = given.step._learn(
            given.trainer, Batch(x, y, weight, given.batch.size), given.run
        )
        return result


def _unseen(step: Step, trainer: Trainer) -> str:
    """Why a step cannot even be tried: it does what a recording does not see."""
    if step.accumulate > 1:
        return "it adds to gradients from before the step (accumulate)"
    if "step" in vars(trainer.optimizer):
        return "optimizer.step was replaced by a function of the user's"
    if type(trainer.optimizer).step.__module__.partition(".")[0] != "nnkit":
        return "optimizer.step is the user's, and may keep numbers of its own"
    return ""
