"""From what the user gives to what the loop takes: checked arrays of the right dtypes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from nnkit import nn
from nnkit.autograd import no_grad
from nnkit.backend import Backend
from nnkit.data.nest import call, each, leaves, named
from nnkit.nn.graph import Model
from nnkit.nn.mode import mode
from nnkit.tensor import Tensor
from nnkit.train.data import Data, Host, numbers, same_length, upload
from nnkit.train.objective import Objective, Several

ClassWeight: TypeAlias = Mapping[int, float] | Sequence[float] | str


class Preparer:
    """Knows the model and the loss, and so which dtypes and shapes data must have.

    Integers stay integers where the model has an `nn.Embedding`, or an `Input` of an integer
    dtype; else inputs become the model's dtype.
    """

    def __init__(
        self, model: nn.Module, objective: Objective | Several, backend: Backend, dtype: str
    ) -> None:
        self.model, self.objective = model, objective
        self.backend, self.dtype = backend, dtype

    def data(
        self,
        caller: str,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: ClassWeight | None = None,
    ) -> Data:
        """Inputs, targets and weights, all checked."""
        if y is None:
            raise ValueError(f"{caller}: y is missing. Fix: {caller}(x, y), or a dataset as x.")
        several = isinstance(self.objective, Several)
        inputs = self.inputs(caller, x)
        targets = _map(caller, "y", _parts(y, several=several))
        same_length(caller, x=inputs, y=targets)
        weight = self._weight(caller, targets, sample_weight, class_weight)
        return Data(
            inputs, self.objective.prepare(targets, self._output(inputs), self.dtype), weight
        )

    def inputs(self, caller: str, x: Any) -> Any:
        """Inputs of one or several arrays, in the dtypes that the model computes with."""
        known = self.model.inputs if isinstance(self.model, Model) else {}
        nest = _map(caller, "x", _parts(x, several=len(known) > 1))
        same_length(caller, x=nest)
        if known and isinstance(nest, dict):  # a graph takes its inputs in their order
            if set(nest) != set(known):
                raise ValueError(
                    f"{caller}: x must hold the inputs {list(known)}, got {list(nest)}"
                )
            nest = tuple(nest[name] for name in known)
        if known and len(known) == len(list(leaves(nest))):
            dtypes = (x.dtype if "int" in x.dtype else self.dtype for x in known.values())
            return each(lambda a: a.astype(next(dtypes)), nest)
        integers = any(map(_looks_up, self.model.modules()))
        return each(
            lambda a: a if integers and a.dtype.kind in "iu" else a.astype(self.dtype), nest
        )

    def _output(self, inputs: Any) -> Any:
        """The shape of each of the model's outputs for one example."""
        with mode(self.model, training=False), no_grad():
            first = each(lambda values: upload(values[:1], self.backend), inputs)
            return each(_shape_for_one, call(self.model, first))

    def _weight(self, caller: str, y: Any, sample: Any, shares: ClassWeight | None) -> Host | None:
        """One number for each example: its own weight times that of its class."""
        if sample is None and shares is None:
            return None
        weight = np.ones(len(next(_arrays(y))))
        if sample is not None:
            given = numbers(caller, "sample_weight", sample)
            same_length(caller, y=y, sample_weight=given)
            if given.ndim != 1 or (given < 0).any():
                raise ValueError(
                    f"{caller}: sample_weight must be one number from 0 for each example, of shape "
                    f"({len(weight)},), got {given.shape} with the least {given.min():g}"
                )
            weight = weight * given
        if shares is not None:
            weight = weight * weights_by_class(caller, y, shares)
        return weight.astype(self.dtype)


def _looks_up(module: nn.Module) -> bool:
    """Whether it takes integers, as `nn.Embedding` and classes made of it do."""
    return any(kind.__name__.startswith("Embedding") for kind in type(module).__mro__)


def weights_by_class(caller: str, y: Any, shares: ClassWeight) -> Host:
    """The weight of each example by its class: of one array of class numbers or one-hot rows.

    'balanced' weighs each class by N / (classes N_c), as scikit-learn does.
    """
    if not isinstance(y, np.ndarray):
        raise TypeError(f"{caller}: class_weight fits one output. Fix: sample_weight.")
    classes = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y), -1)[:, 0]
    if isinstance(shares, str):
        if shares != "balanced":
            raise ValueError(
                f"{caller}: class_weight must be 'balanced', or a number by class, got '{shares}'"
            )
        known, counts = np.unique(classes, return_counts=True)
        shares = dict(zip(known.tolist(), len(y) / (len(known) * counts), strict=True))
    table = dict(shares) if isinstance(shares, Mapping) else dict(enumerate(shares))
    found = set(np.unique(classes).tolist())
    if strange := sorted(set(table) - found - set(range(int(classes.max()) + 1))):
        raise ValueError(
            f"{caller}: class_weight names {strange[0]!r}, which is no class of y: {sorted(found)}"
        )
    return np.asarray([table.get(c, 1.0) for c in classes.tolist()])


def _parts(values: Any, *, several: bool) -> Any:
    """A tuple or dict for several arrays; a list means them where its arrays cannot be rows."""
    if not isinstance(values, list):
        return values
    arrays = [v for v in values if isinstance(v, np.ndarray | Tensor)]
    unequal = len({v.shape for v in arrays}) > 1
    return tuple(values) if several or (unequal and len(arrays) == len(values)) else values


def _map(caller: str, name: str, nest: Any) -> Any:
    checked = [numbers(caller, n, values) for n, values in named(name, nest)]
    if isinstance(nest, dict | tuple) and not checked:
        raise ValueError(f"{caller}: {name} must hold at least one array, got {nest!r}")
    rest = iter(checked)
    return each(lambda _: next(rest), nest)


def _arrays(nest: Any) -> Iterator[Host]:
    return (values for _, values in named("", nest))


def _shape_for_one(output: Any) -> Any:
    if not isinstance(output, Tensor):
        raise TypeError(
            "Trainer: the model must give a tensor, or a tuple or dict of tensors, got "
            f"{type(output).__name__}"
        )
    return output.shape[1:]
