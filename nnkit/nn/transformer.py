"""Layers of the transformer's encoder (Vaswani et al. 2017, arXiv:1706.03762)."""

from __future__ import annotations

import copy
import math

import numpy as np

from nnkit.nn.activation import Activation, get_activation
from nnkit.nn.attention import MultiheadAttention
from nnkit.nn.dropout import Dropout
from nnkit.nn.linear import Linear
from nnkit.nn.lists import ModuleList
from nnkit.nn.module import Module
from nnkit.nn.norm import LayerNorm
from nnkit.nn.parameter import Buffer
from nnkit.tensor import Tensor, tensor
from nnkit.typing import DType


class TransformerEncoderLayer(Module):
    """x = norm1(x + attention(x)); y = norm2(x + linear2(f(linear1(x)))).

    With norm_first each norm stands before its part: x + attention(norm1(x)), and so on (Xiong et
    al. 2020, arXiv:2002.04745). Dropout follows attention, f and linear2.

    Shapes: src and y (T, N, d_model), (N, T, d_model) with batch_first, or (T, d_model). Masks may
    be bool, True where nothing may be seen, or floats that are added.

    Args:
        d_model: features.
        nhead: heads of the attention, a divisor of d_model.
        dim_feedforward: features between linear1 and linear2.
        dropout: the share to drop, in training; of the weights of the attention too.
        activation: f, by name, or as a module or function.
        layer_norm_eps: eps of both norms.
        batch_first: whether the batch is the first axis.
        norm_first: whether each norm stands before its part.
        bias: False leaves every bias out.
        dtype: of the parameters.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.TransformerEncoderLayer(4, 2, dim_feedforward=8, batch_first=True)
    >>> layer(nnkit.tensor([[[1.0, 2.0, 3.0, 4.0]] * 3] * 2), is_causal=True).shape
    (2, 3, 4)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: DType = "float32",
    ) -> None:
        self.norm_first = norm_first
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)
        self.activation = get_activation(activation)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """One layer.

        Args:
            src: a sequence.
            src_mask: (T, T), or one for each head (N * nhead, T, T).
            src_key_padding_mask: (N, T), of steps that nobody may see.
            is_causal: step i sees the steps up to i alone, whatever src_mask says; PyTorch takes
                this as a hint about src_mask.
        """
        masks = src_mask, src_key_padding_mask, is_causal
        if self.norm_first:
            src = src + self._attention(self.norm1(src), *masks)
            return src + self._feed_forward(self.norm2(src))
        x: Tensor = self.norm1(src + self._attention(src, *masks))
        y: Tensor = self.norm2(x + self._feed_forward(x))
        return y

    def _attention(
        self, x: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool
    ) -> Tensor:
        y, _ = self.self_attn(
            x, x, x, padding, need_weights=False, attn_mask=mask, is_causal=is_causal
        )
        dropped: Tensor = self.dropout1(y)
        return dropped

    def _feed_forward(self, x: Tensor) -> Tensor:
        inside = self.dropout(self.activation(self.linear1(x)))
        y: Tensor = self.dropout2(self.linear2(inside))
        return y

    def extra_repr(self) -> str:
        """Where the norms stand, if not behind their parts."""
        return "norm_first=True" if self.norm_first else ""


class TransformerEncoder(Module):
    """Layers of one kind one after the other, then a norm.

    Shapes: as the layer takes and gives them.

    Args:
        encoder_layer: a `TransformerEncoderLayer`, which is copied: all layers start with its
            values, as in PyTorch.
        num_layers: how many copies.
        norm: a module for the end, such as `nn.LayerNorm(d_model)`, or None.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.TransformerEncoderLayer(4, 2, dim_feedforward=8, batch_first=True)
    >>> encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(4))
    >>> encoder(nnkit.tensor([[[1.0, 2.0, 3.0, 4.0]] * 3] * 2)).shape
    (2, 3, 4)
    """

    def __init__(
        self, encoder_layer: TransformerEncoderLayer, num_layers: int, norm: Module | None = None
    ) -> None:
        if num_layers < 1:
            raise ValueError(f"TransformerEncoder: num_layers must be at least 1, got {num_layers}")
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """All layers, each with the same masks, and the norm."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        y: Tensor = src if self.norm is None else self.norm(src)
        return y


class PositionalEncoding(Module):
    """y = x + p, with p[t, 2i] = sin(t w_i), p[t, 2i+1] = cos(t w_i), w_i = 10000^(-2i / d_model).

    So that a layer that does not know the order of its inputs learns from it (Vaswani et al. 2017,
    arXiv:1706.03762). Shapes: x and y (T, N, d_model), (N, T, d_model) with batch_first, or
    (T, d_model). p is no part of state_dict.

    Args:
        d_model: features.
        dropout: the share of y to drop, in training.
        max_len: the largest T.
        batch_first: whether the batch is the first axis.
        dtype: of p.

    Raises:
        ValueError: for an x of more than max_len steps or of another width.

    >>> import nnkit
    >>> from nnkit import nn
    >>> y = nn.PositionalEncoding(4, max_len=10)(nnkit.tensor([[0.0, 0.0, 0.0, 0.0]] * 2))
    >>> y.numpy().round(4)
    array([[0.    , 1.    , 0.    , 1.    ],
           [0.8415, 0.5403, 0.01  , 1.    ]], dtype=float32)
    """

    def __init__(
        self,
        d_model: int,
        dropout: float = 0.0,
        max_len: int = 5000,
        batch_first: bool = False,
        *,
        dtype: DType = "float32",
    ) -> None:
        if min(d_model, max_len) < 1:
            raise ValueError(
                f"PositionalEncoding: d_model and max_len must be at least 1, got {d_model} and "
                f"{max_len}"
            )
        self.d_model, self.max_len, self.batch_first = d_model, max_len, batch_first
        self.dropout = Dropout(dropout)
        feature = np.arange(d_model)
        w = np.exp(-math.log(10000.0) * (feature // 2 * 2) / d_model)
        angles = np.arange(max_len)[:, None] * w
        p = np.where(feature % 2 == 0, np.sin(angles), np.cos(angles))
        self.pe = Buffer(tensor(p, dtype=dtype), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """X with its positions."""
        between = x.ndim == 3 and not self.batch_first
        steps = x.shape[-2] if not between else x.shape[0]
        if steps > self.max_len or x.shape[-1] != self.d_model:
            raise ValueError(
                f"PositionalEncoding: x must have at most max_len = {self.max_len} steps of "
                f"d_model = {self.d_model} features, got {steps} of {x.shape[-1]}"
            )
        p = self.pe[:steps]
        y: Tensor = self.dropout(x + (p.reshape(steps, 1, -1) if between else p))
        return y

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.d_model}, max_len={self.max_len}"
