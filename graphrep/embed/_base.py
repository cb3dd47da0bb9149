"""Bases of the embedders of this package: new nodes, finishing steps as a parameter, sources and targets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from graphrep._checks import checked_int
from graphrep._embedder import (
    F32,
    GraphEmbedder,
    extended_graph,
    is_matrix,
    new_arcs,
    new_arcs_of_both_directions,
    plain_settings,
)
from graphrep._estimator import graph_sizes
from graphrep._memory import Estimate, checked_bytes
from graphrep._progress import progress_bar
from graphrep._random import resolve_seed
from graphrep._threads import resolve_threads
from graphrep._version import __version__
from graphrep.distributed.halo import agree_on_graph
from graphrep.distributed.ranks import checked_ranks
from graphrep.embed._blocks_on_disk import DiskDivision, DiskNeeds, chunks_of, sizes_in_blocks
from graphrep.embed._division import Division, Needs, RowDivision
from graphrep.embed._on_disk import write_by_rows
from graphrep.embed.finishing import Finish, checked_steps, finish_again, finished, is_centering
from graphrep.graph import Graph, untyped_graph
from graphrep.io.paths import checked_suffix
from graphrep.io.vector_paths import check_vector_path
from graphrep.learn.checkpoint import digest

if TYPE_CHECKING:
    from typing_extensions import Self

    from graphrep.distributed import Ranks

__all__ = [
    "DividedEmbedder",
    "EmbedderOnDisk",
    "Estimate",
    "NodeEmbedder",
    "ShardedEmbedder",
    "TwoSidedEmbedder",
    "is_by_rows",
]


@dataclass(kw_only=True, eq=False, repr=False)
class NodeEmbedder(GraphEmbedder):
    """A :class:`GraphEmbedder` with the parameter ``finish``; subclasses keep the fitted graph as ``_graph``."""

    _centers_on_disk = False

    finish: str | Sequence[str] | None = None

    def estimate(self, graph: Any) -> Estimate:
        """What ``fit`` will take, without fitting: memory, disk and, roughly, time; finishing steps are not counted.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes

        Returns
        -------
        graphrep.embed.Estimate

        Raises
        ------
        NotImplementedError
            What the estimator needs depends on features, as in MUSAE and AE.

        Examples
        --------
        >>> import networkx as nx
        >>> import graphrep as gr
        >>> gr.Spectral(dimensions=8).estimate(nx.karate_club_graph()).memory
        28020
        """
        if type(self)._memory_needed is GraphEmbedder._memory_needed:
            raise NotImplementedError(f"{type(self).__name__} has no estimate: its memory depends on the features.")
        g = self._validated_graph(graph, reset=False)
        return Estimate(self._memory_needed(g), 0, self._seconds(g))

    def _seconds(self, graph: Graph) -> float | None:
        """The expected time with the threads of the estimator."""
        work = self._thread_seconds(graph)
        return None if work is None else work / resolve_threads(getattr(self, "n_jobs", None))

    def _thread_seconds(self, graph: Graph) -> float | None:
        """The expected time of one thread, without finishing steps; None if unknown."""
        del graph
        return None

    def _checked_for_file(self, graph: Any, out: Path, instead: str) -> Graph:
        """The graph of a fit whose vectors go to a file; ``instead`` is what else to give where all are needed."""
        if checked_steps(self.finish) and not (self._centers_on_disk and is_centering(self.finish)):
            able = 'None or "center"' if self._centers_on_disk else "None"
            raise ValueError(f"finish={self.finish!r} needs all vectors in memory; give finish={able} with {instead}.")
        checked_suffix(out, (".npy",))
        check_vector_path(out, writing=True, sources=[graph] if isinstance(graph, (str, os.PathLike)) else [])
        g = self._validated_graph(graph)
        check_vector_path(out, nodes=g.nodes)
        return g

    def _fitted_on_disk(self, graph: Graph, vectors: F32) -> Self:
        """The estimator with vectors that are mapped from a file."""
        self.embedding_ = self._unfinished = vectors
        self._finishes: list[Any] = []
        self.nodes_ = graph.nodes
        return self

    def _agree(self, ranks: Ranks, graph: Graph, seed: int, options: dict[str, Any], *, by_file: bool = False) -> int:
        """Check that all ranks have the same graph and settings; a seed that each of them drew is that of rank 0.

        ``by_file``: what is known of the arcs of a mapped graph is the digest of its file, so that none reads them all.
        """
        if ranks.world_size == 1:
            return seed
        parameters = self.get_params(deep=False)
        if parameters["random_state"] is None:
            seed = ranks.tell("the seed", seed)[0]
        names = None if graph.node_keys() is None else digest(graph.node_keys())[:16]
        ranks.agree("the settings", {"shard": "rows" if by_file else "columns"})  # first: what follows depends on it
        if by_file:
            agree_on_graph(ranks, graph)
        arcs = None if by_file else digest(graph)[:16]
        ranks.agree("the graph", {**graph_sizes(graph), "the arcs": arcs, "the names": names})
        settings = {name: value for name, value in parameters.items() if name not in ("n_jobs", "progress")}
        settings |= {"random_state": seed, "the version of graphrep": __version__}
        ranks.agree("the settings", plain_settings(settings | options))
        return seed

    def _fit(self, graph: Any, **options: Any) -> Self:
        steps = checked_steps(self.finish)
        super()._fit(graph, **options)
        self._unfinished = self.embedding_
        self.embedding_, self._finishes = finished(self._graph, self.embedding_, steps, getattr(self, "n_jobs", None))
        return self

    def _vectors_of(self, rows: sp.csr_array) -> F32:
        """Unfinished vectors of nodes with these weights of the arcs to the fitted nodes."""
        raise NotImplementedError

    def _new_vectors(self, new: Any, *, undirected: bool = False) -> Any:
        """``transform`` by :meth:`_vectors_of`; ``undirected``: edges of a graph count in both directions."""
        check_is_fitted(self, "embedding_")
        if is_matrix(new):
            rows = self._new_rows(new)
            return self._finish_rows(rows, self._vectors_of(rows))
        names, rows = new_arcs(untyped_graph(new).to_undirected() if undirected else new, self._graph)
        return self._named(names, self._finish_rows(rows, self._vectors_of(rows)))

    def _finish_rows(self, arcs: Any, rows: F32) -> F32:
        """The finishing steps for the vectors of new nodes with these arcs to the fitted nodes, a CSR matrix."""
        if all(finish.step != "smooth" for finish in self._finishes):
            return finish_again(None, rows, self._finishes, getattr(self, "n_jobs", None))
        graph = extended_graph(self._graph, None, arcs)
        vectors = np.concatenate([self._unfinished, rows])
        vectors = finish_again(graph, vectors, self._finishes, getattr(self, "n_jobs", None))
        return np.ascontiguousarray(vectors[self._graph.num_nodes :])

    def _state(self) -> dict[str, Any]:
        if not self._finishes:
            return super()._state()
        steps = [finish._asdict() for finish in self._finishes]
        return super()._state() | {"_unfinished": self._unfinished, "_finishes": steps}

    def _restore(self, state: dict[str, Any]) -> None:
        vectors = state["embedding_"]
        unfinished = state.get("_unfinished", vectors)
        finishes = [Finish(**finish) for finish in state.get("_finishes", ())]
        width = (vectors.shape[1],) * 2 if vectors.ndim == 2 else None
        matrices = [finish.rotation for finish in finishes if finish.rotation is not None]
        if unfinished.shape != vectors.shape or any(matrix.shape != width for matrix in matrices):
            raise ValueError("vectors differ in size")
        super()._restore(state | {"_unfinished": unfinished, "_finishes": finishes})


class EmbedderOnDisk(NodeEmbedder):
    """A :class:`NodeEmbedder` whose ``fit`` takes ``out`` and ``memory``; subclasses say what that needs."""

    def estimate(self, graph: Any, *, memory: int | str | None = None) -> Estimate:
        """What ``fit`` will take, without fitting: memory, disk and, roughly, time; finishing steps are not counted.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
        memory : int or str, optional
            That of :meth:`fit` with ``out=``, for an estimate of a fit on the disk. Reading and writing is assumed to
            take a second per gigabyte.

        Returns
        -------
        graphrep.embed.Estimate

        Raises
        ------
        MemoryError
            ``memory`` is too little, as for :meth:`fit`.

        Examples
        --------
        >>> import graphrep as gr
        >>> g = gr.datasets.rmat(num_nodes=100_000)
        >>> gr.FastRP(dimensions=64).estimate(g).memory
        80802560
        >>> gr.FastRP(dimensions=64).estimate(g, memory="20MB")[:2]
        (16800000, 106594304)
        >>> gr.Spectral(dimensions=64).estimate(g)[:2]
        (73204800, 0)
        >>> gr.Spectral(dimensions=64).estimate(g, memory="20MB")[:2]
        (20000000, 64000000)
        >>> g = gr.datasets.rmat(num_nodes=10_000)
        >>> gr.DeepWalk().estimate(g).memory
        20560000
        >>> gr.DeepWalk().estimate(g, memory="8MB")[:2]
        (6805000, 11840000)
        """
        if memory is None:
            return super().estimate(graph)
        g = self._validated_graph(graph, reset=False)
        return self._estimate_on_disk(g, checked_bytes("memory", memory, 1_000_000))

    def _estimate_on_disk(self, graph: Graph, memory: int) -> Estimate:
        """What a fit with ``out=`` and so many bytes of memory will take."""
        raise NotImplementedError


class DividedEmbedder(EmbedderOnDisk):
    """A :class:`NodeEmbedder` that ranks can compute together; subclasses take ``ranks`` in ``_embed``."""

    _memory_advice = "take fewer dimensions, or give fit out=, which computes on the disk"

    def fit(self, graph: Any, y: Any = None, *, ranks: Ranks | None = None) -> Self:
        """Embed a graph, alone or with other ranks."""
        del y
        return self._fit_together(graph, ranks)

    def fit_transform(self, graph: Any, y: Any = None, *, ranks: Ranks | None = None) -> F32:
        """Embed a graph; return float32 vectors of shape (num_nodes, dimensions), in the order of ``g.nodes``."""
        return self.fit(graph, y, ranks=ranks).embedding_

    def _fit_together(self, graph: Any, ranks: Ranks | None, **options: Any) -> Self:
        checked = checked_ranks(ranks)
        with checked.together():
            return self._fit(graph, ranks=checked, **options)

    def _bar(self, ranks: Ranks, steps: int, unit: str) -> Any:
        """The progress bar, which rank 0 shows."""
        shown = getattr(self, "progress", None) if ranks.rank == 0 else False
        return progress_bar(total=steps, desc=type(self).__name__, unit=unit, progress=shown)


def is_by_rows(shard: str, has_out: bool) -> bool:  # noqa: FBT001
    """Whether ranks divide the rows, which needs a file for the vectors."""
    if shard not in ("columns", "rows"):
        raise ValueError(f'shard must be "columns" or "rows", got {shard!r}.')
    if shard == "rows" and not has_out:
        raise ValueError('shard="rows" leaves no rank with all vectors; give out=, the file for them.')
    return shard == "rows"


class ShardedEmbedder(DividedEmbedder):
    """A :class:`DividedEmbedder` of which ranks compute columns or rows; subclasses implement ``_embed_rows``."""

    dimensions: int
    random_state: Any

    def fit(
        self,
        graph: Any,
        y: Any = None,
        *,
        ranks: Ranks | None = None,
        shard: str = "columns",
        out: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
    ) -> Self:
        """Embed a graph.

        Parameters
        ----------
        graph : Graph or anything :func:`graphrep.as_graph` takes
            A square NumPy array, or list of lists of numbers, is a dense adjacency matrix, as in scikit-learn.
        y : ignored
        ranks : Ranks, optional
            Of :func:`graphrep.distributed.connect`: each computes some of the columns, and then some of the rows. The
            bits are those of one process. All ranks call ``fit`` with the same graph and settings, which is checked,
            and each gets all vectors.
        shard : {"columns", "rows"}
            "rows", with ``out``, for a graph that does not fit one host: each rank reads and holds the arcs and vectors
            of its rows alone, and gets the rows that its arcs lead to from other ranks, before every product. The bits
            are the same. Give a mapped graph (:func:`graphrep.open_graph` with ``verify=False``).
        out : path, optional
            Write the vectors to this ``.npy`` file, as ``node_vectors_.save(out)`` would, bit by bit, and compute on
            the disk what ``memory`` does not hold. ``embedding_`` is mapped from it, read-only. Not with ``finish``.
            Several ranks need ``shard="rows"``, and a disk that all of them see.
        memory : int or str, optional
            With ``out``: bytes that each process may use, such as ``"4GB"`` (the default), beside those of the
            interpreter and its libraries; a mapped graph takes none.

        Returns
        -------
        self

        Raises
        ------
        MemoryError
            The graph does not fit, or ``memory`` is too little for a column, or for the rows of a rank.
        OSError
            The disk is full, or ``out`` cannot be written.
        RankError
            Another rank failed.
        ValueError
            Among others: the ranks disagree on the graph or the settings.

        Notes
        -----
        With ``out`` and less ``memory`` than ``estimate`` says, blocks of vectors lie in files beside ``out`` that go
        with the fit. Products take as many columns at a time as fit, and pass over the arcs once for these; sums,
        rotations and norms take some rows at a time. ``estimate(graph, memory=...)`` says how much disk that needs.
        """
        del y
        return self._fit_together(graph, ranks, shard=shard, out=out, memory=memory)

    def fit_transform(
        self,
        graph: Any,
        y: Any = None,
        *,
        ranks: Ranks | None = None,
        shard: str = "columns",
        out: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
    ) -> F32:
        """Embed a graph; return float32 vectors of shape (num_nodes, dimensions), in the order of ``g.nodes``.

        The parameters are those of :meth:`fit`.
        """
        return self.fit(graph, y, ranks=ranks, shard=shard, out=out, memory=memory).embedding_

    def _fit_together(
        self,
        graph: Any,
        ranks: Ranks | None,
        *,
        shard: str = "columns",
        out: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
        **options: Any,
    ) -> Self:
        checked = checked_ranks(ranks)
        by_rows = is_by_rows(shard, out is not None)
        if checked.world_size > 1 and out is not None and not by_rows:
            raise ValueError(
                f'{type(self).__name__} on several ranks writes to out= by rows; give shard="rows", or leave out out=.'
            )
        with checked.together():
            if out is None:
                if memory is not None:
                    raise TypeError("memory= bounds a fit whose vectors go to a file; give out=, too, or leave it out.")
                return self._fit(graph, ranks=checked, **options)
            size = checked_bytes("memory", "4GB" if memory is None else memory, 1_000_000)
            fit = self._fit_by_rows if by_rows else self._fit_in_blocks
            return fit(graph, Path(out), size, checked, **options)

    def _fit_by_rows(self, graph: Any, out: Path, memory: int, ranks: Ranks, **options: Any) -> Self:
        g = self._checked_for_file(graph, out, 'shard="rows"')
        division = RowDivision(ranks, getattr(self, "n_jobs", None), memory, self._needs_by_rows(g))
        division.settings["out"] = out.name

        def compute(folder: Path) -> Iterator[tuple[int, F32]]:
            del folder
            vectors = self._embed_rows(g, division, **options)
            yield division.begin, vectors

        dimensions = checked_int("dimensions", self.dimensions, 1)
        return self._fitted_on_disk(g, write_by_rows(g, compute, dimensions, out, ranks))

    def _fit_in_blocks(self, graph: Any, out: Path, memory: int, ranks: Ranks, **options: Any) -> Self:
        g = self._checked_for_file(graph, out, "out=")
        needs = self._needs_on_disk(g)
        n_jobs = getattr(self, "n_jobs", None)
        in_memory = self._memory_needed(g) <= memory
        disk = 0 if in_memory else sizes_in_blocks(g, needs, memory, type(self).__name__)[1]

        def compute(folder: Path) -> Iterator[tuple[int, F32]]:
            division = (
                Division(ranks, n_jobs, in_file=True) if in_memory else DiskDivision(n_jobs, memory, needs, folder)
            )
            yield from chunks_of(self._embed_rows(g, division, **options), memory)

        dimensions = checked_int("dimensions", self.dimensions, 1)
        return self._fitted_on_disk(g, write_by_rows(g, compute, dimensions, out, ranks, disk=disk))

    def _estimate_on_disk(self, graph: Graph, memory: int) -> Estimate:
        result = 4 * graph.num_nodes * checked_int("dimensions", self.dimensions, 1)
        needs, whole, seconds = self._needs_on_disk(graph), self._memory_needed(graph), self._seconds(graph)
        if whole <= memory:
            return Estimate(whole, result, seconds)
        needed, disk = sizes_in_blocks(graph, needs, memory, type(self).__name__)
        return Estimate(needed, max(disk, result), None if seconds is None else seconds + 1e-9 * needs.traffic)

    def _embed(self, graph: Graph, **options: Any) -> F32:
        division = Division(options.pop("ranks"), getattr(self, "n_jobs", None))
        return division.whole(graph, self._embed_rows(graph, division, **options))

    def _embed_rows(self, graph: Graph, division: Division, **options: Any) -> F32:
        """The vectors of the nodes of this rank."""
        raise NotImplementedError

    def _needs_by_rows(self, graph: Graph) -> Needs:
        """What a fit by rows needs; ValueError if there is none of such a graph or with such settings."""
        raise NotImplementedError

    def _needs_on_disk(self, graph: Graph) -> DiskNeeds:
        """What a fit on the disk needs; ValueError if there is none of such a graph or with such settings."""
        raise NotImplementedError

    def _table_of_all(self, table: F32 | None) -> F32:
        """A table beside ``embedding_``, which a fit whose vectors go to a file does not leave."""
        if table is None:
            raise ValueError(
                f"{type(self).__name__} needs a second table of all nodes for new nodes and to be saved, which fit "
                "does not keep with out=; fit without it."
            )
        return table

    def _agreed_seed(self, graph: Graph, division: Division, **given: Any) -> int:
        """The seed of all ranks, which have the same graph and settings."""
        seed = resolve_seed(self.random_state)
        return self._agree(division.ranks, graph, seed, given | division.settings, by_file=division.by_rows)


class TwoSidedEmbedder(NodeEmbedder):
    """Vectors of nodes as sources and as targets, side by side, scaled and finished in ``embedding_``."""

    values_: npt.NDArray[np.float64]
    scale_: float

    @property
    def source_(self) -> F32:
        """X: the vectors of nodes as sources."""
        check_is_fitted(self, "embedding_")
        return np.asarray(self._unfinished[:, : len(self.values_)] / np.float32(self.scale_))

    @property
    def target_(self) -> F32:
        """Y: the vectors of nodes as targets."""
        check_is_fitted(self, "embedding_")
        return np.asarray(self._unfinished[:, len(self.values_) :] / np.float32(self.scale_))

    def _two_sided_vectors(self, rows: sp.csr_array, incoming: sp.csr_array) -> F32:
        """Unfinished vectors of nodes with these weights of the arcs to, and from, the fitted nodes."""
        raise NotImplementedError

    def _new_vectors(self, new: Any, *, undirected: bool = False) -> Any:
        """``transform`` by :meth:`_two_sided_vectors`; a matrix for a directed graph has no arcs to the new nodes."""
        del undirected
        check_is_fitted(self, "embedding_")
        if is_matrix(new):
            rows = self._new_rows(new)
            incoming = sp.csr_array(rows.shape) if self._graph.directed else rows
            return self._finish_rows(rows, self._two_sided_vectors(rows, incoming))
        names, rows, incoming = new_arcs_of_both_directions(new, self._graph)
        return self._named(names, self._finish_rows(rows, self._two_sided_vectors(rows, incoming)))
