"""``Adjacency``: a sparse CSR matrix of tensors with a cached transpose, the input of the ops on tensors."""

from __future__ import annotations

import warnings
import weakref
from functools import partial
from typing import Any

import numpy as np
import torch

from graphrep import _core
from graphrep._arrays import check_rows
from graphrep.graph import Graph, Relation, untyped_graph
from graphrep.ops.library import SCALARS, Op, checking, eager, plain, threads

__all__ = ["Adjacency", "as_adjacency"]

Tensor = torch.Tensor


class Adjacency:
    r"""A sparse CSR matrix of shape (num_rows, num_cols); entries may repeat, and values may require a gradient.

    Row ``v`` holds the nodes that :math:`v` aggregates: :math:`y_v = \sum_e a_e\, x_{\mathrm{indices}_e}`. For a
    :class:`graphrep.Graph` these are the out-neighbors; for a PyG ``edge_index``, the sources of the edges that end in
    ``v``.

    The structure is immutable, so everything derived from it (transpose, row ids) is computed once and shared by all
    adjacencies that :meth:`with_values` returns. It is a copy of the tensors that are given (inside
    :func:`graphrep.ops.unchecked` it shares their memory), and an op raises RuntimeError if it was written into.

    Parameters
    ----------
    indptr : int64 tensor of shape (num_rows + 1,)
        Entries of row ``v`` are ``indptr[v]`` … ``indptr[v + 1] - 1``.
    indices : int32 or int64 tensor of shape (num_entries,)
        Column ids.
    values : float tensor of shape (num_entries,) or (num_entries, heads), optional
        Default: every entry is 1.
    num_cols : int, optional
        Default: num_rows.

    Attributes
    ----------
    permutation : int64 tensor of shape (num_entries,) or None
        For an adjacency made from an edge list: entry ``e`` is edge ``permutation[e]`` of that list.

    Raises
    ------
    TypeError, ValueError, IndexError
        Wrong dtype, device or shape, offsets that decrease, or a column outside [0, num_cols).

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> adj = gr.ops.Adjacency.from_edge_index(torch.tensor([[0, 1, 2], [1, 1, 0]]), num_nodes=3)
    >>> adj
    Adjacency(shape=(3, 3), entries=3, indices=int64)
    >>> gr.ops.spmm(adj, torch.tensor([[1.0], [10.0], [100.0]])).ravel()
    tensor([100.,  11.,   0.])
    """

    __slots__ = ("_structure", "_transposed", "permutation", "values")

    def __init__(
        self, indptr: Tensor, indices: Tensor, values: Tensor | None = None, *, num_cols: int | None = None
    ) -> None:
        indptr, indices = plain(indptr), plain(indices)
        for name, tensor, allowed in (
            ("indptr", indptr, (torch.int64,)),
            ("indices", indices, (torch.int32, torch.int64)),
        ):
            if not isinstance(tensor, Tensor) or tensor.dtype not in allowed or tensor.dim() != 1:
                kinds = " or ".join(str(kind).removeprefix("torch.") for kind in allowed)
                raise TypeError(f"{name} must be a one-dimensional {kinds} tensor, got {describe(tensor)}.")
        if len(indptr) < 1:
            raise ValueError("indptr must have num_rows + 1 entries, got none.")
        if indices.device != indptr.device:
            raise ValueError(f"indptr is on {indptr.device}, but indices are on {indices.device}.")
        columns = len(indptr) - 1 if num_cols is None else int(num_cols)
        if checking():
            if int(indptr[0]) != 0 or int(indptr[-1]) != len(indices) or bool((indptr[1:] < indptr[:-1]).any()):
                raise ValueError(
                    f"indptr must ascend from 0 to the number of indices, {len(indices)}; "
                    f"it goes from {int(indptr[0])} to {int(indptr[-1])}."
                )
            check_rows("indices", indices, columns)
        if checking():  # copies: a later write into the caller's tensors must not change what has been checked
            indptr, indices = indptr.clone(), indices.clone()
        self._structure = Structure(indptr.contiguous(), indices.contiguous(), columns)
        self.permutation: Tensor | None = None
        self._transposed: Adjacency | None = None
        self.values = self._checked_values(values)

    @classmethod
    def _of(cls, structure: Structure, values: Tensor | None, permutation: Tensor | None) -> Adjacency:
        adj = cls.__new__(cls)
        adj._structure, adj.values, adj.permutation, adj._transposed = structure, values, permutation, None
        return adj

    @classmethod
    def from_edges(
        cls,
        rows: Tensor,
        cols: Tensor,
        values: Tensor | None = None,
        *,
        num_rows: int,
        num_cols: int | None = None,
        sort_columns: bool = False,
    ) -> Adjacency:
        """Group entries by row with a counting sort, O(num_entries + num_rows).

        The entries of a row keep their order, or ascend by column with ``sort_columns``; repeated entries are kept.
        ``values`` are in the order of the edges.
        """
        columns = num_rows if num_cols is None else int(num_cols)
        if num_rows < 0 or columns < 0:
            raise ValueError(f"num_rows and num_cols must not be negative, got {num_rows} and {columns}.")
        rows, cols = plain(rows), plain(cols)
        for name, ids in (("rows", rows), ("cols", cols)):
            if not isinstance(ids, Tensor) or ids.dtype not in (torch.int32, torch.int64) or ids.dim() != 1:
                raise TypeError(f"{name} must be a one-dimensional int32 or int64 tensor, got {describe(ids)}.")
        if rows.shape != cols.shape or rows.dtype != cols.dtype or rows.device != cols.device:
            raise ValueError(
                "rows and cols must have the same shape, dtype and device; "
                f"got {describe(rows)} on {rows.device} and {describe(cols)} on {cols.device}."
            )
        if checking():
            check_rows("cols", cols, columns)
        first = _group(cols, None, columns)[1] if sort_columns else None
        indptr, order = _group(rows, first, num_rows)
        adj = cls._of(Structure(indptr, cols.index_select(0, order), columns), None, order)
        if values is not None:
            if not isinstance(values, Tensor) or values.dim() not in (1, 2) or len(values) != len(rows):
                raise ValueError(f"values must have one row per edge, {len(rows)}; got {describe(values)}.")
            adj.values = adj._checked_values(values.index_select(0, order))
        return adj

    @classmethod
    def from_edge_index(
        cls,
        edge_index: Tensor,
        values: Tensor | None = None,
        *,
        num_nodes: int | None = None,
        sort_columns: bool = False,
    ) -> Adjacency:
        """From a PyG ``edge_index`` of shape (2, num_edges): row = target, column = source."""
        ends = plain(edge_index)
        if not isinstance(ends, Tensor) or ends.dim() != 2 or len(ends) != 2:
            raise ValueError(f"edge_index must be a tensor of shape (2, num_edges), got {describe(edge_index)}.")
        if num_nodes is None:
            num_nodes = int(ends.max()) + 1 if ends.numel() else 0
        return cls.from_edges(ends[1], ends[0], values, num_rows=num_nodes, sort_columns=sort_columns)

    @classmethod
    def from_graph(cls, graph: Graph) -> Adjacency:
        """Out-neighbors of a Graph, with its weights as values; shares memory with the Graph."""
        indptr, indices = shared(graph.indptr), shared(graph.indices)
        structure = Structure(indptr, indices, graph.num_nodes, symmetric=not graph.directed and graph.weights is None)
        return cls._of(structure, None if graph.weights is None else shared(graph.weights), None)

    @property
    def indptr(self) -> Tensor:
        """Row offsets, int64 of shape (num_rows + 1,)."""
        return self._structure.indptr

    @property
    def indices(self) -> Tensor:
        """Column ids, int32 or int64 of shape (num_entries,)."""
        return self._structure.indices

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return len(self._structure.indptr) - 1

    @property
    def num_cols(self) -> int:
        """Number of columns."""
        return self._structure.num_cols

    @property
    def num_entries(self) -> int:
        """Number of stored entries."""
        return len(self._structure.indices)

    @property
    def device(self) -> torch.device:
        """Device of the tensors."""
        return self._structure.indices.device

    def rows(self) -> Tensor:
        """Row id of every entry, in the dtype of ``indices``; computed once."""
        return self._structure.rows()

    def degree(self) -> Tensor:
        """Number of entries per row, int64 of shape (num_rows,)."""
        indptr = self._structure.indptr
        return indptr[1:] - indptr[:-1]

    def t(self) -> Adjacency:
        """Transpose. Its structure is computed once; the permutation of the values is differentiable."""
        if self.values is None and self._transposed is not None:
            return self._transposed
        structure, values = self._structure.transposed(), self.values
        if values is not None:
            values = values.index_select(0, self._structure.order())
        adj = Adjacency._of(structure, values, None)
        if values is None and eager():
            self._transposed = adj
        return adj

    def with_values(self, values: Tensor | None) -> Adjacency:
        """Same structure with other values, in the order of the entries (see :meth:`entry_order`)."""
        return Adjacency._of(self._structure, self._checked_values(values), self.permutation)

    def entry_order(self, per_edge: Tensor) -> Tensor:
        """Permute a tensor with one row per edge of the original list into the order of the entries."""
        return per_edge if self.permutation is None else per_edge.index_select(0, self.permutation)

    def to(self, device: torch.device | str) -> Adjacency:
        """Copy to a device; returns itself if it is already there."""
        if torch.device(device) == self.device:
            return self
        s = self._structure
        structure = Structure(s.indptr.to(device), s.indices.to(device), s.num_cols, symmetric=s.symmetric)
        move = [None if part is None else part.to(device) for part in (self.values, self.permutation)]
        return Adjacency._of(structure, move[0], move[1])

    def to_torch(self) -> Tensor:
        """Convert to ``torch.sparse_csr_tensor``; values must be one-dimensional."""
        values = torch.ones(self.num_entries, device=self.device) if self.values is None else self.values
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            return torch.sparse_csr_tensor(
                self.indptr.to(self.indices.dtype),
                self.indices,
                values,
                (self.num_rows, self.num_cols),
                check_invariants=False,
            )

    def to_dense(self) -> Tensor:
        """Dense matrix with repeated entries summed, for small examples and tests."""
        values = torch.ones(self.num_entries, device=self.device) if self.values is None else self.values
        dense = torch.zeros(self.num_rows, self.num_cols, *values.shape[1:], dtype=values.dtype, device=self.device)
        return dense.index_put((self.rows().long(), self.indices.long()), values, accumulate=True)

    def _checked_values(self, values: Tensor | None) -> Tensor | None:
        if values is None:
            return None
        values = plain(values)
        if not isinstance(values, Tensor) or not values.is_floating_point():
            raise TypeError(f"values must be a floating-point tensor, got {describe(values)}.")
        if values.dim() not in (1, 2) or len(values) != self.num_entries:
            raise ValueError(
                f"values must have shape ({self.num_entries},) or ({self.num_entries}, heads); got {describe(values)}."
            )
        if values.device != self.device:
            raise ValueError(f"values are on {values.device}, but the adjacency is on {self.device}.")
        return values

    def __repr__(self) -> str:
        dtype = str(self.indices.dtype).removeprefix("torch.")
        extra = "" if self.values is None else f", values={describe(self.values)}"
        return (
            f"Adjacency(shape=({self.num_rows}, {self.num_cols}), entries={self.num_entries}, indices={dtype}{extra})"
        )


