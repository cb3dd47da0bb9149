"""Entries of a sparse matrix in blocks of whole rows, for what needs a vector per entry but need not store it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from graphrep.ops import Adjacency, segment_csr

__all__ = ["BLOCK", "blocks", "summed"]

Tensor = torch.Tensor
BLOCK = {"cpu": 1 << 18, "cuda": 1 << 24}  # numbers; on a CPU they fit into the cache


def blocks(adj: Adjacency, width: int) -> Iterator[tuple[slice, slice]]:
    """Rows and their entries, with about ``BLOCK`` numbers if an entry has ``width``; a longer row stays whole."""
    step = max(256, BLOCK[adj.device.type] // max(1, width))
    wanted = torch.arange(0, adj.num_entries, step, device=adj.device)
    first = torch.unique_consecutive(torch.searchsorted(adj.indptr, wanted)) if adj.num_entries else wanted
    rows = [*first.tolist(), adj.num_rows]
    entries = adj.indptr.index_select(0, torch.tensor(rows, device=adj.device)).tolist()
    for at in range(len(rows) - 1):
        if entries[at] < entries[at + 1]:
            yield slice(rows[at], rows[at + 1]), slice(entries[at], entries[at + 1])


def summed(adj: Adjacency, rows: slice, per_entry: Tensor) -> Tensor:
    """Sums over the entries of each of these rows."""
    offsets = adj.indptr[rows.start : rows.stop + 1]
    out: Tensor = segment_csr(per_entry, offsets - offsets[0], reduce="sum")
    return out
