"""Skip-gram tables divided among ranks: each keeps some rows of x, and the rows of y go around."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep.distributed.ranks import Ranks
from graphrep.ops.skipgram import SkipGram

__all__ = ["SharedSkipGram"]

F32 = npt.NDArray[np.float32]


class SharedSkipGram:
    """A :class:`graphrep.ops.SkipGram` that ranks train together, none of them the rows of another at the same time.

    Nodes are dealt to the ranks in the order of their counts, so that all have about equally many tokens. A rank keeps
    the vectors x of its nodes; the vectors y of its nodes go from rank to rank, until each has had all of them.

    Parameters
    ----------
    ranks : Ranks
    num_nodes, dimensions : int
    counts : int array of shape (num_nodes,)
    node_keys : uint64 array of shape (num_nodes,), optional
    dtype : dtype
        Of the walks.
    **options
        Of :class:`graphrep.ops.SkipGram`, but for tied tables and kinds.

    Attributes
    ----------
    model : SkipGram
        What this rank has of the tables, with the nodes in another order.
    nodes : int array
        Nodes of the rows of ``model.input``.
    """

    def __init__(
        self, ranks: Ranks, num_nodes: int, dimensions: int, *, counts: Any, node_keys: Any, dtype: Any, **options: Any
    ) -> None:
        size = ranks.world_size
        dealt = np.argsort(-counts, kind="stable")
        ends = itertools.accumulate(len(range(rank, num_nodes, size)) for rank in range(size))
        parts = list(itertools.pairwise([0, *ends]))
        order = np.concatenate([dealt[rank::size] for rank in range(size)])
        keys = order.astype(np.uint64) if node_keys is None else node_keys[order]
        self.model = SkipGram(
            num_nodes, dimensions, counts=counts[order], node_keys=keys, parts=parts, part=ranks.rank, **options
        )
        self._ranks = ranks
        self.nodes = order[slice(*parts[ranks.rank])]
        self._place = np.full(num_nodes + 1, -1, dtype)  # the last entry is that of the end of a walk
        self._place[order] = np.arange(num_nodes)

    def places(self, walks: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The walks as :meth:`train` takes them."""
        placed: npt.NDArray[Any] = self._place[walks]
        return placed

    def train(self, walks: npt.NDArray[Any], walk_ids: npt.NDArray[np.int64], first: int, total: int) -> None:
        """Train on walks, which are the same on every rank."""
        model, size = self.model, self._ranks.world_size
        for _ in range(size):
            model.train_unchecked(walks, walk_ids, first, total)
            before, after = (model.part - 1) % size, (model.part + 1) % size
            begin, end = model.parts[(model.held + 1) % size]
            sent = [len(model.output) * (rank == before) for rank in range(size)]
            received = [(end - begin) * (rank == after) for rank in range(size)]
            model.hold((model.held + 1) % size, self._ranks.swap("vectors of contexts", model.output, sent, received))

    def tables(self) -> tuple[F32, F32]:
        """Tables x and y of all nodes, on every rank; the model is given up."""
        model = self.model
        del self.model
        output = self._whole("vectors of contexts", model, "output")
        return self._whole("vectors", model, "input"), output

    def _whole(self, step: str, model: SkipGram, name: str) -> F32:
        whole: F32 = self._ranks.gather(step, getattr(model, name), model.num_nodes, parts=model.parts)
        delattr(model, name)
        for begin in range(0, whole.shape[1], 16):  # a copy of some columns at a time
            columns = slice(begin, begin + 16)
            whole[:, columns] = whole[self._place[:-1], columns]
        return whole
