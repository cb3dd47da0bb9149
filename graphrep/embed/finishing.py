"""Finishing steps for node vectors: centering, smoothing along edges, orthonormal columns, whitening."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._arrays import as_vectors
from graphrep._names import aligned
from graphrep._svd import column_signs
from graphrep._threads import one_blas_thread
from graphrep.graph import Graph, untyped_graph
from graphrep.ops.propagation import recurrence_step
from graphrep.ops.tall import gram, multiply_rows

__all__ = [
    "FINISHING",
    "Finish",
    "center",
    "center_in_place",
    "checked_steps",
    "finish_again",
    "finished",
    "is_centering",
    "orthogonalise",
    "smooth",
    "whiten",
]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

RMS = 3.0
_ROWS = 1 << 14  # of a block whose sum is added to the others; part of the result
_SMALLEST = 1e-6  # a direction whose length is below this share of the largest consists of rounding errors
_RANGE = 0.5  # theta of ProNE's filter
_TERMS = 5


def center(vectors: Any) -> F32:
    r"""Columns of mean 0: :math:`x_v - \frac1n \sum_u x_u` for each of n nodes v.

    What all vectors have in common is in every product and cosine of two of them. Distances stay as they are.

    Parameters
    ----------
    vectors : array of shape (num_nodes, dimensions), NodeVectors or DataFrame

    Returns
    -------
    float32 array of shape (num_nodes, dimensions)

    Notes
    -----
    Time O(num_nodes * dimensions). The mean is added in float64, in blocks of rows, so that the bits are those of a fit
    with ``finish="center"`` that writes its vectors to a file.

    Vectors about which nothing was learned, such as those of nodes without edges in :class:`graphrep.DeepWalk`, are
    short, and all become nearly the negative mean: these nodes then look alike. Where there are many, center the others
    alone: ``linked = graph.out_degree > 0; x[linked] -= x[linked].mean(axis=0)``.

    References
    ----------
    Mu, Viswanath. All-but-the-Top: Simple and Effective Postprocessing for Word Representations. ICLR 2018, section 2,
    whose first step this is.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.embed import center
    >>> center(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    return _centered(_floats(vectors))[0]


def _centered(x: F32) -> tuple[F32, F32]:
    """The centered vectors and the mean that they lack."""
    x = x.copy()
    return x, center_in_place(x)


def center_in_place(x: F32) -> F32:
    """Subtract the mean of the rows, in blocks, as x may be mapped; returns it."""
    total = np.zeros(x.shape[1])
    for block in _blocks(x):
        total += block.sum(axis=0, dtype=np.float64)
    mean = (total / max(len(x), 1)).astype(np.float32)
    for block in _blocks(x):
        block -= mean
    return mean


def _blocks(x: F32) -> Iterator[F32]:
    for begin in range(0, len(x), _ROWS):
        yield x[begin : begin + _ROWS]


def smooth(graph: Any, vectors: Any, *, kind: str | int = "neighborhood", n_jobs: int | None = None) -> F32:
    r"""Smooth vectors along the edges of a graph, then rotate them to their principal axes.

    With :math:`P = (D + I)^{-1}(A + I)`, the random walk with a self loop of the mean weight of an arc at every node,
    and the singular value decomposition :math:`F x = U \Sigma V^\top`, the result is :math:`U \Sigma^{1/2}`: axes that
    the filter F leaves short become longer again, relative to the first ones.

    Parameters
    ----------
    graph : Graph or anything :func:`graphrep.as_graph` takes
        Of a directed graph, arcs are followed from source to target.
    vectors : array of shape (num_nodes, dimensions), NodeVectors or DataFrame
        Matched with the nodes of the graph by name where they have names.
    kind : {"neighborhood", "bandpass"} or int
        Of the filter F. "neighborhood" is :math:`(A + I) P^2` with the self loops above, which weighs nodes by degree;
        an integer j is :math:`P^j`; "bandpass" is the Chebyshev expansion of ProNE with 5 terms,
        :math:`(A + I)\,(1 - e^{-\theta ((L - \mu)^2 / 2 - 1)})` with :math:`L = I - P`, :math:`\theta = 0.5` and
        :math:`\mu = 0.2`.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    float32 array of shape (num_nodes, dimensions)
        Scaled to a root mean square length of 3; rows of isolated nodes keep their direction.

    Raises
    ------
    ValueError
        An unknown kind, or vectors that do not fit the graph.

    Notes
    -----
    Time O(num_arcs * dimensions) per product, of which there are j, 3 or 9, plus O(num_nodes * dimensions**2); memory
    two or, for "bandpass", five blocks of the vectors' size.

    References
    ----------
    Zhang, Dong, Wang, Tang, Ding. ProNE: Fast and Scalable Network Representation Learning. IJCAI 2019, section 3.2.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> from graphrep.embed import smooth
    >>> g = gr.as_graph(nx.karate_club_graph())
    >>> smooth(g, gr.FastRP(dimensions=8).fit_transform(g)).shape
    (34, 8)
    """
    g: Graph = untyped_graph(graph)
    x = _floats(aligned(vectors, g.node_index, "vectors"))
    if len(x) != g.num_nodes:
        raise ValueError(f"vectors must have a row per node of graph, {g.num_nodes}; got {len(x)}.")
    return _principal(_filtered(g, x, kind, n_jobs), 0.5, n_jobs)[0]


def _filtered(g: Graph, x: F32, kind: str | int, n_jobs: int | None) -> F32:
    loop = 1.0 if g.weights is None or not g.num_arcs else float(g.weights.mean(dtype=np.float64))
    degree = g.weighted_degree() + loop
    inverse = (1 / degree).astype(np.float32)
    ones = np.ones_like(inverse)

    def step(y: F32, out: F32, scale: F32 | None) -> F32:
        """(A + loops) y, or P y with ``scale`` = inverse, which applies to the self loop as well."""
        recurrence_step(g, y, out, scale=ones, own=loop, before=0.0, n_jobs=n_jobs)
        if scale is not None:
            out *= scale[:, None]
        return out

    spare: F32 = np.empty_like(x)
    y: F32 = x.copy()
    if isinstance(kind, (int, np.integer)) and not isinstance(kind, bool):
        if kind < 0:
            raise ValueError(f"kind must not be negative, got {kind}.")
        for _ in range(int(kind)):
            y, spare = step(y, spare, inverse), y
        return y
    if kind == "neighborhood":
        for scale in (inverse, inverse, None):
            y, spare = step(y, spare, scale), y
        return y
    if kind != "bandpass":
        raise ValueError(f'kind must be "neighborhood", "bandpass" or a number of steps, got {kind!r}.')
    return step(y - _chebyshev_gaussian(y, lambda v: step(v, np.empty_like(v), inverse)), spare, None)


def _chebyshev_gaussian(x: F32, walk: Callable[[F32], F32], mu: float = 0.2) -> F32:
    """ProNE's expansion of exp(-theta ((L - mu)^2 / 2 - 1)) x in Chebyshev polynomials, L = I - P."""
    from scipy.special import iv

    def shifted(v: F32) -> F32:
        return np.asarray((1 - mu) * v - walk(v), dtype=np.float32)

    before, now = x, np.float32(0.5) * shifted(shifted(x)) - x
    total = np.float32(iv(0, _RANGE)) * before - np.float32(2 * iv(1, _RANGE)) * now
    for i in range(2, _TERMS):
        before, now = now, shifted(shifted(now)) - 2 * now - before
        total += np.float32(2 * (-1) ** i * iv(i, _RANGE)) * now
    return np.asarray(total, dtype=np.float32)


def orthogonalise(vectors: Any, *, n_jobs: int | None = None) -> F32:
    r"""Orthonormal columns with the same span: U of :math:`x = U \Sigma V^\top`, in the order of singular values.

    The columns are scaled by one factor, so that the root mean square length of the rows is 3. Missing directions of a
    rank-deficient x are zero columns. Unlike :func:`whiten`, the mean stays.

    Parameters
    ----------
    vectors : array of shape (num_nodes, dimensions), NodeVectors or DataFrame
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    float32 array of shape (num_nodes, dimensions)

    Notes
    -----
    Time O(num_nodes * dimensions**2): from the eigenvectors of :math:`x^\top x` in float64, twice, so that columns of
    small singular values are orthogonal to float32 precision.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.embed import orthogonalise
    >>> x = orthogonalise(np.random.default_rng(0).standard_normal((50, 3)) @ np.diag([1, 10, 100]))
    >>> bool(np.allclose(x.T @ x, x[:, 0] @ x[:, 0] * np.eye(3), atol=1e-3))
    True
    """
    return _principal(_floats(vectors), 0.0, n_jobs)[0]


def whiten(vectors: Any, *, n_jobs: int | None = None) -> F32:
    r"""Columns of mean 0 that are uncorrelated and of equal variance: :func:`orthogonalise` after :func:`center`.

    Parameters
    ----------
    vectors : array of shape (num_nodes, dimensions), NodeVectors or DataFrame
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    float32 array of shape (num_nodes, dimensions)
        Scaled to a root mean square length of 3.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.embed import whiten
    >>> x = whiten(np.random.default_rng(0).standard_normal((50, 3)) + 5)
    >>> bool(np.allclose(x.mean(axis=0), 0, atol=1e-5))
    True
    """
    return _principal(center(vectors), 0.0, n_jobs)[0]


class Finish(NamedTuple):
    """A finishing step as it was applied, so that it can be applied to the vectors of new nodes as well."""

    step: str
    mean: F32 | None
    rotation: F64 | None  # None: they stay


def finished(graph: Graph, vectors: F32, steps: Sequence[str], n_jobs: int | None) -> tuple[F32, list[Finish]]:
    """The steps of an embedder's ``finish``, one after the other, and what they did."""
    done: list[Finish] = []
    for step in steps:
        mean = rotation = None
        if step == "smooth":
            vectors = _filtered(graph, vectors, "neighborhood", n_jobs)
        elif step in ("center", "whiten"):
            vectors, mean = _centered(vectors)
        if step != "center":
            vectors, rotation = _principal(vectors, 0.5 if step == "smooth" else 0.0, n_jobs)
        done.append(Finish(step, mean, rotation))
    return vectors, done


def finish_again(graph: Graph | None, vectors: F32, done: Sequence[Finish], n_jobs: int | None) -> F32:
    """The steps of :func:`finished` with their means and rotations, on other vectors; smoothing takes their graph."""
    for step, mean, rotation in done:
        if step == "smooth":
            assert graph is not None
            vectors = _filtered(graph, vectors, "neighborhood", n_jobs)
        if mean is not None:
            vectors = vectors - mean
        if rotation is not None:
            vectors = multiply_rows(vectors, rotation, n_jobs=n_jobs)
    return vectors


FINISHING = ("center", "smooth", "orthogonalise", "whiten")


def checked_steps(steps: Any) -> Sequence[str]:
    """``finish`` as a sequence of steps."""
    names = () if steps is None else (steps,) if isinstance(steps, str) else tuple(steps)
    for name in names:
        if name not in FINISHING:
            raise ValueError(f"finish must be None or of {', '.join(FINISHING)}; got {steps!r}.")
    return names


def is_centering(steps: Any) -> bool:
    """Whether ``finish`` is nothing but "center"."""
    return tuple(checked_steps(steps)) == ("center",)


def _floats(vectors: Any) -> F32:
    return np.ascontiguousarray(as_vectors(vectors), dtype=np.float32)


def _principal(x: F32, power: float, n_jobs: int | None) -> tuple[F32, F64]:
    """U Sigma^power of x, scaled and with its signs fixed, and the matrix that maps x to it."""
    if not x.size:
        return x.copy(), np.eye(x.shape[1])
    with one_blas_thread():
        squares, axes = np.linalg.eigh(gram(x, n_jobs=n_jobs))
    order = np.argsort(-squares, kind="stable")
    sizes = np.sqrt(np.maximum(squares[order], 0))
    kept = sizes > _SMALLEST * sizes[0]
    axes = axes[:, order] * np.divide(1.0, sizes, out=np.zeros_like(sizes), where=kept)
    y = multiply_rows(x, axes, n_jobs=n_jobs)
    with one_blas_thread():  # the symmetric orthonormalization removes what float32 left of correlations
        squares, inner = np.linalg.eigh(gram(y, n_jobs=n_jobs))
        root = (
            inner * np.divide(1.0, np.sqrt(np.abs(squares)), out=np.zeros_like(squares), where=squares > 0.5) @ inner.T
        )
        rest = root * np.where(kept, sizes, 0.0) ** power
        y = multiply_rows(y, rest, n_jobs=n_jobs)
        sign = column_signs(y).astype(np.float64)
        length = np.sqrt(np.einsum("ij,ij->", y, y, dtype=np.float64) / len(y))
        scale = sign * (RMS / length if length > 0 else 1.0)
        y *= scale.astype(np.float32)
        return y, axes @ rest * scale
