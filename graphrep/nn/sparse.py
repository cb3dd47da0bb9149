"""Sparse node features, such as bags of words, as input of a linear layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from graphrep._checks import checked_features
from graphrep.nn.generators import using_rows
from graphrep.nn.layers import drop
from graphrep.ops.adjacency import Adjacency, Structure, shared
from graphrep.ops.sparse_dense import spmm

__all__ = ["SparseFeatures", "as_features", "feature_rows"]

Tensor = torch.Tensor

_SPARSE_BELOW = 0.2  # fraction of non-zeros below which features are multiplied as a sparse matrix


class SparseFeatures:
    r"""A float32 feature matrix with few non-zero entries, multiplied without a dense copy.

    Dropout maps zeros to zeros, so it is applied only to the non-zero entries.

    Parameters
    ----------
    x : scipy.sparse matrix, array or tensor of shape (num_nodes, num_features)

    Attributes
    ----------
    shape : tuple of int

    Examples
    --------
    >>> import torch
    >>> from graphrep.nn import SparseFeatures
    >>> x = SparseFeatures([[0.0, 2.0], [0.0, 0.0]])
    >>> x.matmul(torch.tensor([[1.0], [10.0]])).ravel()
    tensor([20.,  0.])
    """

    _entries: Tensor | None = None  # positions in the whole matrix, of which this is a part

    def __init__(self, x: Any) -> None:
        matrix = sp.csr_array(checked_features("x", x))
        indptr = torch.from_numpy(matrix.indptr.astype(np.int64))
        indices = torch.from_numpy(matrix.indices.astype(np.int64))
        values = torch.from_numpy(np.array(matrix.data))
        self._matrix = Adjacency(indptr, indices, values, num_cols=matrix.shape[1])
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))

    @classmethod
    def from_adjacency(cls, matrix: Adjacency) -> SparseFeatures:
        """Features from a sparse matrix of float32 tensors, sharing its memory."""
        features = cls.__new__(cls)
        features._matrix, features.shape = matrix, (matrix.num_rows, matrix.num_cols)
        return features

    def matmul(self, weight: Tensor, *, dropout: float = 0.0, training: bool = False) -> Tensor:
        """Product with a dense (num_features, columns) matrix; in training, with dropout of the features."""
        matrix, entries = self._matrix, self._entries
        if training and dropout:
            assert matrix.values is not None
            with using_rows(entries, None):  # some rows drop what they drop among all rows
                values = drop(matrix.values if entries is None else matrix.values[:, None], dropout, training=True)
            matrix = matrix.with_values(values.view(-1))
        product: Tensor = spmm(matrix, weight)
        return product

    def rows(self, ids: Tensor) -> SparseFeatures:
        """The rows with these numbers, an int64 tensor."""
        matrix = self._matrix
        counts = matrix.degree().index_select(0, ids)
        indptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        first = matrix.indptr.index_select(0, ids) - indptr[:-1]
        at = torch.arange(int(indptr[-1]), device=ids.device) + first.repeat_interleave(counts)
        structure = Structure(indptr, matrix.indices.index_select(0, at), matrix.num_cols)
        values = None if matrix.values is None else matrix.values.index_select(0, at)
        part = SparseFeatures.from_adjacency(Adjacency._of(structure, values, None))
        part._entries = at if self._entries is None else self._entries.index_select(0, at)
        return part

    def to(self, device: torch.device | str) -> SparseFeatures:
        """Copy on another device."""
        features = SparseFeatures.from_adjacency(self._matrix.to(device))
        features._entries = None if self._entries is None else self._entries.to(device)
        return features

    def to_dense(self) -> Tensor:
        """Dense float32 tensor."""
        return self._matrix.to_dense()


def feature_rows(x: Tensor | SparseFeatures, ids: Tensor) -> Any:
    """Rows of features, of which a mapped file is read only there; successive ones of a tensor are not copied."""
    if isinstance(x, SparseFeatures):
        return x.rows(ids)
    first, last = (int(ids[0]), int(ids[-1])) if len(ids) else (0, -1)
    if last - first + 1 == len(ids) and bool((ids.diff() == 1).all()):
        return x[first : last + 1]
    return x.index_select(0, ids)


def as_features(x: Any, device: torch.device) -> Any:
    """Features as :class:`SparseFeatures` or, if many are non-zero, a float32 tensor; ValueError if not finite.

    The tensor shares the memory of a float32 array, which may be read-only, or mapped from a file.
    """
    table = checked_features("x", x)
    filled = table.nnz if sp.issparse(table) else np.count_nonzero(table)
    if filled / max(1, table.shape[0] * table.shape[1]) < _SPARSE_BELOW:
        return SparseFeatures(table).to(device)
    return shared(table.toarray() if sp.issparse(table) else table).to(device)
