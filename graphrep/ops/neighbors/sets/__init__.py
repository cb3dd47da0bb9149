"""Neighbor sets of pairs of nodes: intersections (count, ids, pooled features) and differences."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from graphrep._arrays import check_rows
from graphrep._checks import checked_int
from graphrep._names import as_pairs
from graphrep._random import resolve_seed
from graphrep.graph import Graph
from graphrep.ops.adjacency import Adjacency, Structure, as_adjacency, describe
from graphrep.ops.library import Op, checking, differentiating
from graphrep.ops.neighbors.sets import cpu, reference
from graphrep.ops.sparse_dense import FLOATS

__all__ = [
    "intersection_count",
    "neighbor_difference",
    "neighbor_intersection",
    "pool_common_neighbors",
    "pool_difference",
]

Tensor = torch.Tensor


def intersection_count(adj: Any, pairs: Any, *, removed: Any = None, directed: bool | None = None) -> Tensor:
    r"""Count the common neighbors of each pair: :math:`c_i = |\Gamma(u_i) \cap \Gamma(v_i)|`.

    Parameters
    ----------
    adj : Graph, Adjacency or anything :func:`graphrep.ops.as_adjacency` takes
        :math:`\Gamma(v)` is the set of columns of row ``v``: repeats count once, values are ignored. Columns must
        ascend within rows: those of a Graph do, and ``Adjacency.from_edges(..., sort_columns=True)`` sorts them.
    pairs : int32 or int64 tensor or array of shape (2, num_pairs)
        Row numbers :math:`u_i, v_i`.
    removed : tensor or array of shape (2, num_removed), or "pairs", optional
        Edges treated as absent in this call, such as the targets of the batch. They need not exist; all copies of a
        repeated edge are removed. "pairs" removes the pairs themselves.
    directed : bool, optional
        True: a removed edge ``(u, v)`` removes only column ``v`` of row ``u``, not column ``u`` of row ``v``.
        Default: as the Graph is; for any other ``adj``, False if it is square, else True.

    Returns
    -------
    int64 tensor of shape (num_pairs,)

    Raises
    ------
    TypeError, ValueError, IndexError
        Pairs or removed edges have a wrong dtype, shape or device or are out of range, or columns do not ascend.

    Notes
    -----
    Rows of lengths a <= b are merged in O(a + b); if b > 16 a, each entry of the shorter row is searched in the longer
    one, in O(a log(b / a)). Removed edges are hashed by row in every call, in O(num_removed); the adjacency is not
    changed. Unlike in :func:`graphrep.ops.weighted_intersection`, an end that is its own neighbor counts.

    Examples
    --------
    >>> import graphrep as gr
    >>> square = gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False)
    >>> gr.ops.intersection_count(square, [[0, 0], [2, 1]])
    tensor([2, 0])
    >>> gr.ops.intersection_count(square, [[0, 0], [2, 1]], removed=[[1], [2]])
    tensor([1, 0])
    """
    a, ends, gone, both = _inputs(adj, pairs, removed, directed)
    counts: Tensor = count_op(a.indptr, a.indices, ends, gone, both, False)
    return counts


def neighbor_intersection(
    adj: Any,
    pairs: Any,
    *,
    removed: Any = None,
    directed: bool | None = None,
    max_neighbors: int | None = None,
    seed: Any = 0,
) -> Adjacency:
    r"""List the common neighbors of each pair, :math:`\Gamma(u_i) \cap \Gamma(v_i)`.

    Parameters
    ----------
    adj, pairs, removed, directed
        See :func:`intersection_count`.
    max_neighbors : int, optional
        From a set of :math:`n > k` nodes, draw :math:`k` with replacement, each with weight :math:`n / k`, so that
        weighted sums keep their expectation; repeats become one entry with the summed weight. Smaller sets are kept
        whole.
    seed : int
        Draws are a function of (seed, u, v), so that the set of a pair does not depend on its batch.

    Returns
    -------
    Adjacency of shape (num_pairs, num_cols)
        Row ``i`` is the set of pair ``i``, ascending; ``rows()`` gives the pair of every entry. With ``max_neighbors``
        the values are the float32 weights, otherwise there are none.

    Raises
    ------
    TypeError, ValueError, IndexError
        As :func:`intersection_count`, or ``max_neighbors`` is less than 1.

    Examples
    --------
    >>> import graphrep as gr
    >>> square = gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False)
    >>> common = gr.ops.neighbor_intersection(square, [[0, 0], [2, 1]])
    >>> common.indptr, common.indices
    (tensor([0, 2, 2]), tensor([1, 3], dtype=torch.int32))
    """
    return _sets(adj, pairs, removed, directed, max_neighbors, seed, difference=False)


def neighbor_difference(
    adj: Any,
    pairs: Any,
    *,
    removed: Any = None,
    directed: bool | None = None,
    max_neighbors: int | None = None,
    seed: Any = 0,
) -> Adjacency:
    r"""List the neighbors that only the first of each pair has, :math:`\Gamma(u_i) \setminus \Gamma(v_i)`.

    Swap the pairs to get the other difference. :math:`v_i` itself is a member if it is a neighbor of :math:`u_i`.

    Parameters
    ----------
    adj, pairs, removed, directed, max_neighbors, seed
        See :func:`neighbor_intersection`.

    Returns
    -------
    Adjacency of shape (num_pairs, num_cols)
        As for :func:`neighbor_intersection`.

    Raises
    ------
    TypeError, ValueError, IndexError
        As :func:`neighbor_intersection`.

    Notes
    -----
    To use a weight for every (pair, node), as in the completion of common neighbors, attach values to the result:
    ``spmm(difference.with_values(probabilities), x)``.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> only_first = gr.ops.neighbor_difference(path, [[1, 2], [3, 0]])
    >>> only_first.indptr, only_first.indices
    (tensor([0, 1, 2]), tensor([0, 3], dtype=torch.int32))
    >>> half = only_first.with_values(torch.tensor([0.5, 0.5]))
    >>> gr.ops.spmm(half, torch.tensor([[1.0], [10.0], [100.0], [1000.0]])).ravel()
    tensor([  0.5000, 500.0000])
    """
    return _sets(adj, pairs, removed, directed, max_neighbors, seed, difference=True)


def pool_common_neighbors(
    adj: Any,
    pairs: Any,
    x: Tensor,
    weights: Tensor | None = None,
    *,
    removed: Any = None,
    directed: bool | None = None,
) -> Tensor:
    r"""Sum features over the common neighbors of each pair.

    .. math:: s_i = \sum_{z \in \Gamma(u_i) \cap \Gamma(v_i)} \omega_z\, x_z

    Differentiable in ``x`` and ``weights``, twice.

    Parameters
    ----------
    adj, pairs, removed, directed
        See :func:`intersection_count`.
    x : float32, float64, bfloat16 or float16 tensor of shape (num_cols, ...)
    weights : tensor of shape (num_cols,), dtype of ``x``, optional
        :math:`\omega`; default 1.

    Returns
    -------
    tensor of shape (num_pairs, ...), dtype of ``x``
        Zero for pairs without common neighbors.

    Raises
    ------
    TypeError, ValueError, IndexError
        As :func:`intersection_count`, or ``x`` or ``weights`` has a wrong dtype, shape or device.

    Notes
    -----
    Without a gradient, the sets are stored for one block of pairs at a time. With a gradient, their ids are kept for
    the backward pass, one integer per (pair, common neighbor). Features are never stored per (pair, neighbor). The
    gradient is gathered by node from the transposed ids. Sums run over nodes in ascending order, in float32 for 16-bit
    types (float64 for float64), and have the same bits for any number of threads.

    References
    ----------
    .. [1] Wang, Yang, Zhang: "Neural Common Neighbor with Completion for Link Prediction", ICLR 2024.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> square = gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False)
    >>> x = torch.tensor([[1.0], [10.0], [100.0], [1000.0]])
    >>> gr.ops.pool_common_neighbors(square, [[0, 1], [2, 3]], x).ravel()
    tensor([1010.,  101.])
    """
    return _pool(adj, pairs, x, weights, removed, directed, difference=False)


def pool_difference(
    adj: Any,
    pairs: Any,
    x: Tensor,
    weights: Tensor | None = None,
    *,
    removed: Any = None,
    directed: bool | None = None,
) -> Tensor:
    r"""Sum features over the neighbors that only the first of each pair has.

    .. math:: s_i = \sum_{z \in \Gamma(u_i) \setminus \Gamma(v_i)} \omega_z\, x_z

    Differentiable in ``x`` and ``weights``, twice. For weights per (pair, node) see :func:`neighbor_difference`.

    Parameters
    ----------
    adj, pairs, x, weights, removed, directed
        See :func:`pool_common_neighbors`.

    Returns
    -------
    tensor of shape (num_pairs, ...), dtype of ``x``

    Raises
    ------
    TypeError, ValueError, IndexError
        As :func:`pool_common_neighbors`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> path = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False)
    >>> x = torch.tensor([[1.0], [10.0], [100.0], [1000.0]])
    >>> gr.ops.pool_difference(path, [[1, 2], [3, 0]], x).ravel()
    tensor([   1., 1000.])
    """
    return _pool(adj, pairs, x, weights, removed, directed, difference=True)


def _sets(
    adj: Any, pairs: Any, removed: Any, directed: bool | None, max_neighbors: int | None, seed: Any, *, difference: bool
) -> Adjacency:
    a, ends, gone, both = _inputs(adj, pairs, removed, directed)
    limit = 0 if max_neighbors is None else checked_int("max_neighbors", max_neighbors, 1)
    drawn_by = resolve_seed(seed) if limit else 0
    offsets, ids, weights = collect_op(a.indptr, a.indices, ends, gone, both, difference, limit, drawn_by)
    return Adjacency._of(Structure(offsets, ids, a.num_cols), weights if limit else None, None)


def _pool(
    adj: Any, pairs: Any, x: Tensor, weights: Tensor | None, removed: Any, directed: bool | None, *, difference: bool
) -> Tensor:
    a, ends, gone, both = _inputs(adj, pairs, removed, directed)
    if not isinstance(x, Tensor) or x.dtype not in FLOATS:
        raise TypeError(f"x must be a float32, float64, bfloat16 or float16 tensor, got {describe(x)}.")
    if x.dim() < 1 or x.shape[0] != a.num_cols:
        raise ValueError(f"x must have one row per column of the adjacency, {a.num_cols}; got shape {tuple(x.shape)}.")
    if weights is not None:
        if not isinstance(weights, Tensor) or weights.dtype != x.dtype:
            raise TypeError(f"weights must be a tensor of the dtype of x, {x.dtype}; got {describe(weights)}.")
        if weights.shape != x.shape[:1]:
            raise ValueError(f"weights must have shape ({a.num_cols},), one per node; got {tuple(weights.shape)}.")
    for name, tensor in (("x", x), ("weights", weights)):
        if tensor is not None and tensor.device != a.device:
            raise ValueError(f"{name} is on {tensor.device}, but the adjacency is on {a.device}.")
    wants_grad = differentiating(x, weights)
    with_sets = wants_grad and not torch.compiler.is_compiling()  # a compiled graph avoids sizes that depend on data
    out: Tensor = pool_op(a.indptr, a.indices, ends, gone, both, difference, x.contiguous(), weights, with_sets)[0]
    return out


def _inputs(adj: Any, pairs: Any, removed: Any, directed: bool | None) -> tuple[Adjacency, Tensor, Tensor | None, bool]:
    """Check the adjacency, the pairs, the removed edges, and whether these are removed in both directions."""
    a = as_adjacency(adj)
    square = a.num_rows == a.num_cols
    if directed is None:
        directed = adj.directed if isinstance(adj, Graph) else not square
    if not directed and not square:
        raise ValueError(f"directed must be True where the adjacency is not square: {a.num_rows} x {a.num_cols}.")
    if checking() and not a._structure.ascending():
        raise ValueError(
            "columns of the adjacency must ascend within rows; make it with "
            "Adjacency.from_edges(..., sort_columns=True) or from a Graph."
        )
    ends = _ends("pairs", pairs, a, a.num_rows)
    if removed is None or (isinstance(removed, str) and removed == "pairs"):
        return a, ends, None if removed is None else ends, not directed
    if isinstance(removed, str):
        raise ValueError(f'removed must be edges of shape (2, num_removed), "pairs" or None; got {removed!r}.')
    return a, ends, _ends("removed", removed, a, a.num_cols), not directed


def _ends(name: str, ends: Any, adj: Adjacency, second_limit: int) -> Tensor:
    """Edges as a contiguous int64 tensor of shape (2, n) on the device of the adjacency."""
    if not isinstance(ends, Tensor):
        ends = torch.from_numpy(as_pairs(ends, name=name))
    if ends.dtype not in (torch.int32, torch.int64):
        raise TypeError(f"{name} must be an int32 or int64 tensor of shape (2, n), got {describe(ends)}.")
    if ends.dim() != 2 or ends.shape[0] != 2:
        hint = " (transpose it?)" if ends.dim() == 2 and ends.shape[1] == 2 else ""
        raise ValueError(f"{name} must have shape (2, n), got {tuple(ends.shape)}{hint}.")
    if ends.device != adj.device:
        raise ValueError(f"{name} is on {ends.device}, but the adjacency is on {adj.device}.")
    if checking():
        for row, limit in ((ends[0], adj.num_rows), (ends[1], second_limit)):
            check_rows(name, row, limit)
    if type(ends) is not Tensor and not torch.compiler.is_compiling():
        ends = ends.as_subclass(Tensor)  # PyG's EdgeIndex
    contiguous: Tensor = ends.to(torch.int64).contiguous()
    return contiguous


def _triton(name: str) -> Any:
    return lambda: getattr(importlib.import_module("graphrep.ops.neighbors.sets.triton"), name)


def _count_fake(indptr: Tensor, indices: Tensor, pairs: Tensor, removed: Any, both: bool, difference: bool) -> Tensor:
    return pairs.new_empty(pairs.shape[1])


count_op = Op(
    "count_neighbor_sets",
    "(Tensor indptr, Tensor indices, Tensor pairs, Tensor? removed, bool both, bool difference) -> Tensor",
    native=cpu.count,
    reference=reference.count,
    triton=_triton("count"),
    fake=_count_fake,
)


def _collect_fake(
    indptr: Tensor, indices: Tensor, pairs: Tensor, removed: Any, both: bool, difference: bool, limit: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    members = torch.library.get_ctx().new_dynamic_size()
    weights = indptr.new_empty(members if limit else 0, dtype=torch.float32)
    return pairs.new_empty(pairs.shape[1] + 1), indices.new_empty(members), weights


collect_op = Op(
    "collect_neighbor_sets",
    "(Tensor indptr, Tensor indices, Tensor pairs, Tensor? removed, bool both, bool difference, int limit, int seed) "
    "-> (Tensor, Tensor, Tensor)",
    native=cpu.collect,
    reference=reference.collect,
    triton=_triton("collect"),
    fake=_collect_fake,
)


def _pool_fake(
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    removed: Any,
    both: bool,
    difference: bool,
    x: Tensor,
    weights: Any,
    with_sets: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    offsets, members = pairs.shape[1] + 1 if with_sets else 0, 0
    if with_sets:
        members = torch.library.get_ctx().new_dynamic_size()  # type: ignore[assignment]
    return x.new_empty(pairs.shape[1], *x.shape[1:]), pairs.new_empty(offsets), indices.new_empty(members)


def _pool_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    indptr, indices, pairs, removed, both, difference, x, weights, with_sets = inputs
    keep_x = x if weights is not None and ctx.needs_input_grad[7] else None
    sets = output[1:] if with_sets else (None, None)
    ctx.save_for_backward(indptr, indices, pairs, removed, keep_x, weights, *sets)
    ctx.mark_non_differentiable(*output[1:])
    ctx.both, ctx.difference, ctx.num_x = both, difference, x.shape[0]


def _pool_backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
    indptr, indices, pairs, removed, x, weights, offsets, ids = ctx.saved_tensors
    reached = transposed_op(
        indptr, indices, pairs, removed, ctx.both, ctx.difference, grad.contiguous(), offsets, ids, ctx.num_x
    )
    grad_x = grad_weights = None
    if ctx.needs_input_grad[6]:
        grad_x = reached if weights is None else reached * weights.view(-1, *[1] * (reached.dim() - 1))
    if weights is not None and ctx.needs_input_grad[7]:
        grad_weights = (reached * x).flatten(1).sum(1) if reached.dim() > 1 else reached * x
    return None, None, None, None, None, None, grad_x, grad_weights, None


pool_op = Op(
    "pool_neighbor_sets",
    "(Tensor indptr, Tensor indices, Tensor pairs, Tensor? removed, bool both, bool difference, Tensor x, "
    "Tensor? weights, bool with_sets) -> (Tensor, Tensor, Tensor)",
    native=cpu.pool,
    reference=reference.pool,
    triton=_triton("pool"),
    fake=_pool_fake,
    setup=_pool_setup,
    backward=_pool_backward,
    device=6,
)


def _transposed_fake(
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    removed: Any,
    both: bool,
    difference: bool,
    grad: Tensor,
    offsets: Any,
    ids: Any,
    num_x: int,
) -> Tensor:
    return grad.new_empty(num_x, *grad.shape[1:])


def _transposed_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(*inputs[:4])
    ctx.both, ctx.difference = inputs[4:6]


def _transposed_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    pooled = pool_op(*ctx.saved_tensors, ctx.both, ctx.difference, grad.contiguous(), None, False)[0]
    return None, None, None, None, None, None, pooled, None, None, None


transposed_op = Op(
    "pool_neighbor_sets_transposed",
    "(Tensor indptr, Tensor indices, Tensor pairs, Tensor? removed, bool both, bool difference, Tensor grad, "
    "Tensor? offsets, Tensor? ids, SymInt num_x) -> Tensor",
    native=cpu.pool_transposed,
    reference=reference.pool_transposed,
    triton=_triton("pool_transposed"),
    fake=_transposed_fake,
    setup=_transposed_setup,
    backward=_transposed_backward,
    device=6,
)
