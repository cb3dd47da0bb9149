"""Attention over neighbors: softmax over each row, and weighted sums that store no score or message per entry."""

from __future__ import annotations

import importlib
import math
from typing import Any

import torch

from graphrep.ops.adjacency import Adjacency, as_adjacency, describe, transposed_entries
from graphrep.ops.edge_attention import cpu, reference
from graphrep.ops.library import Op, differentiating

__all__ = ["additive_attention", "dot_attention", "edge_softmax"]

Tensor = torch.Tensor
FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def edge_softmax(adj: Any, scores: Tensor) -> Tensor:
    r"""Softmax over the entries of each row: :math:`p_e = e^{s_e} / \sum_{f \in \mathrm{row}(e)} e^{s_f}`.

    Parameters
    ----------
    adj : Adjacency or anything :func:`graphrep.ops.as_adjacency` takes
        Its values are ignored.
    scores : floating tensor of shape (num_entries,) or (num_entries, heads)
        In the order of the entries.

    Returns
    -------
    tensor of the shape and dtype of ``scores``

    Raises
    ------
    TypeError, ValueError
        ``scores`` has a wrong dtype, shape or device.

    Notes
    -----
    Time O(num_entries * heads). The largest score of each row is subtracted first to avoid overflow; a NaN makes its
    whole row NaN. Differentiable twice.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> star = gr.as_graph([(0, 1), (0, 2)], directed=True, num_nodes=3)
    >>> gr.ops.edge_softmax(star, torch.tensor([0.0, 1.0]))
    tensor([0.2689, 0.7311])
    """
    a = as_adjacency(adj)
    _check("scores", scores, a)
    if scores.dim() not in (1, 2) or scores.shape[0] != a.num_entries:
        raise ValueError(
            f"scores must have shape ({a.num_entries},) or ({a.num_entries}, heads), got {tuple(scores.shape)}."
        )
    out: Tensor = softmax_op(a.indptr, scores.contiguous())
    return out


def dot_attention(adj: Any, query: Tensor, key: Tensor, value: Tensor, *, scale: float | None = None) -> Tensor:
    r"""Scaled dot-product attention over neighbors.

    .. math:: y_v = \sum_{e \in \mathrm{row}(v)} p_e\, \mathrm{value}_{u_e}, \qquad
              p = \operatorname{softmax}_{\mathrm{row}(v)}
                  \bigl(\mathrm{scale}\, \langle \mathrm{query}_v, \mathrm{key}_{u_e} \rangle\bigr)

    Heads are independent. Rows without entries become 0.

    Parameters
    ----------
    adj : Adjacency or anything :func:`graphrep.ops.as_adjacency` takes
        Its values are ignored.
    query : floating tensor of shape (num_rows, d) or (num_rows, heads, d)
    key : tensor of shape (num_cols, d) or (num_cols, heads, d)
    value : tensor of shape (num_cols, columns) or (num_cols, heads, columns)
    scale : float, optional
        Default :math:`1/\sqrt{d}`.

    Returns
    -------
    tensor of shape (num_rows, columns) or (num_rows, heads, columns), dtype of ``value``

    Raises
    ------
    TypeError, ValueError
        Dtypes, shapes or devices disagree.

    Notes
    -----
    Time O(num_entries * heads * (d + columns)). In addition to the result, one float64 per row and head is kept for the
    backward pass, which recomputes the scores; neither pass stores anything per entry. Differentiable once; for second
    derivatives compose :func:`sddmm`, :func:`edge_softmax` and :func:`spmm`.

    References
    ----------
    Vaswani et al. Attention Is All You Need. NeurIPS 2017, section 3.2.1; restricted to edges as in Shi et al. Masked
    Label Prediction. IJCAI 2021, section 3.1.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> star = gr.as_graph([(0, 1), (0, 2)], directed=True, num_nodes=3)
    >>> x = torch.tensor([[1.0], [0.0], [1.0]])
    >>> gr.ops.dot_attention(star, x, x, x).ravel()
    tensor([0.7311, 0.0000, 0.0000])
    """
    a = as_adjacency(adj)
    for name, tensor, rows in (("query", query, a.num_rows), ("key", key, a.num_cols), ("value", value, a.num_cols)):
        _check(name, tensor, a, rows=rows, dims=(2, 3), dtype=value.dtype if isinstance(value, Tensor) else None)
    if query.dim() != value.dim() or query.shape[1:] != key.shape[1:] or query.shape[1:-1] != value.shape[1:-1]:
        raise ValueError(
            "query, key and value must have the same heads, and query and key the same number of columns; "
            f"got {tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}."
        )
    if scale is None:
        scale = 1 / math.sqrt(max(1, query.shape[-1]))
    return _attend(a, query, key, None, None, value, float(scale))


