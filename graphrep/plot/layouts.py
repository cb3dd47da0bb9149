"""Positions of nodes in the plane: vectors reduced to two dimensions by umap-learn, scikit-learn or pacmap."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from graphrep._names import aligned
from graphrep._random import resolve_seed
from graphrep.vectors import NodeVectors

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "METHODS",
    "METRICS",
    "LayoutMethod",
    "LayoutMetric",
    "as_vectors",
    "check_method",
    "described",
    "layout",
    "positions_of",
]

LayoutMethod = Literal["auto", "umap", "tsne", "pca", "pacmap"]
LayoutMetric = Literal["cosine", "euclidean"]
F64 = npt.NDArray[np.float64]

METHODS = {"auto": "", "umap": "UMAP", "tsne": "t-SNE", "pca": "PCA", "pacmap": "PaCMAP"}
METRICS = ("cosine", "euclidean")
_PACKAGES = {"umap": ("umap", "umap-learn"), "pacmap": ("pacmap", "pacmap")}
_MOST_TSNE = 5_000  # nodes; about a minute of one core
_LEAST = {"auto": 2, "pca": 2, "umap": 5, "tsne": 4, "pacmap": 20}  # nodes that a method can place
_TSNE_COLUMNS = 50  # its search for neighbors is slow in more


def layout(
    vectors: Any,
    *,
    method: LayoutMethod = "auto",
    metric: LayoutMetric = "cosine",
    random_state: Any = 0,
    options: Mapping[str, Any] | None = None,
) -> NodeVectors:
    """Positions of the nodes in the plane, which :func:`map` and :func:`map_html` draw.

    Parameters
    ----------
    vectors : NodeVectors, fitted estimator, mapping, data frame, or array of shape (num_nodes, dimensions)
        Of an estimator, its ``node_vectors_`` or ``embedding_``.
    method : {"auto", "umap", "tsne", "pca", "pacmap"}
        UMAP and PaCMAP need the extra ``maps``; t-SNE and PCA are those of scikit-learn. "auto" takes two-dimensional
        vectors as they are, without options. Otherwise it takes UMAP if it is installed, else t-SNE up to 5,000 nodes,
        else PCA. The settings of the result, and the caption of each map, say which it was.
    metric : {"cosine", "euclidean"}
        With "cosine" every vector is first scaled to length 1, as the nearest nodes of :class:`graphrep.NodeVectors`
        are by default.
    random_state : int, RandomState, Generator or None
        The same seed gives the same bits with the same versions of the libraries on the same machine; PaCMAP does not
        promise this for many nodes. None asks for fresh randomness, and lets UMAP use all cores.
    options : mapping, optional
        Parameters of the library's estimator, such as ``{"perplexity": 50}`` for t-SNE or ``{"n_neighbors": 50}`` for
        UMAP. They need a method.

    Returns
    -------
    NodeVectors
        Of shape (num_nodes, 2), with the names of the nodes; ``settings["layout"]`` is the method.

    Raises
    ------
    ImportError
        The method is not installed.
    ValueError
        An unknown method or metric, too few nodes for the method, or vectors that are all equal.
    TypeError
        Vectors of another type, or options that the method does not know.

    Notes
    -----
    t-SNE takes O(num_nodes log num_nodes) time per iteration, PCA O(num_nodes * dimensions²). Both run on one thread,
    because sums in the order of the threads would change the bits. t-SNE of more than 50 dimensions begins with their
    first 50 principal components. Perplexity is 30, and number of neighbors 15 for UMAP and 10 for PaCMAP, or as many
    as few nodes allow.

    Distances between groups that are far apart, and sizes of groups, mean little in a map of UMAP, t-SNE or PaCMAP.
    PCA keeps distances best on the whole, and hides all groups that differ in the third and later components.

    References
    ----------
    van der Maaten and Hinton. Visualizing Data using t-SNE. JMLR 2008.
    McInnes, Healy, Melville. UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction. 2018.
    Wang et al. Understanding How Dimension Reduction Tools Work. JMLR 2021, for PaCMAP.

    Examples
    --------
    >>> import graphrep as gr
    >>> v = gr.NodeVectors([[1, 0, 0], [2, 1, 0], [-1, 3, 1]], nodes=["curl", "wget", "gimp"])
    >>> positions = gr.plot.layout(v, method="pca")
    >>> positions["curl"].shape, positions.settings["layout"]
    ((2,), 'pca')
    """
    check_method(method, metric)
    table = as_vectors(vectors)
    own = dict(options or {})
    if method == "auto" and own:
        raise ValueError(f"options belong to a method; give one of {', '.join(list(METHODS)[1:])}.")
    if method == "auto" and table.dimensions == 2:
        return table
    if len(table) < _LEAST[method]:
        raise ValueError(
            f"{METHODS[method] or 'a map'} needs at least {_LEAST[method]} nodes, got {len(table)}"
            + (', which method="pca" can place.' if len(table) >= 2 else ".")
        )
    chosen = _chosen(len(table)) if method == "auto" else method
    x = np.array(table.vectors, dtype=np.float64)
    if metric == "cosine":
        length = np.linalg.norm(x, axis=1, keepdims=True)
        x = np.divide(x, length, out=np.zeros_like(x), where=length > 0)
    if (x == x[0]).all():
        raise ValueError(f"there is nothing to map: all vectors are equal{' in direction' * (metric == 'cosine')}.")
    seed = None if random_state is None else resolve_seed(random_state) % 2**31
    settings: dict[str, Any] = {
        "layout": chosen,
        "metric": metric,
        "random_state": seed,
        "dimensions": table.dimensions,
    }
    settings |= {"vectors": table.settings} if table.settings else {}
    return NodeVectors(_placed(x, chosen, seed, own), table.nodes, settings)


def as_vectors(value: Any) -> NodeVectors:
    """``NodeVectors`` of what a map takes: of fitted estimators, too."""
    if isinstance(value, NodeVectors):
        return value
    if isinstance(value, type):
        raise TypeError(f"vectors must be a fitted estimator, got the class {value.__name__}.")
    if hasattr(type(value), "node_vectors_"):
        return value.node_vectors_  # type: ignore[no-any-return]
    if hasattr(value, "get_params"):
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(value)
        if not hasattr(value, "embedding_"):
            raise TypeError(f"{type(value).__name__} has no vectors of nodes: neither node_vectors_ nor embedding_.")
        return NodeVectors(value.embedding_, getattr(value, "nodes_", None), {"method": type(value).__name__})
    return NodeVectors(value)


def check_method(method: str, metric: str) -> None:
    """Raise ValueError for an unknown method or metric, ImportError for one that is not installed."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    if metric not in METRICS:
        raise ValueError(f"metric must be {' or '.join(METRICS)}; got {metric!r}.")
    if method in _PACKAGES and importlib.util.find_spec(_PACKAGES[method][0]) is None:
        raise ImportError(
            f'method="{method}" needs {_PACKAGES[method][1]}; pip install \'graphrep[maps]\', or take "tsne" or "pca".'
        )


