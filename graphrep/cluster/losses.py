"""Losses of contrastive graph clustering (PamC and SCGC) as functions of torch tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import normalize, pad

from graphrep.ops.adjacency import Adjacency
from graphrep.ops.segment import scatter_sum, segment_csr
from graphrep.ops.sparse_dense import sddmm, spmm

__all__ = [
    "all_pairs_similarity",
    "clustering_divergence",
    "meta_node_loss",
    "meta_nodes",
    "neighbor_contrast_loss",
    "neighbor_similarity",
    "soft_assignment",
    "target_distribution",
]

Tensor = torch.Tensor
BLOCK_ENTRIES = 2**22  # default number of similarities per block: 16 MB in float32
LANES = 16  # float32 lanes of a vector register


def soft_assignment(z: Tensor, centers: Tensor, degrees_of_freedom: float = 1.0) -> Tensor:
    r"""Student-t similarity to the centers: :math:`q_{ic} \propto (1 + \|z_i - \mu_c\|^2 / v)^{-(v + 1) / 2}`.

    Parameters
    ----------
    z : floating tensor of shape (num_nodes, dimensions)
    centers : tensor of shape (n_clusters, dimensions)
    degrees_of_freedom : float
        v.

    Returns
    -------
    tensor of shape (num_nodes, n_clusters)
        Rows sum to 1.

    Notes
    -----
    O(num_nodes * n_clusters * dimensions) time and O(num_nodes * n_clusters) memory.

    References
    ----------
    Xie, Girshick, Farhadi. Unsupervised Deep Embedding for Clustering Analysis. ICML 2016, section 3.1.1.
    """
    # Distances as |z|^2 - 2 <z, mu> + |mu|^2, shifted by the mean center to reduce cancellation.
    shift = centers.detach().mean(0)
    z, centers = z - shift, centers - shift
    squared = z.square().sum(1, keepdim=True) - 2 * z @ centers.T + centers.square().sum(1)
    kernel = (1 + squared.clamp(min=0) / degrees_of_freedom) ** (-(degrees_of_freedom + 1) / 2)
    return kernel / kernel.sum(1, keepdim=True)


def target_distribution(q: Tensor) -> Tensor:
    r"""Sharpened assignments :math:`p_{ic} \propto q_{ic}^2 / \sum_i q_{ic}`, without gradient.

    Parameters
    ----------
    q : floating tensor of shape (num_nodes, n_clusters)
        From ``graphrep.cluster.losses.soft_assignment``.

    Returns
    -------
    tensor of shape (num_nodes, n_clusters)
        Rows sum to 1; a zero column remains zero.

    References
    ----------
    Xie, Girshick, Farhadi. Unsupervised Deep Embedding for Clustering Analysis. ICML 2016, section 3.1.3.
    """
    q = q.detach()
    weight = q.square() / q.sum(0).clamp(min=torch.finfo(q.dtype).tiny)
    return weight / weight.sum(1, keepdim=True)


def clustering_divergence(q: Tensor, p: Tensor) -> Tensor:
    r"""Kullback-Leibler divergence :math:`\frac{1}{N} \sum_{ic} p_{ic} \log (p_{ic} / q_{ic})`.

    Parameters
    ----------
    q, p : floating tensors of shape (num_nodes, n_clusters)
        Assignments and their target.

    Returns
    -------
    scalar tensor
    """
    tiny = torch.finfo(q.dtype).tiny
    return torch.nn.functional.kl_div(q.clamp(min=tiny).log(), p, reduction="batchmean")


def neighbor_similarity(z: Tensor, influence: Adjacency, temperature: float = 2.0) -> Tensor:
    r"""Weighted similarity of each node to nearby nodes: :math:`\sum_j \gamma_{ij} e^{\cos(z_i, z_j) / \tau}`.

    The cosine of a node with itself or with a zero vector is taken as 0.

    Parameters
    ----------
    z : float32 or float64 tensor of shape (num_nodes, dimensions)
    influence : Adjacency
        The weights :math:`\gamma`, see :func:`graphrep.cluster.influence`; without values all weights are 1.
    temperature : float
        :math:`\tau`, divides the cosine.

    Returns
    -------
    tensor of shape (num_nodes,)

    Notes
    -----
    O(num_entries * dimensions) time, O(num_entries) memory; differentiable once, in ``z``.
    """
    if influence.num_rows != len(z) or influence.num_cols != len(z):
        raise ValueError(
            f"influence must have shape ({len(z)}, {len(z)}) because z has {len(z)} rows, "
            f"got ({influence.num_rows}, {influence.num_cols})."
        )
    h = pad(normalize(z), (0, -z.shape[1] % LANES))  # zeros keep inner products; full vectors are faster
    out: Tensor = _NeighborSum.apply(h, influence, temperature)  # type: ignore[no-untyped-call]
    return out


def all_pairs_similarity(z: Tensor, temperature: float = 2.0, *, block: int | None = None) -> Tensor:
    r"""Similarity of each node to all nodes: :math:`\sum_j e^{\cos(z_i, z_j) / \tau}`, in blocks of rows.

    The cosine of a node with itself or with a zero vector is taken as 0.

    Parameters
    ----------
    z : float32 or float64 tensor of shape (num_nodes, dimensions)
    temperature : float
        :math:`\tau`, divides the cosine.
    block : int, optional
        Rows per block; default: about 4 million similarities.

    Returns
    -------
    tensor of shape (num_nodes,)

    Notes
    -----
    O(num_nodes**2 * dimensions) time and O(block * num_nodes) memory, also in the derivative, which recomputes the
    similarities; differentiable once.
    """
    rows = max(1, BLOCK_ENTRIES // max(1, len(z))) if block is None else block
    out: Tensor = _AllPairsSum.apply(normalize(z), temperature, rows)  # type: ignore[no-untyped-call]
    return out


def meta_nodes(z: Tensor, labels: Tensor, n_clusters: int) -> tuple[Tensor, Tensor]:
    r"""Sums over clusters, :math:`c_a = \sum_{i:\, l_i = a} z_i`, without an N x C x d product.

    Parameters
    ----------
    z : floating tensor of shape (num_nodes, dimensions)
    labels : int64 tensor of shape (num_nodes,)
        Cluster of each node, in [0, n_clusters).
    n_clusters : int

    Returns
    -------
    tuple of tensor of shape (n_clusters, dimensions) and bool tensor of shape (n_clusters,)
        The sums, and whether each cluster has a node.

    Notes
    -----
    O(num_nodes * dimensions) time; the same bits for any number of threads.

    References
    ----------
    Kulatilleke, Portmann, Chandra. Efficient block contrastive learning via parameter-free meta-node approximation.
    2022, section 3.
    """
    sums = scatter_sum(z, labels, dim=0, dim_size=n_clusters)
    return sums, torch.bincount(labels, minlength=n_clusters) > 0


def meta_node_loss(
    z: Tensor, labels: Tensor, influence: Adjacency, *, n_clusters: int, temperature: float = 2.0, eps: float = 1e-10
) -> Tensor:
    r"""Contrastive loss with clusters instead of nodes as negatives.

    .. math::
        -\frac{1}{N} \sum_i \log \left( \epsilon + \sum_j \gamma_{ij} e^{\cos(z_i, z_j) / \tau} \right)
        + \frac{1}{|B|} \sum_{a \in B} \log \left( \epsilon + \sum_{b \in B} e^{\cos(c_a, c_b) / \tau} \right)

    over the meta-nodes :math:`c_a` (``graphrep.cluster.losses.meta_nodes``) of the nonempty clusters B. The cosine
    of a node or a meta-node with itself is taken as 0. Labels carry no gradient.

    Parameters
    ----------
    z : float32 or float64 tensor of shape (num_nodes, dimensions)
    labels : int64 tensor of shape (num_nodes,)
        Cluster of each node.
    influence : Adjacency
        The weights :math:`\gamma`, see :func:`graphrep.cluster.influence`.
    n_clusters : int
    temperature : float
        :math:`\tau`, divides the cosine: the smaller, the sharper.
    eps : float

    Returns
    -------
    scalar tensor

    Notes
    -----
    O((num_entries + num_nodes + n_clusters**2) * dimensions) time and O(num_entries + num_nodes * dimensions) memory.

    References
    ----------
    Kulatilleke, Portmann, Chandra. Efficient block contrastive learning via parameter-free meta-node approximation.
    2022, section 3.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> weights = gr.cluster.influence(gr.as_graph([(0, 1), (2, 3)], directed=False))
    >>> z = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> together = gr.cluster.meta_node_loss(z, torch.tensor([0, 0, 1, 1]), weights, n_clusters=2)
    >>> apart = gr.cluster.meta_node_loss(z, torch.tensor([0, 1, 0, 1]), weights, n_clusters=2)
    >>> bool(together < apart)
    True
    """
    positive = (neighbor_similarity(z, influence, temperature) + eps).log().mean()
    sums, present = meta_nodes(z, labels.detach(), n_clusters)
    unit = normalize(sums[present])
    others = 1 - torch.eye(len(unit), dtype=z.dtype, device=z.device)
    negative = (((unit @ unit.T) / temperature * others).exp().sum(1) + eps).log().mean()
    return negative - positive


def neighbor_contrast_loss(
    z: Tensor, influence: Adjacency, *, temperature: float = 2.0, block: int | None = None, eps: float = 1e-8
) -> Tensor:
    r"""Contrastive loss against all nodes, as in SCGC.

    .. math::
        -\frac{1}{N} \sum_i \log \left( \epsilon +
        \frac{\sum_j \gamma_{ij} e^{\cos(z_i, z_j) / \tau}}{\sum_j e^{\cos(z_i, z_j) / \tau}} \right)

    The cosine of a node with itself is taken as 0.

    Parameters
    ----------
    z : float32 or float64 tensor of shape (num_nodes, dimensions)
    influence : Adjacency
        The weights :math:`\gamma`, see :func:`graphrep.cluster.influence`.
    temperature : float
        :math:`\tau`, divides the cosine.
    block : int, optional
        Rows of the similarity matrix per block; see ``graphrep.cluster.losses.all_pairs_similarity``.
    eps : float

    Returns
    -------
    scalar tensor

    Notes
    -----
    O(num_nodes**2 * dimensions) time and O(num_entries + block * num_nodes) memory.

    References
    ----------
    Kulatilleke, Portmann, Chandra. SCGC: Self-Supervised Contrastive Graph Clustering. 2022, section 3.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> weights = gr.cluster.influence(gr.as_graph([(0, 1), (2, 3)], directed=False))
    >>> z = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> gr.cluster.neighbor_contrast_loss(z, weights)
    tensor(1.2782)
    """
    share = neighbor_similarity(z, influence, temperature) / all_pairs_similarity(z, temperature, block=block)
    return -(share + eps).log().mean()


class _NeighborSum(torch.autograd.Function):
    """Weighted sums over the entries of each row of exp(inner product / temperature), or 1 on the diagonal."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, influence: Adjacency, temperature: float) -> Tensor:
        cosine = sddmm(influence, h, h)
        off_diagonal = influence.indices != influence.rows()
        terms = cosine.div_(temperature).mul_(off_diagonal).exp_()
        if influence.values is not None:
            terms.mul_(influence.values.to(h.dtype))
        total: Tensor = segment_csr(terms, influence.indptr)
        # Kept for the derivative; the transpose of the structure is cached on the adjacency.
        ctx.save_for_backward(h, terms.mul_(off_diagonal))
        ctx.influence, ctx.temperature = influence, temperature
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        h, terms = ctx.saved_tensors
        adj: Adjacency = ctx.influence
        weighted, scaled = adj.with_values(terms), (grad / ctx.temperature)[:, None]
        # Scale rows before or after the products instead of the entries, which are more.
        out: Tensor = spmm(weighted, h).mul_(scaled)
        return out.add_(spmm(weighted.t(), scaled * h)), None, None


class _AllPairsSum(torch.autograd.Function):
    """Row sums over all pairs of exp(inner product / temperature), or 1 on the diagonal, in blocks."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, temperature: float, block: int) -> Tensor:
        total = h.new_empty(len(h))
        for begin in range(0, len(h), block):
            part = _terms(h, begin, block, temperature)
            total[begin : begin + block] = part.sum(1) + 1
        ctx.save_for_backward(h)
        ctx.temperature, ctx.block = temperature, block
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        (h,) = ctx.saved_tensors
        scaled, out = grad / ctx.temperature, torch.zeros_like(h)
        for begin in range(0, len(h), ctx.block):
            rows = slice(begin, begin + ctx.block)
            part = _terms(h, begin, ctx.block, ctx.temperature).mul_(scaled[rows, None])
            out[rows] += part @ h
            out.addmm_(part.T, h[rows])
        return out, None, None


def _terms(h: Tensor, begin: int, block: int, temperature: float) -> Tensor:
    part = (h[begin : begin + block] @ h.T).div_(temperature).exp_()
    part.diagonal(begin).zero_()
    return part
