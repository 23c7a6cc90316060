"""Vectors looked up by number."""

from __future__ import annotations

from typing import Any

from nnkit import ops
from nnkit.dtypes import dtype_name
from nnkit.nn import init
from nnkit.nn.module import Module
from nnkit.nn.parameter import Parameter
from nnkit.tensor import Tensor, tensor
from nnkit.typing import DType


class Embedding(Module):
    """y = weight[x]: a row of the weight for each number, such as a vector for each word.

    Shapes: x integers of any shape, each in [0, num_embeddings); weight (num_embeddings,
    embedding_dim); y (*x.shape, embedding_dim) in the dtype of the weight.

    Args:
        num_embeddings: how many rows there are.
        embedding_dim: the length of each.
        padding_idx: the number of a row that starts with zeros and is never learnt, for places that
            hold nothing.
        dtype: of the weight.
        weight_init: how the weight starts: a name from `nn.init`, a function of the shape, a number
            or an array. Default, as in PyTorch: normal with mean 0 and standard deviation 1.

    Raises:
        IndexError: for a number that has no row, on NumPy; a device cannot tell while it computes,
            there the result is NaN.
        TypeError: for an x that is not of integers.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.Embedding(10, 3, padding_idx=0)
    >>> y = layer(nnkit.tensor([[4, 2, 0, 0], [7, 4, 9, 0]]))
    >>> y.shape, y[0, 2].tolist()
    ((2, 4, 3), [0.0, 0.0, 0.0])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        dtype: DType = "float32",
        weight_init: init.Start = "normal",
    ) -> None:
        sizes = {"num_embeddings": num_embeddings, "embedding_dim": embedding_dim}
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"Embedding: {name} must be at least 1, got {value}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = _row(padding_idx, num_embeddings)
        values = init.start(weight_init, (num_embeddings, embedding_dim)).astype(dtype_name(dtype))
        if self.padding_idx is not None:
            values[self.padding_idx] = 0.0
        self.weight = Parameter(tensor(values))

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None
    ) -> Embedding:
        """A layer whose weight is `embeddings` (num_embeddings, embedding_dim), values and dtype.

        Args:
            embeddings: a tensor or a NumPy array; copied, and kept as it is at `padding_idx` too.
            freeze: whether the weight stays as it is rather than being learnt.
            padding_idx: the number of a row that is never learnt.

        >>> import nnkit
        >>> from nnkit import nn
        >>> layer = nn.Embedding.from_pretrained(nnkit.tensor([[1.0, 2.0], [3.0, 4.0]]))
        >>> layer(nnkit.tensor([1, 0])).tolist()
        [[3.0, 4.0], [1.0, 2.0]]
        """
        values = tensor(embeddings).numpy()
        if values.ndim != 2:
            raise ValueError(
                f"Embedding: embeddings must be (num_embeddings, embedding_dim), got {values.shape}"
            )
        layer = cls(*values.shape, dtype=values.dtype, weight_init=values)
        layer.padding_idx = _row(padding_idx, values.shape[0])
        layer.weight.requires_grad = not freeze
        return layer

    def forward(self, x: Tensor) -> Tensor:
        """The rows that x names."""
        try:
            return ops.take(self.weight, x, padding_idx=self.padding_idx)
        except IndexError as error:
            raise IndexError(
                f"Embedding: x must hold numbers in [0, {self.num_embeddings}), and one is not: "
                f"{error}. Fix: a larger num_embeddings, or other numbers."
            ) from None

    def extra_repr(self) -> str:
        """The sizes, and the row for padding where there is one."""
        sizes = f"{self.num_embeddings}, {self.embedding_dim}"
        return sizes if self.padding_idx is None else f"{sizes}, padding_idx={self.padding_idx}"


def _row(padding_idx: int | None, rows: int) -> int | None:
    """The number of the row from 0, for one that may be counted from the end."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise ValueError(f"Embedding: padding_idx must lie in [{-rows}, {rows}), got {padding_idx}")
    return padding_idx % rows
