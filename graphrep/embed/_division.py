"""How the ranks divide a fit: the columns of products, on a graph that each of them has, or the rows of everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from graphrep._embedder import F32
from graphrep._rows import Arcs
from graphrep.csr import CSR, double_cover, transpose_csr
from graphrep.distributed.halo import HaloArcs, RowGraph, balanced_parts
from graphrep.distributed.ranks import Ranks
from graphrep.distributed.rows import DividedRows, HaloRows
from graphrep.embed._on_disk import PER_NODE_OF_ALL, columns_within
from graphrep.graph import Graph
from graphrep.ops.tall import share_rows

__all__ = ["Division", "Needs", "RowDivision"]


class Needs(NamedTuple):
    """Bytes of a learner whose rows are divided.

    Attributes
    ----------
    width : int
        Columns of the blocks that are multiplied.
    row : int
        Bytes for each own row of them.
    arc : int
        Bytes for each own arc, beside the arcs themselves.
    gram : int
        Columns of the widest block of which inner products are computed.
    fixed : int
        Other bytes.
    """

    width: int
    row: int
    arc: int = 0
    gram: int = 0
    fixed: int = 0


class Division:
    """Products of some of the columns, on all arcs; sums and small products of some of the rows.

    Attributes
    ----------
    ranks : Ranks
    settings : dict
        What the ranks must agree on.
    in_file : bool
        Whether the vectors go to a file, and nothing else of their size is kept.
    """

    by_rows = False

    def __init__(self, ranks: Ranks, n_jobs: int | None, *, in_file: bool = False) -> None:
        self.ranks, self._n_jobs, self.in_file = ranks, n_jobs, in_file
        self.settings: dict[str, Any] = {}

    def arcs(self, graph: Graph) -> tuple[Arcs, DividedRows]:
        """The arcs of a graph, and the rows of blocks that they are multiplied with."""
        return Arcs(graph, self._n_jobs), DividedRows(graph.num_nodes, self.ranks, self._n_jobs)

    def per_arc(self, pieces: Iterable[tuple[F32, ...]], num_arcs: int, count: int) -> list[F32]:
        """Arrays with a number per arc, of pieces that follow each other."""
        out = [np.empty(num_arcs, dtype=np.float32) for _ in range(count)]
        begin = 0
        for parts in pieces:
            for array, part in zip(out, parts, strict=True):
                array[begin : begin + len(part)] = part
            begin += len(parts[0])
        return out

    def whole(self, graph: Graph, vectors: F32) -> F32:
        """All vectors, of those of the nodes of this rank."""
        return DividedRows(graph.num_nodes, self.ranks).whole(vectors)

    def undirected(self, graph: Graph) -> tuple[Arcs, DividedRows]:
        """Those of :meth:`graphrep.Graph.to_undirected`."""
        return self.arcs(graph.to_undirected())

    def cover(self, graph: Graph) -> tuple[Arcs, DividedRows]:
        """Those of :func:`graphrep.csr.double_cover` of a directed graph."""
        csr = CSR(graph.indptr, graph.indices, graph.weights)
        both = Graph._trusted(double_cover(csr, transpose_csr(csr)), directed=False)
        share = 2 * share_rows(graph.num_nodes)
        return Arcs(both, self._n_jobs), DividedRows(both.num_nodes, self.ranks, self._n_jobs, share=share)


class RowDivision(Division):
    """Arcs, blocks and products of some of the rows, within so much memory."""

    by_rows = True

    def __init__(self, ranks: Ranks, n_jobs: int | None, memory: int, needs: Needs) -> None:
        super().__init__(ranks, n_jobs, in_file=True)
        self._memory, self._needs = memory, needs
        self.settings = {"memory": memory, "shard": "rows"}
        self.begin = 0  # of the nodes of this rank

    def arcs(self, graph: Graph) -> tuple[Arcs, DividedRows]:
        """The own arcs of a graph, and the rows of blocks that they are multiplied with."""
        return self._divided(graph, "arcs")

    def undirected(self, graph: Graph) -> tuple[Arcs, DividedRows]:
        """Those of :meth:`graphrep.Graph.to_undirected`."""
        return self._divided(graph, "undirected")

    def cover(self, graph: Graph) -> tuple[Arcs, DividedRows]:
        """Those of :func:`graphrep.csr.double_cover` of a directed graph."""
        return self._divided(graph, "cover")

    def _divided(self, graph: Graph, form: str) -> tuple[Arcs, DividedRows]:
        share = share_rows(graph.num_nodes)
        self.begin, end = balanced_parts(graph, self.ranks, share)[self.ranks.rank]
        nodes = end - self.begin
        needs, several = self._needs, 2 if form == "cover" else 1
        per_arc = graph.indices.itemsize + (0 if graph.weights is None else 4)
        of_all = PER_NODE_OF_ALL * several * graph.num_nodes

        def width(arcs: int, halo: tuple[int, int] = (0, 0)) -> int:
            rows, shares = several * nodes, -(-nodes // share)
            fixed = (per_arc + needs.arc) * arcs + needs.row * rows + 20 * sum(halo) + needs.fixed + of_all
            fixed += 8 * needs.gram**2 * (3 * shares + 8)
            return columns_within(self._memory, fixed, 4 * (2 * rows + sum(halo)), needs.width, self.ranks)

        def exchange(arcs: int) -> None:
            columns_within(self._memory, (2 * per_arc + 32) * arcs + of_all, 1, needs.width, self.ranks)

        # Before arcs are read, before those of others come, and with the halo.
        width(int(graph.indptr[end] - graph.indptr[self.begin]))
        rows = RowGraph(graph, self.ranks, share, form=form, room=exchange)
        columns = min(self.ranks.tell("the width", width(len(rows.csr.indices), rows.sizes)))
        arcs = HaloArcs(rows, self.ranks, columns, weighted=graph.weights is not None, n_jobs=self._n_jobs)
        share *= rows.size // graph.num_nodes
        return arcs, HaloRows(rows.size, self.ranks, self._n_jobs, share=share, parts=rows.parts)
