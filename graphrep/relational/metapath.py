"""Meta-paths: proximity of nodes by chains of types, and features propagated along them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrep._checks import checked_int
from graphrep._metapaths import factors_of, steps_of
from graphrep._sparse import largest_entries
from graphrep.graph import Graph, as_graph

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["metapath", "metapath_features"]

_BLOCK = 2**24  # entries of a block of rows, as an upper bound


def metapath(graph: Any, path: Sequence[Any], *, weight: str = "counts", top: int | None = None) -> sp.csr_array:
    r"""Count the paths along a meta-path, or their PathSim, as a sparse matrix.

    With :math:`A_k` the adjacency of step :math:`k`, the counts are :math:`M = A_1 A_2 \cdots A_l`, and PathSim is
    :math:`s_{ij} = 2 M_{ij} / (M_{ii} + M_{jj})`. Weights of edges multiply along a path.

    Parameters
    ----------
    graph : Graph with types of nodes, or what :func:`graphrep.as_graph` makes one of
    path : sequence
        Types of nodes, as in ``("paper", "author", "paper")``, or triples (source type, edge type, target type), one
        per step. A step takes the edges from one type of node to the next, of all types or of the given one; only where
        none leads there, the edges of the other direction, reversed. ``"rev_cites"`` for ``"cites"``, as
        torch_geometric's ``ToUndirected`` names it, takes the reversed edges alone: between nodes of one type, where
        both directions have edges, ``("paper", "cites", "paper")`` leads to cited papers and ``("paper", "rev_cites",
        "paper")`` to citing ones. If the graph has a type of edges of that very name, it is meant. Edges without types
        are called "to".
    weight : {"counts", "pathsim"}
        PathSim needs a path that ends in the type in which it begins, and should be symmetric.
    top : int, optional
        Keep the ``top`` largest entries of each row, of equal ones those of the smaller column.

    Returns
    -------
    scipy.sparse.csr_array of shape (number of nodes of the first type, of the last type)
        Float64, columns ascending; rows and columns follow the order of the nodes in the graph. The diagonal is kept.

    Raises
    ------
    ValueError
        A type is unknown, a step has no edges, a path is too short, or PathSim joins different types.

    Notes
    -----
    The product is formed for blocks of rows, and ``top`` is applied to each: memory is that of the result and a block.
    Time is the number of partial paths, summed over the steps.

    References
    ----------
    Sun et al.: PathSim: Meta Path-Based Top-K Similarity Search in Heterogeneous Information Networks, VLDB 2011,
    Section 3.

    Examples
    --------
    >>> import graphrep as gr
    >>> facts = [("p", "by", "ann"), ("q", "by", "ann")]
    >>> g = gr.as_graph(facts, edge_type=1, node_type=["paper", "author", "paper"])
    >>> gr.relational.metapath(g, ("paper", "author", "paper")).toarray().tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    >>> facts = [("p", "cites", "q"), ("r", "cites", "q")]
    >>> cited = gr.as_graph(facts, edge_type=1, node_type=["paper"] * 3)
    >>> path = [("paper", "cites", "paper"), ("paper", "rev_cites", "paper")]  # papers that cite the same one
    >>> gr.relational.metapath(cited, path).toarray().tolist()
    [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0]]
    """
    if weight not in ("counts", "pathsim"):
        raise ValueError(f"weight must be 'counts' or 'pathsim', got {weight!r}.")
    if top is not None:
        top = checked_int("top", top, 1)
    factors, ends = _factors(as_graph(graph), path)
    if weight == "pathsim" and ends[0] != ends[1]:
        raise ValueError(f"PathSim needs a path between nodes of one type, got one from {ends[0]!r} to {ends[1]!r}.")
    bounds = _row_bounds(factors)
    own = (
        np.concatenate([_product(factors, rows).diagonal(int(rows.start)) for rows in bounds])
        if (weight == "pathsim")
        else None
    )
    parts = []
    for rows in bounds:
        block = _product(factors, rows).tocsr()
        block.sum_duplicates()
        if own is not None:
            row = np.repeat(np.arange(rows.start, rows.stop), np.diff(block.indptr))
            block.data = 2 * block.data / (own[row] + own[block.indices])
        parts.append(largest_entries(block, top))
    found = sp.csr_array(sp.vstack(parts, format="csr"))
    found.sort_indices()
    return found


def metapath_features(
    graph: Any,
    paths: Sequence[Sequence[Any]],
    x: Any = None,
    *,
    dimensions: int | None = 128,
    normalize: bool = True,
    random_state: int = 0,
) -> npt.NDArray[np.float64]:
    r"""Features of the nodes of a type, and their means over the ends of meta-paths, side by side.

    The block of a path is :math:`D^{-1} A_1 \cdots A_l X` with :math:`D` the row sums of the product, which is applied
    factor by factor and never formed. A node counts among the ends of its own paths. Nodes without a path have zeros.

    Parameters
    ----------
    graph : Graph with types of nodes, or what :func:`graphrep.as_graph` makes one of
    paths : sequence of meta-paths as in :func:`metapath`
        All begin and end in the same type.
    x : array or sparse matrix with a row per node of the type, optional
        Default: ``graph.features`` of the type.
    dimensions : int or None
        Each block is reduced to the leading left singular vectors times singular values; None keeps the columns.
    normalize : bool
        Scale each row of each block to length 1, so that no block outweighs another.
    random_state : int
        Of the randomized singular value decomposition.

    Returns
    -------
    float64 array of shape (number of nodes of the type, columns of all blocks)

    Raises
    ------
    ValueError
        As :func:`metapath`; paths differ in their ends; features are missing or have another number of rows.

    Notes
    -----
    Time O(sum of the edges of all steps times columns of x), and the decompositions.

    Examples
    --------
    >>> import graphrep as gr
    >>> facts = [("p", "by", "ann"), ("q", "by", "ann")]
    >>> g = gr.as_graph(facts, edge_type=1, node_type=["paper", "author", "paper"])
    >>> paths = [("paper", "author", "paper")]
    >>> gr.relational.metapath_features(g, paths, [[0.0], [2.0]], normalize=False).tolist()
    [[0.0, 1.0], [2.0, 1.0]]
    """
    g = as_graph(graph)
    chains = [_factors(g, path) for path in paths]
    kinds = {end for _, ends in chains for end in ends}
    if len(kinds) != 1:
        raise ValueError(f"all paths must begin and end in one type of nodes, got {sorted(kinds)}.")
    kind = kinds.pop()
    if x is None:
        if kind not in g.features:
            raise ValueError(f"the graph has no features of {kind!r} nodes; give x.")
        x = g.features[kind]
    x = sp.csr_array(x, dtype=np.float64) if sp.issparse(x) else np.asarray(x, dtype=np.float64)
    size = chains[0][0][0].shape[0]
    if x.ndim != 2 or x.shape[0] != size:
        raise ValueError(f"x must have a row for each of the {size} nodes of type {kind!r}, got shape {x.shape}.")
    blocks = [x]
    for factors, _ in chains:
        block, total = x, np.ones(size)
        for factor in reversed(factors):
            block, total = factor @ block, factor @ total
        inverse = np.divide(1, total, out=np.zeros(size), where=total > 0)
        blocks.append(sp.diags_array(inverse) @ block)
    reduced = [_reduced(block, dimensions, random_state) for block in blocks]
    if normalize:
        reduced = [block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12) for block in reduced]
    return np.hstack(reduced)


def _reduced(block: Any, dimensions: int | None, random_state: int) -> npt.NDArray[np.float64]:
    if sp.issparse(block) and block.nnz > 0.1 * block.shape[0] * block.shape[1]:
        block = block.toarray()
    if dimensions is not None and dimensions < min(block.shape):
        from sklearn.utils.extmath import randomized_svd

        u, s, _ = randomized_svd(block, dimensions, n_iter=4, random_state=random_state)
        return np.asarray(u * s)
    return np.asarray(block.toarray() if sp.issparse(block) else block)


def _factors(graph: Graph, path: Sequence[Any]) -> tuple[list[sp.csr_array], tuple[str, str]]:
    """Adjacency of each step, and the types at the ends."""
    steps = steps_of(graph, path)
    return factors_of(graph, steps), (steps[0].source, steps[-1].target)


def _row_bounds(factors: list[sp.csr_array]) -> list[slice]:
    """Blocks of rows whose product has a bounded number of entries."""
    work = np.ones(factors[-1].shape[1])
    for factor in reversed(factors):
        pattern = sp.csr_array((np.ones(factor.nnz), factor.indices, factor.indptr), shape=factor.shape)
        work = np.minimum(pattern @ work, factors[-1].shape[1])
    block = (np.cumsum(work) // _BLOCK).astype(np.int64)
    cuts = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(work)]
    return [slice(one, other) for one, other in pairwise(cuts)]


def _product(factors: list[sp.csr_array], rows: slice) -> sp.csr_array:
    block = factors[0][rows]
    for factor in factors[1:]:
        block = block @ factor
    return block
