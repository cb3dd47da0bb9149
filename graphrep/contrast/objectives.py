"""Self-supervised losses as functions of node vectors; InfoNCE is in a separate module."""

from __future__ import annotations

import torch
from torch.nn import functional

from graphrep.nn.generators import current_generator
from graphrep.ops.adjacency import Adjacency
from graphrep.ops.normalization import coalesce, row_sums
from graphrep.ops.sparse_dense import spmm

__all__ = [
    "barlow_twins",
    "bgrl",
    "cca_ssg",
    "coles",
    "dgi",
    "ggd",
    "random_negatives",
    "sce",
]

Tensor = torch.Tensor


def standardized(z: Tensor, *, unbiased: bool, eps: float) -> Tensor:
    """Columns scaled to mean 0 and variance 1; a constant column becomes 0."""
    centered = z - z.mean(0)
    count = max(1, len(z) - unbiased)
    return centered * (centered.square().sum(0) / count + eps).rsqrt()


def cca_ssg(z1: Tensor, z2: Tensor, weight: float = 5e-4, *, eps: float = 1e-8) -> Tensor:
    r"""Loss of CCA-SSG: the two views agree and columns are uncorrelated.

    With columns of :math:`\tilde z` standardized by the unbiased variance and
    :math:`C_{ab} = \tilde z_a^\top \tilde z_b / N`,

    .. math:: L = -\operatorname{tr} C_{12} + \lambda (\lVert I - C_{11} \rVert_F^2 + \lVert I - C_{22} \rVert_F^2).

    Parameters
    ----------
    z1, z2 : floating tensor of shape (num_nodes, dimensions)
    weight : float
        :math:`\lambda`.
    eps : float
        Added to the variances to avoid division by zero and NaN gradients for constant columns. The released code has
        no such term.

    Returns
    -------
    scalar tensor

    Notes
    -----
    O(num_nodes * dimensions²) time, O(dimensions²) memory.

    References
    ----------
    Zhang et al. From Canonical Correlation Analysis to Self-supervised Graph Neural Networks. NeurIPS 2021,
    section 3.3.

    Examples
    --------
    >>> import torch
    >>> from graphrep.contrast import cca_ssg
    >>> z = torch.tensor([[1.0], [-1.0]])
    >>> cca_ssg(z, z, weight=2.0)  # N - 1 in the variance, N in the correlation
    tensor(0.5000)
    """
    n = _rows(z1, z2)
    a, b = standardized(z1, unbiased=True, eps=eps), standardized(z2, unbiased=True, eps=eps)
    eye = torch.eye(z1.shape[1], dtype=z1.dtype, device=z1.device)
    spread = (eye - a.T @ a / n).square().sum() + (eye - b.T @ b / n).square().sum()
    return weight * spread - (a * b).sum() / n


def barlow_twins(z1: Tensor, z2: Tensor, weight: float | None = None, *, eps: float = 1e-8) -> Tensor:
    r"""Barlow Twins: the correlation matrix of the two views should be the identity.

    With :math:`C = \tilde z_1^\top \tilde z_2 / N` and columns standardized by the biased variance,
    :math:`L = \sum_i (1 - C_{ii})^2 + \lambda \sum_{i \ne j} C_{ij}^2`.

    Parameters
    ----------
    z1, z2 : floating tensor of shape (num_nodes, dimensions)
    weight : float, optional
        :math:`\lambda`; default: 1 / dimensions, the usual choice for graphs.
    eps : float
        Added to the variances.

    Returns
    -------
    scalar tensor

    References
    ----------
    Zbontar et al. Barlow Twins: Self-Supervised Learning via Redundancy Reduction. ICML 2021, section 2.1.
    Bielak, Kajdanowicz, Chawla. Graph Barlow Twins. Knowledge-Based Systems 2022.

    Examples
    --------
    >>> import torch
    >>> from graphrep.contrast import barlow_twins
    >>> z = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    >>> barlow_twins(z, z).item() < 1e-9, round(barlow_twins(z, -z).item(), 4)
    (True, 8.0)
    """
    n = _rows(z1, z2)
    a, b = standardized(z1, unbiased=False, eps=eps), standardized(z2, unbiased=False, eps=eps)
    c = a.T @ b / n
    diagonal = c.diagonal()
    off = c.square().sum() - diagonal.square().sum()
    return (1 - diagonal).square().sum() + (1 / z1.shape[1] if weight is None else weight) * off


