"""Skip-gram tables divided into parts: among ranks, each of which keeps some rows of x while those of y go around."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep.distributed.ranks import Ranks
from graphrep.ops.skipgram import SkipGram

__all__ = ["Dealt", "SharedSkipGram"]

F32 = npt.NDArray[np.float32]


class Dealt:
    """Nodes that are dealt to parts in the order of their counts, so that all have about equally many tokens.

    Parameters
    ----------
    counts : int array of shape (num_nodes,)
    size : int
        Number of parts.
    dtype : dtype
        Of the walks.

    Attributes
    ----------
    order : int64 array of shape (num_nodes,)
        Nodes of the first part, of the second, …
    parts : list of (begin, end)
        Where in it they are.
    """

    def __init__(self, counts: npt.NDArray[np.int64], size: int, dtype: Any) -> None:
        n = len(counts)
        dealt = np.argsort(-counts, kind="stable")
        self.order = np.concatenate([dealt[part::size] for part in range(size)])
        ends = itertools.accumulate(len(range(part, n, size)) for part in range(size))
        self.parts = list(itertools.pairwise([0, *ends]))
        self.rows = np.full(n + 1, -1, dtype)  # of each node in this order; the last entry is that of the end of a walk
        self.rows[self.order] = np.arange(n, dtype=dtype)

    def placed(self, walks: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The walks in rows instead of nodes."""
        found: npt.NDArray[Any] = self.rows[walks]
        return found

    def model(self, dimensions: int, *, counts: Any, node_keys: Any, **options: Any) -> SkipGram:
        """The model of a part, with options of :class:`graphrep.ops.SkipGram`, but for tied tables and kinds."""
        keys = self.order.view(np.uint64) if node_keys is None else node_keys[self.order]
        counts = counts[self.order]
        return SkipGram(len(counts), dimensions, counts=counts, node_keys=keys, parts=self.parts, **options)


class SharedSkipGram:
    """A :class:`graphrep.ops.SkipGram` that ranks train together, none of them the rows of another at the same time.

    A rank keeps the vectors x of the nodes that are dealt to it; the vectors y of its nodes go from rank to rank, until
    each has had all of them.

    Parameters
    ----------
    ranks : Ranks
    dimensions : int
    counts : int array of shape (num_nodes,)
    dtype : dtype
        Of the walks.
    **options
        Of :meth:`Dealt.model`.

    Attributes
    ----------
    model : SkipGram
        What this rank has of the tables, with the nodes in another order.
    nodes : int array
        Nodes of the rows of ``model.input``.
    """

    def __init__(self, ranks: Ranks, dimensions: int, *, counts: Any, dtype: Any, **options: Any) -> None:
        self._ranks, self._dealt = ranks, Dealt(counts, ranks.world_size, dtype)
        self.model = self._dealt.model(dimensions, counts=counts, part=ranks.rank, **options)
        self.nodes = self._dealt.order[slice(*self.model.centers)]

    def places(self, walks: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The walks as :meth:`train` takes them."""
        return self._dealt.placed(walks)

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
            whole[:, columns] = whole[self._dealt.rows[:-1], columns]
        return whole
