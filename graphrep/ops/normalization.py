"""Algebra of sparse matrices that learners share: sums of rows, symmetric normalization, coalescing of entries."""

from __future__ import annotations

import torch

from graphrep.ops.adjacency import Adjacency

__all__ = ["coalesce", "row_sums", "symmetric_normalize"]

Tensor = torch.Tensor


def row_sums(adj: Adjacency, dtype: torch.dtype = torch.float32) -> Tensor:
    """Sums of the values of every row, of shape (num_rows,); without values, the numbers of entries."""
    if adj.values is None:
        return adj.degree().to(dtype)
    return adj.values.new_zeros(adj.num_rows).index_add(0, adj.rows(), adj.values).to(dtype)


def symmetric_normalize(adj: Adjacency, dtype: torch.dtype = torch.float32) -> Adjacency:
    r"""Normalize a symmetric adjacency, :math:`D^{-1/2} A D^{-1/2}`, without adding self loops.

    Parameters
    ----------
    adj : Adjacency
        Square; D holds the sums of its rows. Rows without entries stay empty.
    dtype : torch.dtype
        Of the values.

    Returns
    -------
    Adjacency

    Examples
    --------
    >>> import graphrep as gr
    >>> star = gr.ops.as_adjacency(gr.as_graph([(0, 1), (0, 2)], directed=False))
    >>> gr.ops.symmetric_normalize(star).values
    tensor([0.7071, 0.7071, 0.7071, 0.7071])
    """
    values = adj.values
    if values is None:
        values = torch.ones(adj.num_entries, dtype=dtype, device=adj.device)
    total = row_sums(adj, values.dtype)
    scale = torch.where(total > 0, total, 1).rsqrt()
    values = values * scale.index_select(0, adj.rows()) * scale.index_select(0, adj.indices)
    return adj.with_values(values.to(dtype))


def coalesce(keys: Tensor, num_nodes: int) -> tuple[Adjacency, Tensor]:
    """Square matrix with an entry for each distinct ``row * num_nodes + column``, and how often each key occurs.

    Parameters
    ----------
    keys : int64 tensor of shape (num_keys,)
    num_nodes : int

    Returns
    -------
    adjacency : Adjacency
        Without values.
    counts : int64 tensor of shape (num_entries,)
    """
    distinct, counts = torch.unique(keys, return_counts=True)
    rows = distinct // max(num_nodes, 1)
    indptr = torch.zeros(num_nodes + 1, dtype=torch.int64)
    torch.cumsum(torch.bincount(rows, minlength=num_nodes), 0, out=indptr[1:])
    return Adjacency(indptr, distinct % max(num_nodes, 1)), counts