class Structure:
    """Positions of the entries, and everything derived from them, computed on first use."""

    __slots__ = (
        "__weakref__",
        "_ascending",
        "_order",
        "_original",
        "_rows",
        "_transposed",
        "_versions",
        "indices",
        "indptr",
        "num_cols",
        "symmetric",
    )

    def __init__(self, indptr: Tensor, indices: Tensor, num_cols: int, *, symmetric: bool = False) -> None:
        self.indptr, self.indices, self.num_cols, self.symmetric = indptr, indices, num_cols, symmetric
        self._versions = _versions(indptr, indices)
        self._rows: Tensor | None = None
        self._transposed: Structure | None = None
        # The structure that this is the transpose of. Weak, because a reference cycle would keep both alive until the
        # garbage collector runs, and structures made for every batch would pile up.
        self._original: weakref.ref[Structure] | None = None
        self._order: Tensor | None = None
        self._ascending: bool | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Structure, symmetric=self.symmetric), (self.indptr, self.indices, self.num_cols)

    def check_unchanged(self) -> None:
        """Raise if the tensors were written into since: what is derived from them would be wrong."""
        if self._versions is None or torch.compiler.is_compiling():
            return
        # Compared first: this is half of the time that the check adds to a product of a tiny matrix.
        if (self.indptr._version, self.indices._version) != self._versions and eager():
            raise RuntimeError(
                "indptr or indices of the adjacency were written into; make a new Adjacency from the changed tensors."
            )

    def ascending(self) -> bool:
        """Whether the columns of every row are ascending; repeats are allowed. Computed once."""
        if self._ascending is None:
            falls = self.indices[1:] < self.indices[:-1]
            starts = self.indptr[1:-1]
            falls[starts[(starts > 0) & (starts < len(self.indices))] - 1] = False
            self._ascending = not bool(falls.any())
        return self._ascending

    def rows(self) -> Tensor:
        if self._rows is not None:
            return self._rows
        rows = entry_rows(self.indptr, self.indices)
        if eager():
            self._rows = rows
        return rows

    def transposed(self) -> Structure:
        if self.symmetric:
            return self
        if self._transposed is not None:
            return self._transposed
        original = None if self._original is None else self._original()
        if original is not None:
            return original
        indptr, order = _group(self.indices, None, self.num_cols)
        transposed = Structure(indptr, self.rows().index_select(0, order), len(self.indptr) - 1)
        if eager():
            self._transposed, self._order = transposed, order
            transposed._original = weakref.ref(self)
        return transposed

    def order(self) -> Tensor:
        """For each entry of the transpose, the corresponding entry of this structure, int64."""
        if self._order is not None:
            return self._order
        order = _group(self.indices, None, self.num_cols)[1]
        if eager():
            self._order = order
        return order


