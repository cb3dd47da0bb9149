"""What the configurations of ``graphrep linkpred --config`` cost, from a few steps on graphs of the size of their data.

    python experiments/ogb_cost.py [CONFIG ...] [--steps 4]

The graph is a random geometric one, which has about as many nodes and edges as the training edges of the data set, and
common neighbors at the ends of an edge as real ones have; features are as many as there, random. No quality can be
read from it. A step is the median of the later ones; a fit is the steps of all epochs, the validation after each epoch
and the scores of the test, at the speed of 200,000 pairs. Seconds are those of one thread's processor, so that other
programs disturb them little; memory is the peak of the process, without the copies that reading the data set makes.
Runs are added to experiments/results/ogb_cost.json, and those that are there are not repeated.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.spatial import cKDTree

import graphrep as gr
from graphrep.cli import published
from graphrep.heuristics.non_edges import sample_non_edges
from graphrep.linkpred.training import PairTask

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _harness import RESULTS, environment, peak_mb, reset_peak, write_results

PATH = RESULTS / "ogb_cost.json"
SCORED = 200_000


class Size(NamedTuple):
    """A data set: training edges, columns of features, pairs to score in a validation."""

    nodes: int
    edges: int
    features: int
    validation: int


SIZES = {
    "ogbl-collab": Size(235_868, 967_632, 128, 160_084),
    "ogbl-ddi": Size(4_267, 1_067_911, 0, 235_371),
    "ogbl-ppa": Size(576_289, 21_231_931, 58, 9_062_562),
    "ogbl-citation2": Size(2_927_963, 30_387_995, 128, 86_682_596),
    "ogbl-vessel": Size(3_538_495, 4_276_718, 3, 1_069_180),
}


class Enough(Exception):  # noqa: N818 - ends a fit
    """All steps that are needed were made."""


def geometric(size: Size) -> gr.Graph:
    """Points of the unit square, linked to all within a radius."""
    rng = np.random.default_rng(0)
    points = rng.random((size.nodes, 2))
    radius = math.sqrt(2 * size.edges / size.nodes / (math.pi * size.nodes))
    edges = cKDTree(points).query_pairs(radius, output_type="ndarray").T
    x = rng.standard_normal((size.nodes, size.features), dtype=np.float32) if size.features else None
    return gr.as_graph(edges, num_nodes=size.nodes, directed=False, x=x)


def measured(name: str, steps: int) -> dict[str, Any]:
    """Seconds of a step and of a scored pair, and what follows for a fit."""
    settings = published.read(name)
    size = SIZES[settings["dataset"]]
    graph = geometric(size)
    edges = np.ascontiguousarray(graph.edges())
    rng = np.random.default_rng(1)
    apart = sample_non_edges(graph, 2000, rng=rng)
    split = gr.datasets.LinkSplit(
        graph, train=edges, valid=apart[:, :1000], test=apart[:, :0], valid_neg=apart[:, 1000:], test_neg=apart[:, :0]
    )
    clock: list[float] = []
    tasks: list[PairTask] = []
    original = PairTask.loss

    def counted(task: PairTask, batch: Any) -> Any:
        clock.append(time.process_time())
        tasks[:] = [task]
        if len(clock) > steps:
            raise Enough
        return original(task, batch)

    reset_peak()
    PairTask.loss = counted  # type: ignore[method-assign]
    try:
        published.fit(settings, split, 0, n_jobs=1)
    except Enough:
        pass
    finally:
        PairTask.loss = original  # type: ignore[method-assign]
    step = statistics.median(np.diff(clock)[1:].tolist())
    task = tasks[0]
    half = SCORED // 2
    pairs = torch.from_numpy(np.concatenate([edges[:, :half], rng.integers(size.nodes, size=(2, half))], axis=1))
    begin = time.process_time()
    h = task.encode()
    encoded = time.process_time()
    task._scores(h, pairs)
    pair = (time.process_time() - encoded) / pairs.shape[1]
    peak = peak_mb()
    epochs, batches = settings["parameters"]["epochs"], task.num_batches
    total = epochs * (batches * step + encoded - begin) + (epochs + 1) * size.validation * pair
    return {
        "config": name,
        "nodes": size.nodes,
        "edges": edges.shape[1],
        "step_s": round(step, 3),
        "steps": epochs * batches,
        "encode_s": round(encoded - begin, 3),
        "pair_us": round(1e6 * pair, 3),
        "scored_pairs": (epochs + 1) * size.validation,
        "fit_hours": round(total / 3600, 2),
        "peak_mb": round(peak),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="*", default=published.names())
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    runs = json.loads(PATH.read_text(encoding="utf-8"))["runs"] if PATH.exists() else []
    for name in options.configs:
        if name not in [run["config"] for run in runs]:
            runs.append(measured(name, options.steps))
            print(runs[-1], flush=True)
            write_results("ogb_cost", {"environment": environment(), "protocol": __doc__, "runs": runs})


if __name__ == "__main__":
    main()
