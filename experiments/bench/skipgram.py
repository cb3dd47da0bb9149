"""Skip-gram training: tokens per second of graphrep, gensim and GRAPE (ensmallen).

    python experiments/bench/skipgram.py

d = 128, window 10, 5 negatives, one epoch, two threads for everybody. Same quality is shown by skipgram_quality.py.

* ``SkipGram.train`` and gensim's ``Word2Vec.train`` get the same 25,000 walks of 80 nodes on a power-law graph of
  100,000 nodes and 2 million arcs. Vocabulary, noise table and first vectors are made outside the timing, gensim's
  corpus (lists of strings, and the file that its faster ``corpus_file`` mode reads) too. The target ratio uses gensim's
  faster mode.
* GRAPE trains on walks of its own that it makes on the way, so ``DeepWalk.fit`` is timed beside it, which does the
  same: one walk of 80 nodes per node, first order. GRAPE's own walks alone are timed as well.

gensim and GRAPE differ from ours in what a token costs: GRAPE's window is always 10 wide, gensim's and ours are drawn
from 1 to 10 at each token; gensim draws 5 negatives for each pair, GRAPE and we share them among the pairs of a token.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _graphs import describe, power_law_graph
from _harness import alternate, environment, keep_freed_memory, report_rates, write_results
from _peers import THREADS, ensmallen_graph, ensmallen_skipgram, gensim_corpus, gensim_model

import graphrep as gr

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 80
WALKS = 25_000
SETTINGS = {"dimensions": 128, "window": 10, "num_negatives": 5}
ROUNDS = 3
TARGETS = {"gensim": 12.0, "GRAPE": 3.0}


def main() -> None:
    kept = keep_freed_memory()
    graph = power_law_graph()
    training = compare_training(graph)
    fit = compare_fit(graph)
    reached = {
        "gensim": min(training[name]["ours_times"] for name in ("gensim", "gensim, corpus_file")),
        "GRAPE": fit["GRAPE"]["ours_times"],
    }
    for name, target in TARGETS.items():
        print(f"{name}: {reached[name]:.1f} times, target {target:g}")
    results = {
        "environment": environment(["gensim", "ensmallen", "grape"]),
        "graph": describe(graph),
        "settings": {**SETTINGS, "walk_nodes": LENGTH, "threads": THREADS, "freed_memory_kept": kept},
        "training_on_given_walks": training,
        "fit_with_walks": fit,
        "targets": {name: {"target": target, "reached": reached[name]} for name, target in TARGETS.items()},
    }
    print(write_results("bench_skipgram", results))


def compare_training(graph: gr.Graph) -> dict[str, dict[str, Any]]:
    """Tokens per second on given walks."""
    walks = gr.random_walks(graph, walk_length=LENGTH, walks_per_node=1)[:WALKS]
    visits = np.bincount(walks.ravel(), minlength=graph.num_nodes)  # no walk is shorter: no node is isolated
    model = gr.ops.SkipGram(graph.num_nodes, counts=visits, n_jobs=THREADS, **SETTINGS)
    alone = gr.ops.SkipGram(graph.num_nodes, counts=visits, n_jobs=1, **SETTINGS)
    corpus = gensim_corpus(walks)
    peer = gensim_model(corpus, seed=0, **SETTINGS)
    if len(peer.wv) != (visits > 0).sum():
        raise AssertionError(f"gensim knows {len(peer.wv)} words, but the walks hold {(visits > 0).sum()} nodes.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "walks.txt"
        file.write_text("".join(" ".join(walk) + "\n" for walk in corpus), encoding="ascii")
        engines: dict[str, Callable[[], object]] = {
            "graphrep": lambda: model.train(walks, first_position=0, total_positions=WALKS),
            "graphrep, 1 thread": lambda: alone.train(walks, first_position=0, total_positions=WALKS),
            "gensim": lambda: peer.train(corpus_iterable=corpus, total_examples=WALKS, epochs=1),
            "gensim, corpus_file": lambda: peer.train(
                corpus_file=str(file), total_examples=WALKS, total_words=int(walks.size), epochs=1
            ),
        }
        seconds = alternate(engines, ROUNDS)
    work = dict.fromkeys(engines, float(walks.size))
    return report_rates("training on given walks", seconds, work, unit="tokens", ours="graphrep")


def compare_fit(graph: gr.Graph) -> dict[str, dict[str, Any]]:
    """Tokens per second of a whole fit, walks included."""
    peer_graph = ensmallen_graph(graph)
    ours = gr.DeepWalk(walks_per_node=1, walk_length=LENGTH, n_jobs=THREADS, progress=False, **SETTINGS)
    peer = ensmallen_skipgram(walks_per_node=1, walk_length=LENGTH, seed=0, **SETTINGS)
    engines: dict[str, Callable[[], object]] = {
        "graphrep": lambda: ours.fit(graph),
        "GRAPE": lambda: peer.fit_transform(peer_graph),
        "GRAPE, its walks alone": lambda: peer_graph.complete_walks(walk_length=LENGTH, iterations=1),
    }
    seconds = alternate(engines, 3)
    work = dict.fromkeys(engines, float(graph.num_nodes * LENGTH))
    return report_rates("fit, walks included", seconds, work, unit="tokens", ours="graphrep")


if __name__ == "__main__":
    main()