def _versions(*tensors: Tensor) -> tuple[int, ...] | None:
    """How often tensors were written into; None where torch does not count it."""
    if not eager() or any(tensor.is_inference() for tensor in tensors):
        return None
    return tuple(tensor._version for tensor in tensors)


def as_adjacency(obj: Any) -> Adjacency:
    """Turn anything graph-like into an :class:`Adjacency`.

    Parameters
    ----------
    obj : Adjacency, torch sparse matrix, PyG EdgeIndex, Relation, or anything :func:`graphrep.as_graph` takes
        Types of edges are ignored: edges of several types between two nodes are one entry with the sum of the weights.
        A :class:`graphrep.Relation` gives a rectangular adjacency. Rows of a sparse matrix stay rows; the rows of an
        EdgeIndex are its targets.

    Returns
    -------
    Adjacency
        The adjacency of a Graph is cached on the Graph, so that its transpose is computed once.

    Examples
    --------
    >>> import graphrep as gr
    >>> gr.ops.as_adjacency(gr.as_graph([(0, 1), (1, 2)], directed=False))
    Adjacency(shape=(3, 3), entries=4, indices=int32)
    """
    if isinstance(obj, Adjacency):
        obj._structure.check_unchanged()
        return obj
    if isinstance(obj, Tensor) and type(obj).__name__ == "EdgeIndex":
        size = obj.sparse_size()  # type: ignore[attr-defined]
        ends = plain(obj)
        rows, cols = (
            size[axis] if size[axis] is not None else (int(ends.max()) + 1 if ends.numel() else 0) for axis in (1, 0)
        )
        return Adjacency.from_edges(ends[1], ends[0], num_rows=rows, num_cols=cols)
    if isinstance(obj, Tensor) and obj.layout in (torch.sparse_csr, torch.sparse_coo):
        if obj.layout is torch.sparse_coo:
            coo = obj.coalesce()
            rows, cols = coo.indices()
            return Adjacency.from_edges(rows, cols, coo.values(), num_rows=obj.shape[0], num_cols=obj.shape[1])
        return Adjacency(obj.crow_indices().long(), obj.col_indices(), obj.values(), num_cols=obj.shape[1])
    if isinstance(obj, Relation):
        values = None if obj.weights is None else shared(obj.weights)
        return Adjacency._of(Structure(shared(obj.indptr), shared(obj.indices), obj.num_targets), values, None)
    graph: Graph = untyped_graph(obj)
    if "adjacency" not in graph._cache:
        graph._cache["adjacency"] = Adjacency.from_graph(graph)
    adj: Adjacency = graph._cache["adjacency"]
    return adj


