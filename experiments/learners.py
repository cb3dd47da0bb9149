"""Learners on one graph: the table and the picture of the page "Which embedder?".

    python experiments/learners.py debian [--learners fastrp,node2vec] [--tasks labels,links,clusters] [--seeds 3]
    python experiments/learners.py debian --render

The protocol is that of ``graphrep bench``; links of the Debian graph are those of its own split, whose negatives have
the degrees of the hidden edges. Fits are added to experiments/results/bench_NAME_learners.json one by one; those that
are there are not repeated. The table is written to bench_NAME_learners.md and the picture to bench_NAME_learners.svg;
``--render`` makes both of the file as it is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import graphrep as gr

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _harness import RESULTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="a data set of graphrep")
    parser.add_argument("--learners", help="names between commas; default: those of graphrep bench")
    parser.add_argument("--tasks", help="names between commas; default: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--train-share", type=float, default=0.5)
    parser.add_argument("--max-seconds", type=float, default=600.0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--render", action="store_true", help="only write table and picture")
    options = parser.parse_args()
    path = RESULTS / f"bench_{options.name}_learners.json"
    if not options.render:
        dataset = gr.datasets.load(options.name)
        gr.bench.benchmark(
            dataset.graph,
            learners=options.learners and options.learners.split(","),
            tasks=options.tasks and options.tasks.split(","),
            split=dataset.split,
            metric=dataset.metric or None,
            seeds=options.seeds,
            splits=options.splits,
            train_share=options.train_share,
            max_seconds=options.max_seconds,
            n_jobs=options.threads,
            name=options.name,
            path=path,
        )
    render(path)


def render(path: Path) -> None:
    """Table and picture of all results in the file."""
    found = gr.bench.read_benchmark(path)
    path.with_suffix(".md").write_text(found.to_markdown(), encoding="utf-8")
    found.picture(path.with_suffix(".svg"))
    print(found)


if __name__ == "__main__":
    main()