def positions_of(vectors: NodeVectors, given: Any, **how: Any) -> NodeVectors:
    """Positions of the nodes of ``vectors``: those given, matched by name, or new ones."""
    if given is None:
        return layout(vectors, **how)
    places = aligned(given, vectors._index, "layout")
    table = NodeVectors(places, None, getattr(given, "settings", None))
    if table.shape != (len(vectors), 2):
        raise ValueError(f"layout must have shape ({len(vectors)}, 2), got {table.shape}.")
    return NodeVectors(table.vectors, vectors.nodes, table.settings)


def described(positions: NodeVectors) -> str:
    """The caption of a map: how many nodes, which vectors, placed by which method."""
    settings = positions.settings
    parts = [f"{len(positions):,} nodes"]
    origin = (settings.get("vectors") or {}).get("method")
    parts += [str(origin)] if origin else []
    if settings.get("layout") in METHODS:
        parts.append(
            f"{METHODS[settings['layout']]} of {settings.get('dimensions')} dimensions, {settings.get('metric')}"
        )
    return " · ".join(parts)


def _chosen(num_nodes: int) -> str:
    if importlib.util.find_spec("umap") is not None and num_nodes >= _LEAST["umap"]:
        return "umap"
    return "tsne" if _LEAST["tsne"] <= num_nodes <= _MOST_TSNE else "pca"


def _placed(x: F64, method: str, seed: int | None, own: dict[str, Any]) -> npt.NDArray[np.float32]:
    from threadpoolctl import threadpool_limits

    if method == "pca":
        made = _pca(2, x, seed, own)
    elif method == "tsne":
        from sklearn.manifold import TSNE

        if x.shape[1] > _TSNE_COLUMNS:
            with threadpool_limits(1):
                x = _pca(_TSNE_COLUMNS, x, seed, {}).fit_transform(x)
        init = "pca" if min(x.shape) >= 2 else "random"
        fitting = {"perplexity": min(30.0, (len(x) - 1) / 3), "init": init, "random_state": seed} | own
        made = _made(TSNE, {"n_components": 2} | fitting)
    elif method == "umap":
        made = _made(_imported("umap").UMAP, {
            "n_neighbors": min(15, len(x) - 1), "random_state": seed, "n_jobs": -1 if seed is None else 1,
            "init": "spectral" if len(x) > 50 else "random",
        } | own)  # fmt: skip
    else:
        made = _made(_imported("pacmap").PaCMAP, {"n_neighbors": min(10, len(x) // 2), "random_state": seed} | own)
    # The libraries warn of each other's versions and of what is asked for here, such as one thread for a seed.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        found = np.asarray(made.fit_transform(x.astype(np.float32) if method in _PACKAGES else x))
    if found.shape[1:] == (1,):  # PCA of one column
        found = np.column_stack([found, np.zeros(len(found))])
    return found.astype(np.float32)


def _pca(components: int, x: F64, seed: int | None, own: dict[str, Any]) -> Any:
    from sklearn.decomposition import PCA

    return _made(PCA, {"n_components": min(components, *x.shape), "random_state": seed} | own)


def _imported(module: str) -> Any:
    import logging

    logging.getLogger("pacmap.pacmap").addFilter(_is_news)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(module)


def _is_news(record: Any) -> bool:
    return "random state is set" not in record.getMessage()  # as asked for


def _made(kind: Any, parameters: dict[str, Any]) -> Any:
    try:
        return kind(**parameters)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise TypeError(f"options: {kind.__name__} knows no {str(error).split()[-1]}.") from None
