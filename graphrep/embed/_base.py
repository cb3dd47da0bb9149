"""Base of the embedders of this package: finishing steps as a parameter, for fitted and for new nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrep._embedder import F32, GraphEmbedder, extended_graph
from graphrep.embed.finishing import Finish, checked_steps, finish_again, finished

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NodeEmbedder"]


@dataclass(kw_only=True, eq=False, repr=False)
class NodeEmbedder(GraphEmbedder):
    """A :class:`GraphEmbedder` with the parameter ``finish``; subclasses keep the fitted graph as ``_graph``."""

    finish: str | Sequence[str] | None = None

    def _fit(self, graph: Any, **options: Any) -> Self:
        steps = checked_steps(self.finish)
        super()._fit(graph, **options)
        self._unfinished = self.embedding_
        self.embedding_, self._finishes = finished(self._graph, self.embedding_, steps, getattr(self, "n_jobs", None))
        return self

    def _finish_rows(self, arcs: Any, rows: F32) -> F32:
        """The finishing steps for the vectors of new nodes with these arcs to the fitted nodes, a CSR matrix."""
        if not self._finishes:
            return rows
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
        if unfinished.shape != vectors.shape or any(finish.rotation.shape != width for finish in finishes):
            raise ValueError("vectors differ in size")
        super()._restore(state | {"_unfinished": unfinished, "_finishes": finishes})
