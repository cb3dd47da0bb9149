"""Hide edges at random, the way node2vec or Neural Common Neighbor was judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from graphrep._random import resolve_seed
from graphrep.evaluate._edge_sampling import sample_non_edges
from graphrep.graph import as_graph

if TYPE_CHECKING:
    from graphrep.datasets.splits import LinkSplit
    from graphrep.evaluate._checks import I64

__all__ = ["ncn_link_split", "random_link_split"]


def random_link_split(
    graph: Any, *, test: float = 0.5, valid: float = 0.05, seed: int = 0, connected: bool = True
) -> LinkSplit:
    r"""Hide random edges for validation and test, and draw as many pairs without an edge.

    This is the protocol of node2vec: remove half of the edges, keep what remains connected, rank the removed ones
    against random pairs that are not adjacent. Learn from ``split.graph``, the remaining edges, alone.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
    test, valid : float in [0, 1)
        Shares of the edges. Self loops stay in training; their number still counts in the shares.
    seed : int
        The split is a function of the graph and of this.
    connected : bool
        Keep a random spanning forest in training, so that what hangs together still does (weakly, if the graph is
        directed) and no node that has a neighbour loses all of them. Edges of the forest can then not be test edges:
        a bridge never is.

    Returns
    -------
    LinkSplit
        ``train``, ``valid``, ``test``, ``valid_neg``, ``test_neg``, int64 of shape (2, ...). Negatives are distinct
        pairs, adjacent nowhere in the full graph, as many as positives; in an undirected graph the smaller row comes
        first in all five. In a directed graph the reverse of an edge may be a negative, and may be left in training.

    Raises
    ------
    ValueError
        Shares outside [0, 1), or more edges or negatives asked for than there are.

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
    from graphrep.datasets.splits import LinkSplit

    g = as_graph(graph)
    for name, share in (("test", test), ("valid", valid)):
        if not 0 <= share < 1:
            raise ValueError(f"{name} must be a share of the edges in [0, 1), got {share}.")
    rng = np.random.default_rng(resolve_seed(seed))
    edges = g.edges()
    num_edges = edges.shape[1]
    num_test, num_valid = round(test * num_edges), round(valid * num_edges)
    removable = edges[0] != edges[1]
    if connected:
        removable &= ~_spanning_forest(edges, g.num_nodes, rng)
    candidates = rng.permutation(np.flatnonzero(removable))
    if num_test + num_valid > len(candidates):
        why = "without tearing the graph; lower the shares or give connected=False" if connected else "of the graph"
        raise ValueError(
            f"test and valid ask for {num_test + num_valid} of {num_edges} edges, "
            f"but only {len(candidates)} can be removed {why}."
        )
    hidden = candidates[: num_test + num_valid]
    kept = np.ones(num_edges, dtype=bool)
    kept[hidden] = False
    negatives = sample_non_edges(g.num_nodes, edges, len(hidden), rng, directed=g.directed)
    return LinkSplit(
        full=g,
        train=edges[:, kept],
        valid=edges[:, np.sort(hidden[num_test:])],
        test=edges[:, np.sort(hidden[:num_test])],
        valid_neg=negatives[:, num_test:],
        test_neg=negatives[:, :num_test],
    )


def ncn_link_split(graph: Any, *, seed: int = 0) -> LinkSplit:
    r"""Hide 10 % and 20 % of the edges the way Neural Common Neighbor splits Cora, Citeseer and Pubmed.

    Of E edges (without self loops), floor(0.2 E) are test edges, and of floor(0.2 E) others one half validates and the
    other half goes back to training; but floor(0.2 E) negatives are drawn for each. So there are twice as many
    negatives as validation edges. They are drawn uniformly, without repeats, from pairs that are no edge of any part.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Undirected.
    seed : int
        In [0, 2**64). The published tables have the seeds 0 to 9.

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
    The edges are permuted by torch's generator, so that the test edges are those of the authors' code for the same
    seed, and the validation edges, too, where that code drew its negatives by Python's ``random`` (older PyG). Its
    negatives come from a list of all N^2 / 2 pairs; here they come from the same distribution in O(E log E).

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

    from graphrep.datasets.splits import LinkSplit

    g = as_graph(graph)
    if g.directed:
        raise ValueError("graph must be undirected for this split, got a directed one; as_graph(..., directed=False).")
    edges = g.edges()
    edges = edges[:, edges[0] != edges[1]]
    generator = torch.Generator().manual_seed(resolve_seed(seed))
    num_test = int(0.2 * edges.shape[1])
    order = torch.randperm(edges.shape[1], generator=generator).numpy()
    num_valid = int(num_test * 0.1 / 0.2)  # rounded as there
    held = order[:num_test][torch.randperm(num_test, generator=generator).numpy()]
    back, valid = np.split(held, [num_test - num_valid])
    test, rest = np.split(order[num_test:], [num_test])
    negatives = sample_non_edges(g.num_nodes, edges, 2 * num_test, np.random.default_rng(resolve_seed(seed)))
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
    """Which edges belong to a spanning forest that is minimal for random weights."""
    rank = rng.permutation(edges.shape[1]) + 1.0  # distinct and not zero, so that none is taken for missing
    ends = edges.astype(np.int32)  # older SciPy does not convert wider ids; newer SciPy refuses what they cannot hold
    chosen = sp.csgraph.minimum_spanning_tree(sp.csr_array((rank, (ends[0], ends[1])), shape=(num_nodes, num_nodes)))
    in_forest = np.zeros(edges.shape[1] + 1, dtype=bool)
    in_forest[chosen.data.astype(np.int64)] = True
    return np.asarray(in_forest[rank.astype(np.int64)])
