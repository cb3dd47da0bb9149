"""LINE: samples per second and quality of graphrep, GRAPE (ensmallen) and gensim.

    python experiments/bench/line.py [--ppi FOLDER] [--rounds 3] [--quality graphrep GRAPE gensim]

One order at a time, d = 128, the published learning rate, two threads for everybody. A sample is an arc, trained in its
direction. Engines:

* graphrep, order 1 and 2: ``LINE.fit``, 5 negatives as published; and with 1 negative.
* GRAPE: ``FirstOrderLINE`` and ``SecondOrderLINE``, 1 negative per sample; their results look as if the learning rate
  fell with the degree, which is not in the paper.
* gensim: skip-gram with 5 negatives on walks of two nodes, which is LINE of second order; the corpus is made outside of
  the timing. A walk is two samples.

Speed is measured at 10 samples per arc, quality at 100: PPI, 50 % labeled, one-vs-rest logistic regression, TopK rule,
macro-F1 with C = 1 on the vectors as they are and C = 10 on unit rows, mean over 5 splits. Default ``LINE`` (both
orders, 2,000 samples per node) stands beside them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from _datasets import Labelled, load_ppi
from _graphs import describe
from _harness import alternate, environment, print_table, report_rates, write_results
from _peers import THREADS, ensmallen_graph, ensmallen_line, gensim_corpus, gensim_model, limit_threads

import graphrep as gr

if TYPE_CHECKING:
    from collections.abc import Callable

DIMENSIONS = 128
TIMED, JUDGED = 10, 100  # samples per arc

Vectors = npt.NDArray[np.float32]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--ppi", type=Path, help="folder or npz file of the PPI graph")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--quality", nargs="*", default=["graphrep", "GRAPE", "gensim"], help="engines to judge")
    options = arguments.parse_args()
    limit_threads()
    data = load_ppi(options.ppi)
    timed = engines(data.graph, TIMED, ["graphrep", "GRAPE", "gensim"])
    seconds = alternate(timed, options.rounds)
    work = dict.fromkeys(timed, float(TIMED * data.graph.num_arcs))
    speed = report_rates("one order", seconds, work, unit="samples", ours="graphrep, order 2")
    judged = engines(data.graph, JUDGED, options.quality)
    judged["graphrep, default"] = lambda: gr.LINE(n_jobs=THREADS, progress=False).fit_transform(data.graph)
    quality = {name: macro_f1(make(), data) for name, make in judged.items()}
    print_table(
        ("", "C = 1", "unit rows, C = 10"), [(name, *(f"{v:.4f}" for v in row)) for name, row in quality.items()]
    )
    results = {
        "environment": environment(["gensim", "ensmallen"]),
        "graph": describe(data.graph),
        "settings": {
            "dimensions": DIMENSIONS,
            "threads": THREADS,
            "samples_per_arc": {"timed": TIMED, "judged": JUDGED},
        },
        "speed": speed,
        "macro_f1": {name: {"C=1": row[0], "unit rows, C=10": row[1]} for name, row in quality.items()},
        "published_macro_f1": 0.1447,
    }
    print(write_results("bench_line", results))


def engines(graph: gr.Graph, samples_per_arc: int, wanted: list[str]) -> dict[str, Callable[[], Vectors]]:
    """Functions that train and return the vectors."""
    samples, peer_graph = samples_per_arc * graph.num_arcs, ensmallen_graph(graph)
    # Both directions of a pair are trained.
    corpus = gensim_corpus(gr.ops.ArcSampler(graph).sample(0, samples // 2)) if "gensim" in wanted else []
    settings: dict[str, Any] = {"dimensions": DIMENSIONS, "window": 1, "num_negatives": 5}

    def line(**settings: Any) -> Callable[[], Vectors]:
        model = gr.LINE(dimensions=DIMENSIONS, samples=samples, n_jobs=THREADS, progress=False, **settings)
        return lambda: model.fit_transform(graph)

    def grape(order: int) -> Callable[[], Vectors]:
        model = ensmallen_line(order=order, dimensions=DIMENSIONS, samples_per_arc=samples_per_arc, seed=0)
        return lambda: first_of(model.fit_transform(peer_graph))

    def sgns() -> Vectors:
        model = gensim_model(corpus, seed=0, **settings)
        model.train(corpus_iterable=corpus, total_examples=len(corpus), epochs=1)
        rows = np.zeros((graph.num_nodes, DIMENSIONS), dtype=np.float32)
        rows[np.array(model.wv.index_to_key, dtype=int)] = model.wv.vectors
        return rows

    every = {
        "graphrep, order 1": line(order=1),
        "graphrep, order 2": line(order=2),
        "graphrep, order 2, 1 negative": line(order=2, num_negatives=1),
        "GRAPE, order 1": grape(1),
        "GRAPE, order 2": grape(2),
        "gensim, pairs": sgns,
    }
    return {name: train for name, train in every.items() if name.split(",")[0] in wanted}


def first_of(found: Any) -> Vectors:
    """The vectors of the nodes; order 2 of GRAPE gives those of contexts as well."""
    return np.asarray(found[0] if isinstance(found, list) else found, dtype=np.float32)


def macro_f1(vectors: Vectors, data: Labelled) -> tuple[float, float]:
    """By the published protocol, and that of unit rows."""
    common: dict[str, Any] = {"ratios": [0.5], "repeats": 5, "majority": False}
    found = [
        gr.evaluate.node_classification(vectors, data.labels, C=C, normalize=normalize, **common)
        for C, normalize in ((1.0, "none"), (10.0, "l2"))
    ]
    return float(found[0].mean("macro_f1")[0]), float(found[1].mean("macro_f1")[0])


if __name__ == "__main__":
    main()
