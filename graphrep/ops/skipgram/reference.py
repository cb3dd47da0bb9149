"""Skip-gram with negative sampling in NumPy, one center at a time: the test oracle.

It draws the same random numbers as the kernel, so both train on the same pairs and agree up to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from graphrep import _random
from graphrep.csr import index_dtype
from graphrep.ops.walks.cpu import alias_tables

if TYPE_CHECKING:
    from graphrep.ops.skipgram import SkipGram
    from graphrep.ops.skipgram.arcs import ArcSampler


def noise_table(counts: npt.NDArray[np.float64], power: float) -> tuple[Any, Any]:
    """Alias table of counts ** power (Vose 1991)."""
    n = len(counts)
    mass = np.power(counts, power, where=counts > 0, out=np.zeros(n))
    mass = mass / mass.sum() * n if mass.any() else np.ones(n)
    keep, alias = np.ones(n, dtype=np.float32), np.arange(n, dtype=index_dtype(n))
    small, large = [v for v in range(n) if mass[v] < 1], [v for v in range(n) if mass[v] >= 1]
    while small and large:
        less, more = small.pop(), large[-1]
        keep[less], alias[less] = mass[less], more
        mass[more] -= 1 - mass[less]
        if mass[more] < 1:
            small.append(large.pop())
    return keep, alias


def initial_vectors(model: SkipGram) -> None:
    """Fill the input table."""
    names = np.arange(model.num_nodes) if model.node_keys is None else model.node_keys
    names = names[slice(*model.centers)]
    keys = _random.stream_key(model.seed, names)
    bits = _random.random_bits(keys[:, None], np.arange(model.dimensions)[None, :])
    model.input.fill(0)
    model.vectors[...] = (_random.uniform_float(bits) - np.float32(0.5)) / np.float32(model.dimensions)


def train(model: SkipGram, walks: Any, walk_ids: Any, first: int, total: int) -> None:
    """One pass over the walks."""
    keep, alias = model.noise
    (first_center, end_center), (first_context, end_context) = model.centers, model.contexts
    if first_center == end_center or first_context == end_context:
        return
    for index, walk in enumerate(walks):
        position = first + index
        walk_id = position if walk_ids is None else int(walk_ids[index])
        keep_key, reach_key, noise_key = _random.stream_key(model.seed, 3 * walk_id + np.arange(3))
        rate = model.learning_rate + (model.min_learning_rate - model.learning_rate) * position / total
        tokens = walk[np.cumsum(walk < 0) == 0]
        if model.keep_probability is not None:
            drawn = _random.uniform_float(_random.random_bits(keep_key, np.arange(len(tokens))))
            tokens = tokens[drawn < model.keep_probability[tokens]]
        if len(tokens) < 2:
            continue
        own = np.flatnonzero((tokens >= first_center) & (tokens < end_center))
        for number, center in enumerate(own):
            node = tokens[center]
            reach = 1 + int(_random.bounded(_random.random_bits(reach_key, center), model.window))
            before = tokens[:0] if model.one_sided else tokens[max(0, center - reach) : center]
            contexts = np.r_[before, tokens[center + 1 : center + 1 + reach]]
            # The pool slides by `slide` draws per center.
            pool = number * model.slide + np.arange(model.pool)
            bits = _random.random_bits(noise_key, model.noise_stream + pool)
            rows = end_context - first_context
            slots = _random.bounded(bits, rows).astype(np.int64)
            with np.errstate(over="ignore"):
                rest = bits * np.uint64(rows)
            noise = first_context + np.where(_random.uniform_float(rest) < keep[slots], slots, alias[slots])
            if model.tied:
                contexts, noise = contexts[contexts != node], noise[noise != node]
            if not len(contexts):
                continue
            share = rate * model.slide * model.noise_weight / max(model.pool, 1)
            weights = [share * _negative_of(model, contexts, n) for n in noise]
            here = contexts[(contexts >= first_context) & (contexts < end_context)]
            rates = np.r_[np.full(len(here), rate), weights]
            labels = np.r_[np.ones(len(here)), np.zeros(len(noise))]
            _step(model, node - first_center, np.r_[here, noise] - first_context, labels, rates)


def _negative_of(model: SkipGram, contexts: Any, n: int) -> float:
    """Number of contexts that a noise node is a negative of, weighted by its kind."""
    others = contexts[contexts != n]
    if model.kinds is None or model.kind_weights is None:
        return len(others)
    return float(model.kind_weights[model.kinds[n]] * (model.kinds[others] == model.kinds[n]).sum())


def _step(model: SkipGram, node: Any, rows: Any, labels: Any, rates: Any) -> None:
    x = model.input[node].astype(np.float64)
    scores = expit(model.output[rows].astype(np.float64) @ x)
    gradient = np.zeros_like(x)
    for row, g in zip(rows, rates * (labels - scores), strict=True):  # one by one: a row may occur twice
        gradient += g * model.output[row]
        if not model.fixed_contexts:
            model.output[row] += (g * x).astype(np.float32)
    model.input[node] += gradient.astype(np.float32)


def sample_arcs(sampler: ArcSampler, first: int, pairs: npt.NDArray[Any]) -> None:
    """Fill ``pairs`` with arcs, drawn as the kernel draws them."""
    graph, n = sampler.graph, sampler.graph.num_nodes
    key = _random.stream_key(sampler.seed, 2**64 - 1)
    arc_keep, arc_slot, _ = alias_tables(graph, sampler.num_threads)
    for i in range(len(pairs)):
        bits = _random.random_bits(key, 2 * (first + i) + np.arange(2))
        source = _drawn(int(bits[0]), n, *sampler.sources)
        row = slice(graph.indptr[source], graph.indptr[source + 1])
        tables = (None, None) if arc_keep is None else (arc_keep[row], arc_slot[row])
        pairs[i] = source, graph.indices[row][_drawn(int(bits[1]), row.stop - row.start, *tables)]


def _drawn(bits: int, n: int, keep: Any, alias: Any) -> int:
    """A slot of an alias table with n slots; all are equally likely without one."""
    slot, rest = divmod(bits * int(n), 2**64)
    return slot if keep is None or _random.uniform_float(np.uint64(rest)) < keep[slot] else int(alias[slot])