def additive_attention(
    adj: Any, row_score: Tensor, col_score: Tensor, value: Tensor, *, negative_slope: float = 0.2
) -> Tensor:
    r"""Additive attention over neighbors, the aggregation of a graph attention network (GAT).

    .. math:: y_v = \sum_{e \in \mathrm{row}(v)} p_e\, \mathrm{value}_{u_e}, \qquad
              p = \operatorname{softmax}_{\mathrm{row}(v)}
                  \bigl(\operatorname{LeakyReLU}(\mathrm{row\_score}_v + \mathrm{col\_score}_{u_e})\bigr)

    Heads are independent. Rows without entries become 0.

    Parameters
    ----------
    adj : Adjacency or anything :func:`graphrep.ops.as_adjacency` takes
        Its values are ignored.
    row_score : floating tensor of shape (num_rows,) or (num_rows, heads)
    col_score : tensor of shape (num_cols,) or (num_cols, heads)
    value : tensor of shape (num_cols, columns) or (num_cols, heads, columns)
    negative_slope : float

    Returns
    -------
    tensor of shape (num_rows, columns) or (num_rows, heads, columns), dtype of ``value``

    Raises
    ------
    TypeError, ValueError
        Dtypes, shapes or devices disagree.

    Notes
    -----
    Time O(num_entries * heads * columns). Nothing is stored per entry; see :func:`dot_attention`. Differentiable once.

    References
    ----------
    Veličković et al. Graph Attention Networks. ICLR 2018, section 2.1.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> star = gr.as_graph([(0, 1), (0, 2)], directed=True, num_nodes=3)
    >>> s = torch.tensor([0.0, 0.0, 1.0])
    >>> gr.ops.additive_attention(star, s, s, torch.tensor([[0.0], [0.0], [1.0]])).ravel()
    tensor([0.7311, 0.0000, 0.0000])
    """
    a = as_adjacency(adj)
    dtype = value.dtype if isinstance(value, Tensor) else None
    _check("value", value, a, rows=a.num_cols, dims=(2, 3), dtype=dtype)
    for name, tensor, rows in (("row_score", row_score, a.num_rows), ("col_score", col_score, a.num_cols)):
        _check(name, tensor, a, rows=rows, dims=(value.dim() - 1,), dtype=dtype)
        if tensor.shape[1:] != value.shape[1:-1]:
            raise ValueError(f"{name} must have the heads of value, {tuple(value.shape)}; got {tuple(tensor.shape)}.")
    return _attend(a, None, None, row_score, col_score, value, float(negative_slope))


def _check(
    name: str,
    tensor: Any,
    adj: Adjacency,
    *,
    rows: int | None = None,
    dims: tuple[int, ...] = (),
    dtype: torch.dtype | None = None,
) -> None:
    if not isinstance(tensor, Tensor) or tensor.dtype not in FLOATS:
        raise TypeError(f"{name} must be a float32, float64, bfloat16 or float16 tensor, got {describe(tensor)}.")
    if dtype is not None and tensor.dtype != dtype:
        raise TypeError(f"{name} must have the dtype of value, {dtype}; got {tensor.dtype}.")
    if tensor.device != adj.device:
        raise ValueError(f"{name} is on {tensor.device}, but the adjacency is on {adj.device}.")
    if rows is not None and (tensor.dim() not in dims or tensor.shape[0] != rows):
        kinds = " or ".join(str(dim) for dim in dims)
        raise ValueError(f"{name} must have {rows} rows and {kinds} dimensions, got shape {tuple(tensor.shape)}.")


def _attend(
    a: Adjacency,
    query: Tensor | None,
    key: Tensor | None,
    row_score: Tensor | None,
    col_score: Tensor | None,
    value: Tensor,
    scale: float,
) -> Tensor:
    inputs = [query, key, row_score, col_score, value]
    t_indptr = t_indices = None
    if differentiating(*inputs):
        structure = a._structure.transposed()
        t_indptr, t_indices = structure.indptr, structure.indices
    if value.dim() == 2:
        inputs = [None if part is None else part.unsqueeze(1) for part in inputs]
    inputs = [None if part is None else part.contiguous() for part in inputs]
    out: Tensor = attention_op(a.indptr, a.indices, *inputs, scale, t_indptr, t_indices)[0]
    return out.squeeze(1) if value.dim() == 2 else out


