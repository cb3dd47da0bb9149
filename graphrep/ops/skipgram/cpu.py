"""Skip-gram training with the native kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep import _core
from graphrep.csr import index_dtype
from graphrep.ops.walks.cpu import alias_tables

if TYPE_CHECKING:
    from graphrep.ops.skipgram import SkipGram
    from graphrep.ops.skipgram.arcs import ArcSampler


def noise_table(counts: npt.NDArray[np.float64], power: float) -> tuple[Any, Any]:
    """Alias table of counts ** power: float32 keep probabilities, and aliases in the dtype of the ids."""
    keep = np.empty(len(counts), dtype=np.float32)
    alias = np.empty(len(counts), dtype=index_dtype(len(counts)))
    _core.build_noise_table(counts, power, keep, alias)
    return keep, alias


def initial_vectors(model: SkipGram) -> None:
    """Fill the input table."""
    begin, end = model.centers
    keys = model.node_keys
    if keys is not None or end - begin < model.num_nodes:
        keys = np.arange(begin, end, dtype=np.uint64) if keys is None else keys[begin:end]
    _core.fill_uniform_rows(model.input, model.dimensions, keys, model.seed, model.num_threads)


def train(model: SkipGram, walks: Any, walk_ids: Any, first: int, total: int) -> None:
    """One pass over the walks."""
    keep, alias = model.noise
    _core.train_skipgram(
        walks,
        walk_ids,
        first,
        total,
        model.input,
        model.output,
        model.dimensions,
        keep,
        alias.astype(walks.dtype, copy=False),
        model.keep_probability,
        model.window,
        model.slide,
        model.pool,
        model.learning_rate,
        model.min_learning_rate,
        model.seed,
        model.one_sided,
        model.fixed_contexts,
        model.kinds,
        model.kind_weights,
        model.num_nodes,
        model.centers[0],
        model.contexts[0],
        model.noise_weight,
        model.noise_stream,
        model.num_threads,
    )


def sample_arcs(sampler: ArcSampler, first: int, pairs: npt.NDArray[Any]) -> None:
    """Fill ``pairs`` with arcs."""
    graph = sampler.graph
    keep, alias = sampler.sources
    arc_keep, arc_slot, _ = alias_tables(graph, sampler.num_threads)
    _core.sample_arcs(
        graph.indptr,
        graph.indices,
        keep,
        alias.astype(graph.indices.dtype, copy=False),
        arc_keep,
        arc_slot,
        sampler.seed,
        first,
        pairs,
        sampler.num_threads,
    )