def describe(value: Any) -> str:
    """Short description of an argument for an error message."""
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} tensor of shape {tuple(value.shape)}"
    return type(value).__name__


def shared(array: np.ndarray[Any, Any]) -> Tensor:
    """Tensor that shares the memory of an array; the array may be read-only, since no op writes to its inputs."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)


def entry_rows(indptr: Tensor, indices: Tensor) -> Tensor:
    """Row id of every entry, in the dtype of ``indices``."""
    counts = indptr[1:] - indptr[:-1]
    ids = torch.arange(counts.shape[0], dtype=indices.dtype, device=indices.device)
    return torch.repeat_interleave(ids, counts, output_size=indices.shape[0])


def transposed_entries(indptr: Tensor, indices: Tensor, num_cols: int) -> tuple[Tensor, Tensor, Tensor]:
    """Offsets and row ids of the transpose, and the permutation of the entries.

    For derivatives that did not receive the transpose cached by :class:`Structure`.
    """
    t_indptr, order = group_by_key(indices, None, num_cols)
    return t_indptr, entry_rows(indptr, indices).index_select(0, order), order


def _group(keys: Tensor, first: Tensor | None, num_keys: int) -> tuple[Tensor, Tensor]:
    """Stable counting sort: offsets of each key, and the positions sorted by key."""
    indptr, order = group_by_key(keys.contiguous(), first, num_keys)
    return indptr, order


def _group_native(keys: Tensor, first: Tensor | None, num_keys: int) -> tuple[Tensor, Tensor]:
    indptr, order = keys.new_empty(num_keys + 1, dtype=torch.int64), torch.empty_like(keys, dtype=torch.int64)
    bad = _core.group_by_key(
        SCALARS[keys.dtype],
        keys,
        first,
        num_keys,
        indptr,
        order,
        threads(),
    )
    if bad >= 0:
        raise IndexError(f"row ids must lie in [0, {num_keys}), got {int(keys[bad])} at entry {bad}.")
    return indptr, order


def _group_reference(keys: Tensor, first: Tensor | None, num_keys: int) -> tuple[Tensor, Tensor]:
    check_rows("row ids", keys, num_keys)
    at = torch.arange(len(keys), device=keys.device) if first is None else first
    order = at.index_select(0, keys.index_select(0, at).argsort(stable=True))
    counts = torch.bincount(keys, minlength=num_keys)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)]), order


def _group_fake(keys: Tensor, first: Tensor | None, num_keys: int) -> tuple[Tensor, Tensor]:
    return keys.new_empty(num_keys + 1, dtype=torch.int64), torch.empty_like(keys, dtype=torch.int64)


group_by_key = Op(
    "group_by_key",
    "(Tensor keys, Tensor? first, SymInt num_keys) -> (Tensor, Tensor)",
    native=_group_native,
    reference=_group_reference,
    triton=lambda: _group_reference,  # torch's own sort is fast on a GPU
    fake=_group_fake,
)