def sce(z: Tensor, negatives: Adjacency, scale: float = 2e4) -> Tensor:
    r"""Loss of SCE: pushes random pairs of nodes apart; only the encoder uses the graph.

    .. math:: L = \alpha / \operatorname{tr}(Z^\top L_{-} Z), \qquad
              \operatorname{tr}(Z^\top L_{-} Z) = \tfrac12 \sum_{ij} a^-_{ij} \lVert z_i - z_j \rVert^2

    with the Laplacian :math:`L_- = D_- - A_-` of a graph of random pairs.

    Parameters
    ----------
    z : floating tensor of shape (num_nodes, dimensions)
    negatives : Adjacency
        Symmetric; see :func:`random_negatives`.
    scale : float
        :math:`\alpha`.

    Returns
    -------
    scalar tensor

    Notes
    -----
    O(entries * dimensions) time and no square matrix. A trace of 0 (one node, or all vectors equal) gives a large
    constant with gradient 0 instead of a division by zero.

    References
    ----------
    Zhang et al. SCE: Scalable Network Embedding from Sparsest Cut. KDD 2020, section 4.

    Examples
    --------
    >>> import torch
    >>> from graphrep.contrast import sce
    >>> import graphrep as gr
    >>> pair = gr.ops.as_adjacency(gr.as_graph([[0], [1]], directed=False))
    >>> sce(torch.tensor([[0.0], [2.0]]), pair, scale=1.0)
    tensor(0.2500)
    """
    degree = row_sums(negatives, z.dtype)
    trace = (z * (degree[:, None] * z - spmm(negatives, z))).sum()
    return scale / trace.clamp(min=1e-6)


def coles(z: Tensor, positives: Adjacency, negatives: Adjacency, weight: float = 0.8) -> Tensor:
    r"""Loss of COLES: pulls neighbors together and pushes random pairs apart, with normalized adjacencies.

    .. math:: L = \frac1N \bigl[\lambda \operatorname{tr}(Z^\top \hat A_- Z)
              - \operatorname{tr}(Z^\top \hat A_+ Z)\bigr]

    The loss is unbounded below as Z grows; few epochs and weight decay keep it finite.

    Parameters
    ----------
    z : floating tensor of shape (num_nodes, dimensions)
    positives, negatives : Adjacency
        Normalized; see :func:`graphrep.ops.symmetric_normalize`.
    weight : float
        :math:`\lambda`.

    Returns
    -------
    scalar tensor

    References
    ----------
    Zhu, Sun, Koniusz. Contrastive Laplacian Eigenmaps. NeurIPS 2021, section 3.

    Examples
    --------
    >>> import torch
    >>> from graphrep.contrast import coles
    >>> import graphrep as gr
    >>> edge = gr.as_graph([[0], [1]], directed=False)
    >>> pair = gr.ops.symmetric_normalize(gr.ops.as_adjacency(edge))
    >>> coles(torch.tensor([[1.0], [2.0]]), pair, pair, weight=0.5)
    tensor(-1.)
    """
    return ((weight * spmm(negatives, z) - spmm(positives, z)) * z).sum() / len(z)


def dgi(positive: Tensor, negative: Tensor, bilinear: Tensor) -> Tensor:
    r"""Deep Graph Infomax: discriminates nodes from nodes with shuffled features, given a summary of the graph.

    With the summary :math:`s = \sigma(\frac1N \sum_i h_i)` and logits :math:`h^\top W s`, the loss is the binary
    cross-entropy with label 1 for the rows of ``positive`` and 0 for those of ``negative``.

    Parameters
    ----------
    positive, negative : floating tensor of shape (num_nodes, dimensions)
        Vectors of the graph, and of the graph with the rows of its features shuffled.
    bilinear : tensor of shape (dimensions, dimensions)
        W.

    Returns
    -------
    scalar tensor

    References
    ----------
    Veličković et al. Deep Graph Infomax. ICLR 2019, section 3.4.

    Examples
    --------
    >>> import torch
    >>> from graphrep.contrast import dgi
    >>> dgi(torch.zeros(2, 3), torch.zeros(2, 3), torch.eye(3))
    tensor(0.6931)
    """
    _rows(positive, negative)
    direction = bilinear @ positive.mean(0).sigmoid()
    return _cross_entropy(positive @ direction, negative @ direction)


