"""Random splits of edges, as in the evaluations of node2vec and Neural Common Neighbor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from graphrep._random import resolve_seed
from graphrep.datasets.splits import LinkSplit
from graphrep.graph import untyped_graph
from graphrep.heuristics.non_edges import sample_non_edges

if TYPE_CHECKING:
    from graphrep.evaluate.checks import I64

__all__ = ["ncn_link_split", "random_link_split"]


def random_link_split(
    graph: Any, *, test: float = 0.5, valid: float = 0.05, random_state: Any = 0, connected: bool = True
) -> LinkSplit:
    r"""Hide random edges for validation and test, and draw as many pairs without an edge.

    This is the protocol of node2vec: remove half of the edges such that the rest stays connected, and rank the removed
    edges against random pairs that are not adjacent. Train only on ``split.graph``, the remaining edges.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    test, valid : float in [0, 1)
        Shares of the edges. Self loops stay in training, but count towards the shares.
    random_state : int, RandomState, Generator or None
        The split is a function of the graph and the seed.
    connected : bool
        Keep a random spanning forest in training, so that connected components stay connected (weakly, if the graph is
        directed) and no node loses all of its neighbors. Edges of the forest cannot be test edges; in particular, a
        bridge never is one.

    Returns
    -------
    LinkSplit
        ``train``, ``valid``, ``test``, ``valid_neg``, ``test_neg``, int64 of shape (2, ...). Negatives are distinct
        pairs that are not adjacent in the full graph, as many as positives. In an undirected graph the smaller row
        comes first in all five arrays. In a directed graph the reverse of an edge can be a negative, and can stay in
        training.

    Raises
    ------
    ValueError
        Shares outside [0, 1), or more edges or negatives requested than there are.

    References
    ----------
    Grover, Leskovec: node2vec: Scalable Feature Learning for Networks, KDD 2016, section 4.7.

    Examples
    --------
    >>> import networkx as nx
    >>> from graphrep.evaluate import random_link_split
    >>> split = random_link_split(nx.karate_club_graph(), test=0.4, valid=0.1)
    >>> split
    LinkSplit(train=39, valid=8, test=31, valid_neg=8, test_neg=31)
    >>> nx.is_connected(nx.Graph(split.train.T.tolist()))
    True
    """
    g = untyped_graph(graph)
    for name, share in (("test", test), ("valid", valid)):
        if not 0 <= share < 1:
            raise ValueError(f"{name} must be a share of the edges in [0, 1), got {share}.")
    rng = np.random.default_rng(resolve_seed(random_state))
    edges = g.edges()
    num_edges = edges.shape[1]
    num_test, num_valid = round(test * num_edges), round(valid * num_edges)
    removable = edges[0] != edges[1]
    if connected:
        removable &= ~_spanning_forest(edges, g.num_nodes, rng)
    candidates = rng.permutation(np.flatnonzero(removable))
    if num_test + num_valid > len(candidates):
        why = " while the graph stays connected; lower the shares or give connected=False" if connected else ""
        raise ValueError(
            f"test and valid ask for {num_test + num_valid} of {num_edges} edges, "
            f"but only {len(candidates)} can be removed{why}."
        )
    hidden = candidates[: num_test + num_valid]
    kept = np.ones(num_edges, dtype=bool)
    kept[hidden] = False
    negatives = sample_non_edges(g, len(hidden), rng=rng)
    return LinkSplit(
        full=g,
        train=edges[:, kept],
        valid=edges[:, np.sort(hidden[num_test:])],
        test=edges[:, np.sort(hidden[:num_test])],
        valid_neg=negatives[:, num_test:],
        test_neg=negatives[:, :num_test],
    )


def ncn_link_split(graph: Any, *, random_state: Any = 0) -> LinkSplit:
    r"""Hide 10 % and 20 % of the edges as Neural Common Neighbor does for Cora, Citeseer and Pubmed.

    Of E edges (without self loops), floor(0.2 E) are test edges. Of another floor(0.2 E), one half are validation edges
    and the other half return to training, but floor(0.2 E) negatives are drawn for each part, so that there are twice
    as many negatives as validation edges. They are distinct and drawn uniformly from the pairs without an edge.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Undirected.
    random_state : int, RandomState, Generator or None
        The published tables use the seeds 0 to 9.

    Returns
    -------
    LinkSplit
        Smaller row first in all parts; each part in ascending order.

    Raises
    ------
    ValueError
        A directed graph, or one with too few pairs without an edge.

    Notes
    -----
    The edges are permuted by torch's generator. The test edges are therefore those of the authors' code for the same
    seed, and so are the validation edges if that code draws its negatives with Python's ``random`` (older PyG). The
    authors draw negatives from a list of all N^2 / 2 pairs; here they have the same distribution, in O(E log E).

    References
    ----------
    Wang, Yang, Zhang: Neural Common Neighbor with Completion for Link Prediction, ICLR 2024.

    Examples
    --------
    >>> import networkx as nx
    >>> from graphrep.evaluate import ncn_link_split
    >>> ncn_link_split(nx.karate_club_graph())
    LinkSplit(train=56, valid=7, test=15, valid_neg=15, test_neg=15)
    """
    import torch

    g = untyped_graph(graph)
    if g.directed:
        raise ValueError("graph must be undirected for this split; graph.to_undirected() makes it so.")
    edges = g.edges()
    edges = edges[:, edges[0] != edges[1]]
    seed = resolve_seed(random_state)
    generator = torch.Generator().manual_seed(seed)
    num_test = int(0.2 * edges.shape[1])
    order = torch.randperm(edges.shape[1], generator=generator).numpy()
    num_valid = int(num_test * 0.1 / 0.2)  # rounded as in the authors' code
    held = order[:num_test][torch.randperm(num_test, generator=generator).numpy()]
    back, valid = np.split(held, [num_test - num_valid])
    test, rest = np.split(order[num_test:], [num_test])
    negatives = sample_non_edges(g, 2 * num_test, rng=np.random.default_rng(seed))
    return LinkSplit(
        full=g,
        train=edges[:, np.sort(np.concatenate([rest, back]))],
        valid=edges[:, np.sort(valid)],
        test=edges[:, np.sort(test)],
        valid_neg=_ascending(negatives[:, :num_test]),
        test_neg=_ascending(negatives[:, num_test:]),
    )


def _ascending(pairs: I64) -> I64:
    return np.asarray(pairs[:, np.lexsort(pairs[::-1])])


def _spanning_forest(
    edges: I64, num_nodes: int, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mask of the edges of a spanning forest that is minimal for random weights."""
    rank = rng.permutation(edges.shape[1]) + 1.0  # distinct and not zero, which would be no edge
    ends = edges.astype(np.int32)  # older SciPy does not convert wider ids; newer SciPy refuses what they cannot hold
    chosen = sp.csgraph.minimum_spanning_tree(sp.csr_array((rank, (ends[0], ends[1])), shape=(num_nodes, num_nodes)))
    in_forest = np.zeros(edges.shape[1] + 1, dtype=bool)
    in_forest[chosen.data.astype(np.int64)] = True
    return np.asarray(in_forest[rank.astype(np.int64)])
