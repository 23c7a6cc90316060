"""Attention with several heads."""

from __future__ import annotations

from nnkit import ops
from nnkit.nn import init
from nnkit.nn.dropout import drop
from nnkit.nn.linear import Linear
from nnkit.nn.masks import allowed, joined
from nnkit.nn.module import Module
from nnkit.nn.parameter import Parameter
from nnkit.ops.random import check_probability
from nnkit.tensor import Tensor, tensor
from nnkit.typing import DType, Shape


class MultiheadAttention(Module):
    """y = concat(head_1, ..., head_h) W_o^T + b_o, each head attention over a part of the features.

    head_i = softmax(q_i k_i^T / sqrt(d) + mask) v_i, where q_i, k_i, v_i, each of d = embed_dim /
    num_heads features, are parts of query W_q^T + b_q, key W_k^T + b_k and value W_v^T + b_v
    (Vaswani et al. 2017, arXiv:1706.03762).

    Called as `y, weights = layer(query, key, value)`. Shapes: query (L, N, embed_dim), key
    (S, N, kdim), value (S, N, vdim), y (L, N, embed_dim), with N first if batch_first, or all of
    them without N; weights (N, L, S), the mean over the heads, or (N, num_heads, L, S).

    Masks may be bool, True where nothing may be seen, or floats that are added (the op
    `nnkit.ops.attention` takes bools the other way round, as in PyTorch). A query that may see
    nothing gives b_o and weights 0; PyTorch gives NaN where it returns weights.

    Parameters: in_proj_weight (3 embed_dim, embed_dim) holds W_q, W_k, W_v, in_proj_bias
    (3 embed_dim) their biases, out_proj W_o and b_o; with a kdim or vdim of its own, q_proj_weight,
    k_proj_weight and v_proj_weight take the place of in_proj_weight.

    Args:
        embed_dim: features of query and y.
        num_heads: a divisor of embed_dim.
        dropout: share of the weights dropped in training.
        bias: False leaves all biases out.
        add_bias_kv: must be False: rows added to keys and values are not built in.
        add_zero_attn: must be False, for the same reason.
        kdim: features of key, embed_dim where None.
        vdim: features of value, embed_dim where None.
        batch_first: whether the batch is the first axis.
        dtype: of the parameters.

    Raises:
        ValueError: for an embed_dim that the heads do not divide, and shapes that do not fit.

    >>> import nnkit
    >>> from nnkit import nn
    >>> layer = nn.MultiheadAttention(4, 2, batch_first=True)
    >>> x = nnkit.tensor([[[1.0, 2.0, 3.0, 4.0]] * 3] * 2)  # 2 examples of 3 steps
    >>> y, weights = layer(x, x, x, key_padding_mask=nnkit.tensor([[False, False, True]] * 2))
    >>> y.shape, weights.shape, weights[0, 0].tolist()
    ((2, 3, 4), (2, 3, 3), [0.5, 0.5, 0.0])
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        dtype: DType = "float32",
    ) -> None:
        if min(embed_dim, num_heads) < 1 or embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: embed_dim must be a multiple of num_heads, got {embed_dim} "
                f"and {num_heads}"
            )
        if add_bias_kv or add_zero_attn:
            raise ValueError(
                "MultiheadAttention: add_bias_kv and add_zero_attn must be False: rows added to "
                "keys and values are not built in. Fix: ops.concat them in a forward of your own."
            )
        check_probability("MultiheadAttention", dropout)
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, dropout
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self.batch_first = batch_first

        def weight(shape: Shape) -> Parameter:
            return Parameter(tensor(init.xavier_uniform(shape), dtype=dtype))

        one = self.kdim == self.vdim == embed_dim
        self.in_proj_weight = weight((3 * embed_dim, embed_dim)) if one else None
        self.q_proj_weight = None if one else weight((embed_dim, embed_dim))
        self.k_proj_weight = None if one else weight((embed_dim, self.kdim))
        self.v_proj_weight = None if one else weight((embed_dim, self.vdim))
        zeros = init.zeros((3 * embed_dim,))
        self.in_proj_bias = Parameter(tensor(zeros, dtype=dtype)) if bias else None
        start = "zeros" if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype, bias_init=start)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The attention of each query, and its weights.

        Args:
            query: what asks.
            key: what is compared with it.
            value: what is passed on.
            key_padding_mask: (N, S), of keys that nobody may see.
            need_weights: False gives None for the weights, which may be faster.
            attn_mask: (L, S), or one for each head (N * num_heads, L, S).
            average_attn_weights: False gives the weights of each head.
            is_causal: query i sees the keys up to i alone, whatever attn_mask says; PyTorch takes
                this as a hint about attn_mask.
        """
        single = query.ndim == 2
        q, k, v = self._heads(query, key, value)
        mask = allowed(self._mask(attn_mask, key_padding_mask, q, k))
        dropout = self.dropout if self.training else 0.0
        weights = None
        if need_weights or dropout:
            weights = ops.attention_weights(q, k, mask, is_causal=is_causal)
            weights = drop(weights, dropout) if dropout else weights
            heads = ops.matmul(weights, v)
        else:
            heads = ops.attention(q, k, v, mask, is_causal=is_causal)
        n, _, length, _ = heads.shape
        y = self.out_proj(heads.permute(0, 2, 1, 3).reshape(n, length, self.embed_dim))
        if single:
            y = y.reshape(length, self.embed_dim)
        elif not self.batch_first:
            y = y.permute(1, 0, 2)
        if weights is None or not need_weights:
            return y, None
        weights = weights.mean(axis=1) if average_attn_weights else weights
        return y, weights.reshape(*weights.shape[1:]) if single else weights

    def _heads(self, *inputs: Tensor) -> list[Tensor]:
        """Query, key and value after their products, each (N, num_heads, length, d)."""
        width = self.embed_dim // self.num_heads
        parts = []
        for x in self._products(inputs):
            if x.ndim == 2:
                parts.append(x.reshape(1, -1, self.num_heads, width).permute(0, 2, 1, 3))
                continue
            heads = x.reshape(*x.shape[:2], self.num_heads, width)
            parts.append(heads.permute(*((0, 2, 1, 3) if self.batch_first else (1, 2, 0, 3))))
        return parts

    def _products(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        query, key, value = inputs
        self._check(inputs)
        sizes = (self.embed_dim,) * 3
        if self.in_proj_weight is not None and query is key is value:
            y = ops.linear(query, self.in_proj_weight, self.in_proj_bias)
            thirds: tuple[Tensor, ...] = ops.split(y, sizes=sizes, axis=-1)
            return thirds
        weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        if self.in_proj_weight is not None:
            weights = ops.split(self.in_proj_weight, sizes=sizes)
        biases: tuple[Tensor | None, ...] = (None,) * 3
        if self.in_proj_bias is not None:
            biases = ops.split(self.in_proj_bias, sizes=sizes)
        return tuple(ops.linear(*three) for three in zip(inputs, weights, biases, strict=True))

    def _check(self, inputs: tuple[Tensor, ...]) -> None:
        for name, x, width in zip(
            ("query", "key", "value"), inputs, (self.embed_dim, self.kdim, self.vdim), strict=True
        ):
            if x.ndim not in (2, 3) or x.ndim != inputs[0].ndim or x.shape[-1] != width:
                order = "(N, length, " if self.batch_first else "(length, N, "
                raise ValueError(
                    f"MultiheadAttention: {name} must be {order}{width}), or all three without N, "
                    f"got {x.shape}"
                )

    def _mask(
        self, attn_mask: Tensor | None, padding: Tensor | None, q: Tensor, k: Tensor
    ) -> Tensor | None:
        """Both masks as one that broadcasts to (N, num_heads, L, S)."""
        n, heads, queries, keys = *q.shape[:3], k.shape[2]
        if attn_mask is not None:
            if attn_mask.shape not in ((queries, keys), (n * heads, queries, keys)):
                raise ValueError(
                    f"MultiheadAttention: attn_mask must be (L, S) = {(queries, keys)} or (N * "
                    f"num_heads, L, S) = {(n * heads, queries, keys)}, got {attn_mask.shape}"
                )
            if attn_mask.ndim == 3:
                attn_mask = attn_mask.reshape(n, heads, queries, keys)
        if padding is not None:
            if padding.shape != (n, keys) and (n, padding.shape) != (1, (keys,)):
                raise ValueError(
                    f"MultiheadAttention: key_padding_mask must be (N, S) = {(n, keys)}, got "
                    f"{padding.shape}"
                )
            padding = padding.reshape(n, 1, 1, keys)
        return joined(attn_mask, padding)

    def extra_repr(self) -> str:
        """The sizes, and the options that are not the usual ones."""
        own = ", batch_first=True" if self.batch_first else ""
        own += f", dropout={self.dropout}" if self.dropout else ""
        return f"{self.embed_dim}, {self.num_heads}{own}"