def ggd(positive: Tensor, negative: Tensor) -> Tensor:
    r"""Graph group discrimination: the sum of a vector is the logit of "not corrupted".

    Parameters
    ----------
    positive, negative : floating tensor of shape (num_nodes, dimensions)
        Vectors of the graph, and of the graph with the rows of its features shuffled; both after a linear head.

    Returns
    -------
    scalar tensor
        Binary cross-entropy over all rows.

    References
    ----------
    Zheng et al. Rethinking and Scaling Up Graph Contrastive Learning: An Extremely Efficient Approach with Group
    Discrimination. NeurIPS 2022, section 4.

    Examples
    --------
    >>> import torch
    >>> from graphrep.contrast import ggd
    >>> ggd(torch.full((2, 2), 9.0), torch.full((2, 2), -9.0)).item() < 1e-6
    True
    """
    _rows(positive, negative)
    return _cross_entropy(positive.sum(1), negative.sum(1))


def bgrl(predicted1: Tensor, target2: Tensor, predicted2: Tensor, target1: Tensor) -> Tensor:
    r"""BGRL: predicts each view from the other, mean over nodes of :math:`2 - \cos(p_1, t_2) - \cos(p_2, t_1)`.

    Parameters
    ----------
    predicted1, predicted2 : floating tensor of shape (num_nodes, dimensions)
        The predictor applied to the online encoder's vectors of each view.
    target1, target2 : tensor of the same shape
        Vectors of the target encoder; no gradient flows into them.

    Returns
    -------
    scalar tensor

    References
    ----------
    Thakoor et al. Large-Scale Representation Learning on Graphs via Bootstrapping. ICLR 2022, section 3.2.

    Examples
    --------
    >>> import torch
    >>> from graphrep.contrast import bgrl
    >>> x = torch.tensor([[3.0, 4.0]])
    >>> bgrl(x, 2 * x, x, -x)
    tensor(2.)
    """
    _rows(predicted1, target2)
    cosines = functional.cosine_similarity(predicted1, target2.detach())
    return 2 - (cosines + functional.cosine_similarity(predicted2, target1.detach())).mean()


def random_negatives(
    num_nodes: int, per_node: int = 5, *, self_pairs: bool = True, generator: torch.Generator | None = None
) -> Adjacency:
    """Symmetric graph of random pairs: every node draws ``per_node`` nodes uniformly; duplicates are merged.

    Parameters
    ----------
    num_nodes, per_node : int
    self_pairs : bool
        Whether to keep pairs of a node with itself.
    generator : torch.Generator, optional
        Default: that of the :func:`graphrep.nn.using_generator` block, or torch's global generator.

    Returns
    -------
    Adjacency
        At most 2 * num_nodes * per_node entries, all 1.

    Examples
    --------
    >>> from graphrep.contrast import random_negatives
    >>> random_negatives(100).num_entries <= 1000
    True
    """
    source = torch.arange(num_nodes).repeat_interleave(per_node)
    target = torch.randint(max(num_nodes, 1), source.shape, generator=generator or current_generator())
    if not self_pairs:
        other = source != target
        source, target = source[other], target[other]
    keys = torch.cat([source * num_nodes + target, target * num_nodes + source])
    return coalesce(keys, num_nodes)[0]


def _cross_entropy(positive: Tensor, negative: Tensor) -> Tensor:
    return (functional.softplus(-positive).mean() + functional.softplus(negative).mean()) / 2


def _rows(first: Tensor, second: Tensor) -> int:
    if first.shape != second.shape or first.dim() != 2 or not len(first):
        raise ValueError(
            "both views must have shape (num_nodes, dimensions) with at least one node, "
            f"got {tuple(first.shape)} and {tuple(second.shape)}."
        )
    return len(first)
