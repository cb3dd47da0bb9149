"""``NodeVectors``: one vector per node, with the nodes' names and the settings that made them."""

from __future__ import annotations

import html
import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from graphrep._arrays import detached, to_numpy
from graphrep._checks import checked_int
from graphrep._convert import checked_nodes, frozen
from graphrep._mapped import forget, mapping_of
from graphrep._names import NodeIndex, UnknownNodeError
from graphrep._parameters import explained
from graphrep._search import METRICS, csls, neighbor_means, pair_scores, top_k
from graphrep.io.frames import frame_vectors, is_frame
from graphrep.io.hub import VECTORS, file_in, write_folder
from graphrep.io.index import save_index
from graphrep.io.vectors import read_vectors, write_vectors

if TYPE_CHECKING:
    import os

    import pandas as pd
    from gensim.models import KeyedVectors
    from typing_extensions import Self

__all__ = ["NodeVectors", "load_vectors"]

Metric = Literal["cosine", "dot", "euclidean"]
SearchMetric = Literal["cosine", "dot", "euclidean", "csls"]


class NodeVectors(Mapping[Any, npt.NDArray[np.float32]]):
    """One vector per node, found by the node's name. Immutable.

    To Python it is a mapping from names to vectors: ``v[name]``, ``name in v``, ``for name in v``, ``v.items()``. To
    NumPy and all that asks for an array it is the matrix: ``np.asarray(v)``, ``KMeans().fit(v)``,
    ``torch.as_tensor(v)``. ``v[...]`` takes

    * a name: its vector, float32 of shape (dimensions,);
    * a list or array of names: a matrix with a row for each;
    * a slice, or a tuple with a slice or ``...`` such as ``v[:, 0]``: rows and columns by position, as in NumPy.

    An integer is always a name, never a position, except that unnamed nodes are called 0 … num_nodes - 1. Two objects
    are equal if they have the same names in the same order and the same vectors.

    Parameters
    ----------
    vectors : array of shape (num_nodes, dimensions), mapping from names to vectors, or data frame
        Real and finite; kept as float32, without a copy if it is a float32 array already. The index of a pandas data
        frame holds the names, unless it is the default one.
    nodes : sequence of num_nodes distinct hashable names, or None
        In row order. None names the nodes 0 … num_nodes - 1. Not with a mapping or data frame that has names.
    settings : dict that JSON can hold, optional
        Origin of the vectors: the method, its parameters, the seed.

    Attributes
    ----------
    vectors : float32 array of shape (num_nodes, dimensions), read-only
    nodes : int64 or object array of shape (num_nodes,), read-only
    settings : dict
    dimensions : int

    Raises
    ------
    TypeError
        Vectors that are not real numbers, or settings that JSON cannot hold.
    ValueError
        Vectors of another shape or with NaN or infinity, or names that are missing, too few or not distinct.

    Examples
    --------
    >>> import numpy as np
    >>> import graphrep as gr
    >>> v = gr.NodeVectors([[1, 0], [2, 1], [-1, 3]], nodes=["curl", "wget", "gimp"])
    >>> v["wget"].tolist()
    [2.0, 1.0]
    >>> v[["curl", "gimp"]].shape, np.asarray(v).shape, list(v)
    ((2, 2), (3, 2), ['curl', 'wget', 'gimp'])
    >>> [(name, round(score, 3)) for name, score in v.most_similar("curl", k=1)]
    [('wget', 0.894)]
    >>> v["wegt"]
    Traceback (most recent call last):
    graphrep._names.UnknownNodeError: there is no node 'wegt'; did you mean wget?
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        vectors: Any,
        nodes: Sequence[Hashable] | npt.NDArray[Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        own: Any = None
        if isinstance(vectors, NodeVectors):
            vectors, own = vectors.vectors, vectors._names
        elif isinstance(vectors, Mapping):
            own, vectors = list(vectors), list(vectors.values())
        elif is_frame(vectors):
            vectors, own = frame_vectors(vectors, None, None)
        if own is not None and nodes is not None:
            raise ValueError("vectors has names of its own, so nodes must be None; give an array to name it anew.")
        self._vectors: npt.NDArray[np.float32] = frozen(_checked_vectors(vectors))
        self._names: npt.NDArray[Any] | None = frozen(_checked_names(nodes if own is None else own, len(self._vectors)))
        self._settings = _checked_settings(settings)
        self._index = NodeIndex(self._names, len(self._vectors))
        self._means: npt.NDArray[np.float64] | None = None

    @classmethod
    def from_frame(
        cls, frame: Any, nodes: Hashable = None, vectors: Any = None, settings: Mapping[str, Any] | None = None
    ) -> Self:
        """Take vectors and names out of a data frame: pandas, polars, pyarrow or any that narwhals knows.

        Parameters
        ----------
        frame : data frame with a row per node
        nodes : column of the names, optional
            Default: the column ``node_id`` if there is one, else the index of a pandas data frame.
        vectors : column of lists, or list of columns of numbers, optional
            Default: the column ``embedding`` or the only column of lists, else all other columns, which must be floats.
        settings : dict that JSON can hold, optional

        Returns
        -------
        NodeVectors

        Raises
        ------
        ValueError
            A column that is not there, or that does not hold what it should; the message says which.

        Examples
        --------
        >>> import pandas as pd
        >>> import graphrep as gr
        >>> frame = pd.DataFrame({"who": ["ann", "bob"], "age": [30, 40], "a": [1.0, 2.0], "b": [0.0, 1.0]})
        >>> gr.NodeVectors.from_frame(frame, nodes="who", vectors=["a", "b"])["bob"].tolist()
        [2.0, 1.0]
        """
        matrix, names = frame_vectors(frame, nodes, vectors)
        return cls(matrix, names, settings)

    @classmethod
    def from_keyed_vectors(cls, keyed: KeyedVectors) -> Self:
        """Take the vectors of a gensim ``KeyedVectors``, or of a model that has them as ``.wv``; keys become names."""
        keyed = getattr(keyed, "wv", keyed)
        if not hasattr(keyed, "index_to_key") or not hasattr(keyed, "vectors"):
            raise TypeError(f"keyed must be gensim KeyedVectors, got {type(keyed).__name__}.")
        return cls(keyed.vectors, keyed.index_to_key)

    @property
    def vectors(self) -> npt.NDArray[np.float32]:
        """All vectors in row order, float32 of shape (num_nodes, dimensions), read-only."""
        return self._vectors

    @property
    def nodes(self) -> npt.NDArray[Any]:
        """Node names in row order: int64, or object for any other hashable; read-only."""
        if self._names is None:
            numbers = np.arange(len(self), dtype=np.int64)
            numbers.flags.writeable = False
            return numbers
        return self._names

    @property
    def settings(self) -> dict[str, Any]:
        """Origin of the vectors; a copy."""
        return dict(json.loads(self._settings))

    @property
    def dimensions(self) -> int:
        """Length of each vector."""
        return int(self._vectors.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """(num_nodes, dimensions)."""
        return len(self._vectors), self.dimensions

    @property
    def ndim(self) -> int:
        """2, as of the matrix."""
        return 2

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """float32."""
        return self._vectors.dtype

    def __len__(self) -> int:
        return len(self._vectors)

    def __iter__(self) -> Iterator[Any]:
        return iter(range(len(self)) if self._names is None else self._names.tolist())

    def __contains__(self, node: object) -> bool:
        try:
            return self._index.get(node) is not None
        except TypeError:  # not hashable
            return False

    def __getitem__(self, node: Any) -> npt.NDArray[np.float32]:
        """Vector of a node, a row for each of several, or rows and columns by position; see the class."""
        if isinstance(node, slice) or (
            isinstance(node, tuple) and any(part is Ellipsis or isinstance(part, slice) for part in node)
        ):
            return np.asarray(self._vectors[node])
        if isinstance(node, (list, np.ndarray)):
            return np.asarray(self._vectors[self.rows(node)])
        return np.asarray(self._vectors[self.row(node)])

    def get(self, node: Any, default: Any = None) -> Any:
        """Vector of a node, or ``default`` if there is no such node."""
        row = self._index.get(node) if isinstance(node, Hashable) else None
        return default if row is None else np.asarray(self._vectors[row])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NodeVectors):
            return NotImplemented
        return (
            self.shape == other.shape
            and np.array_equal(self._vectors, other._vectors)
            and (self._names is None) == (other._names is None)
            and list(self) == list(other)
        )

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:  # noqa: FBT001
        """Return the matrix, read-only unless it is copied or converted."""
        if copy:
            return np.array(self._vectors, dtype=dtype)
        array = self._vectors if dtype is None else self._vectors.astype(dtype, copy=False)
        if copy is False and array is not self._vectors:
            raise ValueError(f"float32 vectors cannot become {np.dtype(dtype)} without a copy.")
        return array

    def __dlpack__(self, **options: Any) -> Any:
        """Return a copy for torch and others, which know no read-only arrays."""
        options = {key: value for key, value in options.items() if key == "stream"}
        return np.array(self._vectors).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._vectors.__dlpack_device__()

    def __repr__(self) -> str:
        return f"NodeVectors(num_nodes={len(self)}, dimensions={self.dimensions})"

    def _repr_html_(self) -> str:
        """Table of the first rows and columns, for Jupyter."""
        width = min(self.dimensions, 6)
        more = "<td>…</td>" if self.dimensions > width else ""
        rows = [
            f"<tr><th>{html.escape(str(name))}</th>{''.join(f'<td>{value:.4g}</td>' for value in row)}{more}</tr>"
            for name, row in zip(self.nodes[:8].tolist(), self._vectors[:8, :width].tolist(), strict=True)
        ]
        if len(self) > len(rows):
            rows.append(f"<tr><th>…</th>{'<td>…</td>' * (width + bool(more))}</tr>")
        origin = self.settings.get("method")
        caption = f"{len(self):,} nodes, {self.dimensions:,} dimensions{f', {origin}' if origin else ''}"
        head = f"<tr><th>node</th>{''.join(f'<th>x{i}</th>' for i in range(width))}{'<th>…</th>' if more else ''}</tr>"
        return (
            f"<table><caption>NodeVectors: {html.escape(caption)}</caption><thead>{head}</thead>"
            f"<tbody>{''.join(rows)}</tbody></table>"
        )

    def row(self, node: Hashable) -> int:
        """Row number of a node name; KeyError, which suggests similar names, if there is none."""
        row = self._index.get(node)
        if row is None:
            raise UnknownNodeError(node, self.nodes)
        return row

    def rows(self, nodes: Sequence[Hashable] | npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Row numbers of many node names, int64; KeyError for the first that is not there."""
        if isinstance(nodes, np.ndarray) and nodes.dtype == bool:
            raise TypeError("a mask is no list of names; select rows by position with v[mask, ...].")
        if isinstance(nodes, (str, bytes)):
            raise TypeError(f"nodes must be a list of names, got {nodes!r}.")
        names = nodes.tolist() if isinstance(nodes, np.ndarray) else nodes
        return np.fromiter((self.row(name) for name in names), dtype=np.int64, count=len(names))

    def select(self, nodes: Sequence[Hashable] | npt.NDArray[Any]) -> NodeVectors:
        """Vectors of the given nodes in the given order: to match them with a graph, a table or other vectors.

        Parameters
        ----------
        nodes : sequence of distinct node names
            Such as ``graph.nodes``.

        Returns
        -------
        NodeVectors
            With the same settings; the same object if these are its nodes already.

        Raises
        ------
        KeyError
            Some have no vector; the message counts them.
        ValueError
            A name is given twice.

        Examples
        --------
        >>> import graphrep as gr
        >>> v = gr.NodeVectors([[1, 0], [2, 1], [-1, 3]], nodes=["curl", "wget", "gimp"])
        >>> v.select(["gimp", "curl"]).vectors.tolist()
        [[-1.0, 3.0], [1.0, 0.0]]
        """
        if isinstance(nodes, np.ndarray) and nodes.dtype == bool:
            raise TypeError("a mask is no list of names; give v.nodes[mask].")
        if isinstance(nodes, (str, bytes)):
            raise TypeError(f"nodes must be a list of names, got {nodes!r}.")
        names = nodes.tolist() if isinstance(nodes, np.ndarray) else list(nodes)
        if len(names) == len(self) and names == list(self):
            return self
        missing = [name for name in names if name not in self]
        if len(missing) == 1 or (missing and len(missing) == len(names)):
            raise UnknownNodeError(missing[0], self.nodes)
        if missing:
            some = ", ".join(map(repr, missing[:3])) + (", …" if len(missing) > 3 else "")
            raise KeyError(f"{len(missing):,} of the {len(names):,} nodes have no vector: {some}.")
        return NodeVectors(self._vectors[self.rows(names)], names, self.settings)

    def to_frame(self) -> pd.DataFrame:
        """Copy into a pandas data frame: the index ``node`` holds the names, the columns are x0, x1, ….

        ``NodeVectors(frame)`` is the way back. ``pd.DataFrame(v)`` takes the matrix, but pandas asks for no names.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ImportError("to_frame needs pandas; pip install pandas.") from None
        index = pd.Index(self.nodes, name="node", tupleize_cols=False)
        return pd.DataFrame(np.array(self._vectors), index, [f"x{i}" for i in range(self.dimensions)])

    @explained("similarity")
    def similarity(self, a: Hashable, b: Hashable, metric: SearchMetric = "cosine") -> float:
        """Score of two nodes; see :meth:`most_similar` for the metrics."""
        if _checked_search(metric) == "csls":
            means = self._neighbor_means()
            return float(csls(pair_scores(self[a], self[b], "cosine"), means[self.row(a)], means[self.row(b)]))
        return float(pair_scores(self[a], self[b], metric))

    @explained("most_similar")
    def most_similar(
        self, node_or_vector: Hashable | npt.ArrayLike, k: int = 10, metric: SearchMetric = "cosine"
    ) -> list[tuple[Any, float]]:
        r"""Find the exact nearest nodes of a node or of any vector, best first.

        Parameters
        ----------
        node_or_vector : node name, or array, list or tensor of shape (dimensions,)
            A node is not among its own neighbors. A tuple is a name.
        k : int
            Number of nodes; fewer if there are fewer nodes.
        metric : {"cosine", "dot", "euclidean", "csls"}
            :math:`\frac{x \cdot y}{|x||y|}` (0 if either is the zero vector), :math:`x \cdot y`, the distance
            :math:`|x - y|`, which orders from small to large, or
            :math:`\mathrm{CSLS}(x, y) = 2 \cos(x, y) - r(x) - r(y)`, where :math:`r` is the mean cosine of a vector to
            its 10 nearest nodes. CSLS takes hubs, which are near to everything, out of the lists of neighbors;
            :func:`graphrep.evaluate.hubness` says whether there are any.

        Returns
        -------
        list of (node name, score)
            Equal scores in row order.

        Raises
        ------
        KeyError
            There is no such node.
        ValueError
            A vector of another length, ``k`` below 1, or an unknown metric.

        Notes
        -----
        Time O(num_nodes * dimensions). A score depends only on its two vectors and is computed in float64. "csls" needs
        the neighbors of every node, in O(num_nodes**2 * dimensions) at the first call, and keeps a number per node.

        References
        ----------
        Conneau et al.: Word Translation Without Parallel Data, ICLR 2018, section 2.3, for CSLS.
        """
        node_or_vector = detached(node_or_vector)
        if isinstance(node_or_vector, (list, np.ndarray)):
            exclude, query = None, np.asarray(node_or_vector)[None]
            if query.shape != (1, self.dimensions):
                raise ValueError(f"the query must be a vector of shape ({self.dimensions},), got {query.shape[1:]}.")
            query = _checked_vectors(query)
        else:
            exclude = self.rows([node_or_vector])  # type: ignore[list-item]
            query = self._vectors[exclude]
        rows, scores = self._search(query, k, metric, exclude)
        return list(zip(self.nodes[rows[0]].tolist(), scores[0].tolist(), strict=True))

    @explained("neighbors")
    def neighbors(
        self, nodes: Sequence[Hashable] | npt.NDArray[Any] | None = None, k: int = 10, metric: SearchMetric = "cosine"
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
        """Find the exact nearest nodes of each of several nodes: :meth:`most_similar` in one pass.

        Parameters
        ----------
        nodes : sequence of node names, or None
            None stands for all nodes in row order.
        k, metric
            As in :meth:`most_similar`.

        Returns
        -------
        names : array of shape (len(nodes), k)
            Names of the neighbors, best first, in the dtype of ``self.nodes``; fewer columns if there are fewer other
            nodes.
        scores : float64 array of the same shape

        Notes
        -----
        Time O(len(nodes) * num_nodes * dimensions). Memory beside the result: a number per node, and some arrays of
        2**20 numbers.
        """
        exclude = np.arange(len(self), dtype=np.int64) if nodes is None else self.rows(nodes)
        queries = self._vectors if nodes is None else self._vectors[exclude]
        rows, scores = self._search(queries, k, metric, exclude)
        return self.nodes[rows], scores

    def _search(
        self, queries: npt.NDArray[np.float32], k: int, metric: str, exclude: npt.NDArray[np.int64] | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        wanted = checked_int("k", k, 1)
        if _checked_search(metric) != "csls":
            return top_k(self._vectors, queries, wanted, metric, exclude)
        every = self._neighbor_means()
        own = neighbor_means(self._vectors, queries) if exclude is None else every[exclude]
        return top_k(self._vectors, queries, wanted, "cosine", exclude, means=(every, own))

    def _neighbor_means(self) -> npt.NDArray[np.float64]:
        """Mean cosine of each node to its nearest nodes, kept after the first call."""
        if self._means is None:
            self._means = neighbor_means(self._vectors, self._vectors, np.arange(len(self), dtype=np.int64))
        return self._means

    def save(self, path: str | os.PathLike[str], *, format: str | None = None) -> None:  # noqa: A002
        """Write to a file that :func:`load_vectors` reads.

        The suffix names the format. ``.safetensors``, ``.npz`` and ``.parquet`` (extra ``io``) keep names and settings.
        The others keep no settings: ``.npy`` keeps names in a second file ``NAME.npy.nodes.json`` unless they are
        0 … num_nodes - 1; ``.csv`` and ``.tsv`` begin with a header; in word2vec text (``.w2v``, ``.vec``, ``.txt``),
        gensim's binary word2vec (``.bin``) and GloVe text (``.glove``) names become strings.

        The file appears whole or not at all, and replaces one that is there. Wherever the writing of ``.npy`` and its
        names is cut off, the old vectors are read with the old names or the new ones with the new.

        Parameters
        ----------
        path : path
        format : str, optional
            "safetensors", "npy", "npz", "parquet", "csv", "tsv", "word2vec", "word2vec-binary" or "glove"; default:
            what the suffix says.

        Raises
        ------
        ValueError
            An unknown suffix, or a name that the format cannot hold, such as one with a space in word2vec text.
        TypeError
            Names that are neither all integers nor all strings.
        FileNotFoundError
            There is no such folder.
        """
        write_vectors(path, self._vectors, self.nodes, self.settings, format=format)

    def save_pretrained(self, folder: str | os.PathLike[str], *, license: str | None = None) -> None:  # noqa: A002
        """Write a folder in the layout of the Hugging Face Hub, without network; :func:`load_vectors` takes it.

        It holds ``vectors.safetensors``, the file of :meth:`save`; ``config.json`` with settings and sizes; and
        ``README.md``, a card to complete, which is not replaced if there is one.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        license : str, optional
            Identifier for the card, such as "mit".

        Raises
        ------
        TypeError
            Names that are neither all integers nor all strings.
        NotADirectoryError
            There is a file of this name.
        ValueError
            A license that is no identifier.
        """
        sizes = {"num_nodes": len(self), "dimensions": self.dimensions}
        kind = str(self.settings.get("method", "NodeVectors"))
        write_folder(folder, VECTORS, self.save, kind=kind, params=self.settings, sizes=sizes, license=license)

    def save_index(
        self,
        path: str | os.PathLike[str],
        library: Literal["faiss", "hnswlib", "usearch"] | None = None,
        *,
        metric: Metric = "cosine",
        connectivity: int = 32,
        construction: int = 200,
        n_jobs: int | None = None,
        random_state: int = 0,
    ) -> None:
        """Write an index for approximate search (HNSW), which :func:`load_index` or the library itself reads.

        The file is the library's own. The row numbers are its labels, and the names lie beside it in
        ``PATH.nodes.json``, which also says what version of the index they belong to.

        Parameters
        ----------
        path : path
        library : {"faiss", "hnswlib", "usearch"}, optional
            Needs the extra ``search``. Default: what the suffix says, ``.faiss``, ``.hnsw`` or ``.usearch``.
        metric : {"cosine", "dot", "euclidean"}
            As in :meth:`most_similar`. For faiss and cosine, the index holds vectors of length 1.
        connectivity : int
            Neighbors of each node in the index, M: the more, the better, larger and slower.
        construction : int
            Candidates while the index is built, efConstruction.
        n_jobs : int or None
            Threads. With more than one, the index differs a little from run to run.
        random_state : int
            Seed of the index; faiss and usearch have one of their own.

        Raises
        ------
        ValueError
            An unknown suffix, library or metric, or no nodes.
        ImportError
            The library is not installed.
        """
        save_index(
            path,
            self._vectors,
            self._names,
            library,
            metric=_checked_metric(metric),
            connectivity=checked_int("connectivity", connectivity, 2),
            construction=checked_int("construction", construction, 1),
            n_jobs=n_jobs,
            random_state=checked_int("random_state", random_state, 0, 2**31 - 1),
        )

    def to_keyed_vectors(self) -> KeyedVectors:
        """Copy into a gensim ``KeyedVectors`` (extra ``gensim``), whose keys are ``str(name)``.

        Raises
        ------
        ValueError
            Two names are the same string, such as 1 and "1".
        ImportError
            gensim is not installed.
        """
        try:
            from gensim.models import KeyedVectors
        except ImportError:
            raise ImportError("to_keyed_vectors needs gensim; pip install 'graphrep[gensim]'.") from None
        keys = [str(name) for name in self.nodes.tolist()]
        seen: set[str] = set()
        for key in keys:
            if key in seen:
                raise ValueError(f"two nodes are called {key!r} once their names are strings; rename one.")
            seen.add(key)
        keyed = KeyedVectors(self.dimensions, dtype=np.float32)
        keyed.add_vectors(keys, self._vectors)
        return keyed

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_rows": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._vectors = frozen(self._vectors)  # pickle forgets that an array is read-only
        self._names = frozen(self._names)


def load_vectors(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    nodes: str | None = None,
    vectors: str | Sequence[str] | None = None,
    header: bool | None = None,
    mmap: bool | None = False,
) -> NodeVectors:
    """Read node vectors: a file or folder that :class:`NodeVectors` wrote, or a file of another program.

    Parameters
    ----------
    path : path
    format : str, optional
        As in :meth:`NodeVectors.save`. Default: what the suffix says; ``.txt`` is GloVe text if its first line is a
        name and two numbers or more.
    nodes : str, optional
        What holds the names: a column of Parquet, CSV or TSV, an array of .npz, a tensor of safetensors. Default: where
        :meth:`NodeVectors.save` puts them, or the index of a pandas data frame in Parquet. For CSV, the first column.
    vectors : str or list of str, optional
        What holds the vectors: a column of lists or several columns of numbers, an array or a tensor. Default: as for
        ``nodes``, or all other columns of a table.
    header : bool, optional
        Whether the first line of CSV or TSV holds the names of the columns. Default: whether it holds anything but
        numbers after the name, or numbers the columns from 0 on, as pandas does.
    mmap : bool or None
        True maps the vectors from the file, so that they take no memory, and refuses a file where that is not possible:
        it is for .npy, .safetensors and uncompressed .npz in float32. None maps if possible. The file must not be
        changed in place while it is mapped; replacing it is fine.

    Returns
    -------
    NodeVectors
        Names of CSV and TSV are integers if all of them are written as integers, without quotes. word2vec and GloVe
        files give strings.

    Raises
    ------
    ValueError
        An unknown suffix, a suffix that belies the content, an option that means nothing for the format, or a file that
        is truncated or holds something else; the message says which and where.
    FileNotFoundError

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import graphrep as gr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "out.safetensors"
    >>> gr.NodeVectors([[1, 0], [2, 1]], nodes=["curl", "wget"], settings={"method": "none"}).save(path)
    >>> v = gr.load_vectors(path, mmap=True)
    >>> v, v.nodes.tolist(), v.settings
    (NodeVectors(num_nodes=2, dimensions=2), ['curl', 'wget'], {'method': 'none'})
    """
    path = file_in(path, VECTORS)
    table = read_vectors(path, format=format, nodes=nodes, vectors=vectors, header=header, mmap=mmap)
    try:
        return NodeVectors(table.vectors, table.nodes, table.settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def _checked_vectors(vectors: Any) -> Any:
    try:
        array = to_numpy(vectors)
    except ValueError:
        raise ValueError("vectors must have shape (num_nodes, dimensions), got rows of different lengths.") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"vectors must be real numbers, got dtype {array.dtype}.")
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"vectors must have shape (num_nodes, dimensions), got {array.shape}.")
    with np.errstate(over="ignore", invalid="ignore"):
        array = np.ascontiguousarray(array, dtype=np.float32)
        step = len(array) if mapping_of(array) is None else max(1, (1 << 22) // array.shape[1])
        for begin in range(0, len(array), step or 1):
            block = array[begin : begin + step]
            if not np.isfinite(block.sum(dtype=np.float64)):  # float32 cannot overflow a float64 sum
                row, column = np.argwhere(~np.isfinite(block))[0]
                raise ValueError(f"vectors must be finite; row {begin + row} holds {block[row, column]}.")
            forget(array)
    return array


def _checked_names(nodes: Any, num_nodes: int) -> npt.NDArray[Any] | None:
    names = checked_nodes(nodes, num_nodes)
    if names is not None and names.dtype == object:
        for row, name in enumerate(names.tolist()):
            # NaN, NaT and pandas' NA are not equal to themselves
            if name is None or (not isinstance(name, (str, tuple)) and bool(_differs(name))):
                raise ValueError(f"every node needs a name, but that of row {row} is missing ({name!r}).")
    return names


def _differs(name: Any) -> bool:
    try:
        return bool(name != name)
    except TypeError:  # NA is neither
        return True


def _checked_settings(settings: Mapping[str, Any] | None) -> str:
    if settings is not None and not isinstance(settings, Mapping):
        raise TypeError(f"settings must be a dict, got {type(settings).__name__}.")
    try:
        return json.dumps(dict(settings or {}), default=_plain_number, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"settings must be a dict that JSON can hold: {error}.") from None


def _plain_number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"it holds a {type(value).__name__}")


def _checked_search(metric: str) -> str:
    if metric not in (*METRICS, "csls"):
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, csls; got {metric!r}.")
    return metric


def _checked_metric(metric: str) -> str:
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}; got {metric!r}.")
    return metric
