"""Parameter-free propagation, the linear part of a graph convolution, built on :func:`graphrep.ops.spmm`."""

from __future__ import annotations

import torch

from graphrep.ops.adjacency import Adjacency
from graphrep.ops.normalization import row_sums
from graphrep.ops.sparse_dense import spmm

__all__ = ["propagate"]

Tensor = torch.Tensor


def propagate(adj: Adjacency, x: Tensor, kind: str = "gcn") -> Tensor:
    r"""One step of parameter-free propagation.

    ``"sum"``, ``"mean"`` and ``"max"`` aggregate neighbors; ``"gcn"`` is
    :math:`\hat D^{-1/2} (A + I) \hat D^{-1/2} x` with :math:`\hat D_{vv} = 1 + \sum_u a_{vu}`.

    Parameters
    ----------
    adj : Adjacency
        Square. Its values, if any, are the :math:`a_{vu}`; an entry of value 0 counts as absent (except for max).
    x : floating tensor of shape (num_nodes, columns)
    kind : {"gcn", "sum", "mean", "max"}

    Returns
    -------
    tensor of shape (num_nodes, columns)

    References
    ----------
    Kipf, Welling. Semi-Supervised Classification with Graph Convolutional Networks. ICLR 2017, section 2.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> pair = gr.ops.as_adjacency(gr.as_graph([[0], [1]], directed=False))
    >>> gr.ops.propagate(pair, torch.tensor([[1.0], [3.0]])).ravel()
    tensor([2.0000, 2.0000])
    """
    if kind == "gcn":
        scale = (1 + row_sums(adj, torch.promote_types(x.dtype, torch.float32))).rsqrt()
        # Numbers per entry rather than passes over the rows.
        of_entry = scale.index_select(0, adj.rows()) * scale.index_select(0, adj.indices)
        of_entry = of_entry if adj.values is None else of_entry * adj.values
        return spmm(adj.with_values(of_entry.to(x.dtype)), x).addcmul_(scale.square().to(x.dtype)[:, None], x)
    if kind == "mean" and adj.values is not None:
        total: Tensor = spmm(adj, x)
        return total / row_sums(adj, x.dtype).clamp(min=1e-12)[:, None]
    out: Tensor = spmm(adj, x, kind)
    return out
