"""Sparse matrices of odd shapes for the tests of tensor ops."""

from __future__ import annotations

import torch

from graphrep.ops import Adjacency

FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
# rows, columns, entries: nothing, one node with and without a loop, more of each than the other, no multiple of a block
SHAPES = [(0, 0, 0), (0, 3, 0), (3, 0, 0), (1, 1, 0), (1, 1, 3), (5, 7, 0), (7, 5, 20), (40, 33, 300), (3, 200, 900)]


def random_adjacency(rows, cols, entries, *, ids=torch.int64, heads=None, dtype=torch.float64, seed=0):
    """A hub, empty rows, repeated entries and self loops; values of shape (entries,) for heads=0."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(2, entries, generator=generator, dtype=torch.float64)
    row = (draw[0] ** 3 * 0.9 * rows).to(ids)
    col = (draw[1] * cols).to(ids)
    values = None
    if heads is not None:
        shape = (entries, heads) if heads else (entries,)
        values = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return Adjacency.from_edges(row, col, values, num_rows=rows, num_cols=cols)