def _triton(name: str) -> Any:
    return lambda: getattr(importlib.import_module("graphrep.ops.edge_attention.triton"), name)


def _softmax_setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(inputs[0], output)


def _softmax_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    indptr, p = ctx.saved_tensors
    if torch.is_grad_enabled():
        return None, reference.edge_softmax_backward(indptr, p, grad)
    return None, softmax_grad_op(indptr, p, grad.contiguous())


softmax_op = Op(
    "edge_softmax",
    "(Tensor indptr, Tensor scores) -> Tensor",
    native=cpu.edge_softmax,
    reference=reference.edge_softmax,
    triton=_triton("edge_softmax"),
    fake=lambda indptr, scores: torch.empty_like(scores),
    setup=_softmax_setup,
    backward=_softmax_backward,
    device=1,
)

softmax_grad_op = Op(
    "edge_softmax_backward",
    "(Tensor indptr, Tensor p, Tensor grad) -> Tensor",
    native=cpu.edge_softmax_backward,
    reference=reference.edge_softmax_backward,
    triton=_triton("edge_softmax_backward"),
    fake=lambda indptr, p, grad: torch.empty_like(p),
    device=1,
)


def _fake(indptr: Tensor, indices: Tensor, q: Any, k: Any, r: Any, c: Any, value: Tensor, *rest: Any) -> Any:
    rows = indptr.shape[0] - 1
    return value.new_empty(rows, *value.shape[1:]), value.new_empty(rows, value.shape[1], dtype=torch.float64)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    *tensors, scale, t_indptr, t_indices = inputs
    ctx.save_for_backward(*tensors, output[1], t_indptr, t_indices)
    ctx.scale = scale
    ctx.mark_non_differentiable(output[1])


def _backward(ctx: Any, grad: Tensor, _: Any) -> tuple[Any, ...]:
    indptr, indices, q, k, r, c, value, log_sum, t_indptr, t_indices = ctx.saved_tensors
    if t_indptr is None:
        t_indptr, t_indices, _ = transposed_entries(indptr, indices, value.shape[0])
    to_row, to_col, to_value = attention_grad_op(
        indptr, indices, q, k, r, c, value, ctx.scale, log_sum, grad.contiguous(), t_indptr, t_indices
    )
    of_dot = (to_row, to_col, None, None) if q is not None else (None, None, to_row, to_col)
    return None, None, *of_dot, to_value, None, None, None


attention_op = Op(
    "attention",
    "(Tensor indptr, Tensor indices, Tensor? query, Tensor? key, Tensor? row_score, Tensor? col_score, Tensor value, "
    "float scale, Tensor? t_indptr, Tensor? t_indices) -> (Tensor, Tensor)",
    native=cpu.attention,
    reference=reference.attention,
    triton=_triton("attention"),
    fake=_fake,
    setup=_setup,
    backward=_backward,
    device=6,
)


def _grad_fake(indptr: Tensor, indices: Tensor, q: Any, k: Any, r: Any, c: Any, value: Tensor, *rest: Any) -> Any:
    by_row, by_col = (r, c) if q is None else (q, k)
    return torch.empty_like(by_row), torch.empty_like(by_col), torch.empty_like(value)


def _once(ctx: Any, *grads: Any) -> Any:
    raise NotImplementedError(
        "dot_attention and additive_attention are differentiable only once, in reverse mode; for second derivatives "
        "and forward mode compose sddmm, edge_softmax and spmm."
    )


attention_grad_op = Op(
    "attention_backward",
    "(Tensor indptr, Tensor indices, Tensor? query, Tensor? key, Tensor? row_score, Tensor? col_score, Tensor value, "
    "float scale, Tensor log_sum, Tensor grad, Tensor t_indptr, Tensor t_indices) -> (Tensor, Tensor, Tensor)",
    native=cpu.attention_backward,
    reference=reference.attention_backward,
    triton=_triton("attention_backward"),
    fake=_grad_fake,
    setup=lambda ctx, inputs, output: None,
    backward=_once,
    device=6,
)
