"""Random graphs with hubs of any size, in memory or on the disk: R-MAT."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep import _core
from graphrep._backend import choose
from graphrep._checks import checked_float, checked_int
from graphrep._memory import check_memory, checked_bytes
from graphrep._random import resolve_seed
from graphrep._threads import resolve_threads
from graphrep.csr import build_csr, index_dtype
from graphrep.datasets import _rmat_reference
from graphrep.graph import Graph
from graphrep.io.buckets import MINIMUM, Sorting, block_edges, write_sorted
from graphrep.io.partial import partial_work
from graphrep.io.paths import check_writable, checked_suffix

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["rmat", "write_rmat"]

_BLOCK = 1 << 20


def rmat(
    *,
    scale: int | None = None,
    num_nodes: int | None = None,
    num_edges: int | None = None,
    a: float = 0.57,
    b: float = 0.19,
    c: float = 0.19,
    scramble: bool = True,
    directed: bool = False,
    self_loops: bool = False,
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> Graph:
    r"""A random graph of the R-MAT model, whose degrees are spread as a power law would.

    An edge falls into one of the four quarters of the adjacency matrix with the probabilities

    .. math::
        \begin{pmatrix} a & b \\ c & d \end{pmatrix}, \qquad d = 1 - a - b - c,

    then into a quarter of that one, and so on. The defaults are those of the Graph500 benchmark.

    Parameters
    ----------
    scale : int, optional
        The graph has 2**scale nodes. Give it or ``num_nodes``.
    num_nodes : int, optional
        If it is no power of two, the first half of a side is longer by one where its length is odd.
    num_edges : int, optional
        Edges that are drawn; default: 16 per node. Edges that are drawn twice count once, so the graph has fewer.
    a, b, c : float
        Probabilities; not negative, with a sum of 1 at most, and rounded down to multiples of 2**-32.
    scramble : bool
        Rename the nodes by a random permutation. Otherwise nodes with small numbers are the hubs.
    directed : bool
    self_loops : bool
        Whether edges from a node to itself are kept.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    Graph
        Without weights. Nodes that no edge reaches stay.

    Raises
    ------
    ValueError
        Both or none of ``scale`` and ``num_nodes`` are given, or probabilities are out of range.
    MemoryError
        The edges do not fit into memory; :func:`write_rmat` needs little.

    Notes
    -----
    An edge is a function of (seed, its number): a graph with more edges contains the one with fewer, and
    :func:`write_rmat` writes the same graph. Time O(num_edges log(num_nodes)); memory 16 bytes per edge drawn beside
    what sorting them needs, 28 per arc.

    References
    ----------
    Chakrabarti, Zhan, Faloutsos. R-MAT: A Recursive Model for Graph Mining. SDM 2004, section 3. Probabilities and the
    renaming of nodes: Graph500 benchmark specification, version 2, section 3.

    Examples
    --------
    >>> import graphrep as gr
    >>> g = gr.datasets.rmat(scale=10)
    >>> g
    Graph(num_nodes=1024, num_edges=10637, undirected)
    >>> int(g.out_degree.max())
    467
    """
    model = _checked(scale, num_nodes, num_edges, (a, b, c), random_state, scramble=scramble)
    check_memory(60 * model.num_edges, f"R-MAT with {model.num_edges:,} edges", "write_rmat works on the disk")
    dtype = index_dtype(model.num_nodes)
    ends = np.empty((2, model.num_edges), dtype=dtype)
    for begin in range(0, model.num_edges, _BLOCK):
        block = _edges(model, begin, min(begin + _BLOCK, model.num_edges), n_jobs)
        ends[:, begin : begin + block.shape[1]] = block
    how = {"symmetrize": not directed, "merge": "first", "self_loops": self_loops}
    csr = build_csr(ends[0], ends[1], None, model.num_nodes, **how, n_jobs=n_jobs)  # type: ignore[arg-type]
    return Graph._trusted(csr, directed=directed)


def write_rmat(
    path: str | os.PathLike[str],
    *,
    scale: int | None = None,
    num_nodes: int | None = None,
    num_edges: int | None = None,
    a: float = 0.57,
    b: float = 0.19,
    c: float = 0.19,
    scramble: bool = True,
    directed: bool = False,
    self_loops: bool = False,
    random_state: Any = 0,
    memory: int | str = "4GB",
    progress: bool | None = None,
    n_jobs: int | None = None,
) -> None:
    """Write the graph of :func:`rmat` to a file for :func:`graphrep.open_graph`, without holding it in memory.

    Parameters
    ----------
    path : path
        Must end in ``.graph``. The file appears, or replaces an older one, when it is complete.
    scale, num_nodes, num_edges, a, b, c, scramble, directed, self_loops, random_state
        As for :func:`rmat`.
    memory : int or str
        Bytes to use, such as ``"4GB"``, beside those of the interpreter and its libraries; 1 MB at least.
    progress : bool or None
        Whether to show progress bars; None shows them in terminals and Jupyter.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Raises
    ------
    ValueError
        As for :func:`rmat`.
    MemoryError
        The arcs of one node need more than half of ``memory``.
    OSError
        The disk is full, or ``path`` cannot be written.

    Notes
    -----
    Every edge is drawn twice, to count the arcs of rows and to distribute them. Disk: as for
    :func:`graphrep.io.convert_edges`, without what that takes per edge of the input.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import graphrep as gr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "random.graph"
    >>> gr.datasets.write_rmat(path, scale=10, memory="1MB")
    >>> gr.open_graph(path) == gr.datasets.rmat(scale=10)
    True
    """
    model = _checked(scale, num_nodes, num_edges, (a, b, c), random_state, scramble=scramble)
    resolve_threads(n_jobs)
    checked_suffix(path, (".graph",))
    check_writable(path)
    how = Sorting(
        directed=bool(directed),
        merge="first",
        self_loops=bool(self_loops),
        memory=checked_bytes("memory", memory, MINIMUM),
        progress=progress,
        n_jobs=n_jobs,
    )
    step = block_edges(how.memory)

    def blocks() -> Iterator[tuple[Any, Any, None]]:
        for begin in range(0, model.num_edges, step):
            source, target = _edges(model, begin, min(begin + step, model.num_edges), n_jobs)
            yield source, target, None

    with partial_work(path, ["rmat", model, how.identity]) as work:
        write_sorted(path, work, blocks, model.num_nodes, how, num_edges=model.num_edges, weighted=False)


class _Model(NamedTuple):
    num_nodes: int
    num_edges: int
    thresholds: tuple[int, int, int]
    scramble: bool
    seed: int


def _edges(model: _Model, begin: int, end: int, n_jobs: int | None) -> npt.NDArray[np.int64]:
    """Edges begin … end - 1, int64 of shape (2, end - begin)."""
    edges = np.empty((2, end - begin), dtype=np.int64)
    draw = choose("rmat_edges", {"native": _core.rmat_edges, "reference": _rmat_reference.rmat_edges})
    threads = resolve_threads(n_jobs)
    draw(model.seed, begin, model.num_nodes, model.thresholds, model.scramble, edges, threads)
    return edges


def _checked(
    scale: int | None,
    num_nodes: int | None,
    num_edges: int | None,
    probabilities: tuple[float, float, float],
    random_state: Any,
    *,
    scramble: bool,
) -> _Model:
    if (scale is None) == (num_nodes is None):
        raise ValueError(f"give either scale= or num_nodes=, got scale={scale!r} and num_nodes={num_nodes!r}.")
    if scale is not None:
        num_nodes = 1 << checked_int("scale", scale, 0, 40)
    num_nodes = checked_int("num_nodes", num_nodes, 1, 1 << 40)
    num_edges = 16 * num_nodes if num_edges is None else checked_int("num_edges", num_edges, 0)
    shares = [checked_float(name, share, 0, 1) for name, share in zip("abc", probabilities, strict=True)]
    if math.fsum(shares) > 1 + 1e-9:
        raise ValueError(f"a + b + c must be 1 at most, since d is the rest, got {math.fsum(shares):g}.")
    sums = [math.fsum(shares[: i + 1]) for i in range(3)]
    limits = [min(int(total * 2**32 + 1e-3), 2**32) for total in sums]
    seed = resolve_seed(random_state)
    return _Model(num_nodes, num_edges, (limits[0], limits[1], limits[2]), bool(scramble), seed)
