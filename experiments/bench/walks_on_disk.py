"""node2vec whose tables do not fit into memory: quality and processor time for R parts, and one large graph.

    OMP_NUM_THREADS=1 python experiments/bench/walks_on_disk.py

DeepWalk with d = 128 and 10 walks of 80 nodes per node on the PPI graph, and 2 walks of 80 on the Debian graph, with
``memory`` for 1, 2, 4 and 8 parts: links (a tenth of the edges hidden, AUC of a logistic regression on Hadamard
products and of the cosine, of the vectors and of the vectors without their mean) and, on PPI, labels (half of the nodes
labeled, one-vs-rest logistic regression with C = 1, the TopK rule, mean over 10 splits), beside random vectors.

``--nodes N`` trains on an R-MAT graph instead, N nodes and 8 edges drawn per node, with ``--memory``, for ``--seconds``
and then until the chunk at hand ends, as Ctrl-C does.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from _datasets import link_scores, load_ppi
from _harness import environment, largest, write_results
from safetensors import safe_open

import graphrep as gr


def links(vectors: Any, split: Any) -> dict[str, float]:
    found = {}
    for prefix, table in (("", vectors), ("centered ", gr.embed.center(vectors))):
        scores = link_scores(table, split, "test", examples=20_000)
        found |= {prefix + name: value for name, value in scores.items() if name.endswith("AUC")}
    return found


def labels_of(vectors: Any, labels: Any) -> dict[str, float]:
    table = gr.evaluate.node_classification(vectors, labels, ratios=[0.5], repeats=10, majority=False, n_jobs=1)
    return {"micro-F1": float(table.mean("micro_f1")[0])}


def memory_for(model: Any, graph: Any, parts: int) -> int:
    """The least memory for so few parts, to a hundredth."""
    memory = 10**10
    while model._plan(graph, int(memory * 0.99))[0].parts <= parts:
        memory = int(memory * 0.99)
    return memory


def fitted(model: Any, graph: Any, folder: Path, memory: int) -> Any:
    """Vectors of a fit within so much memory, also where that is less than ``fit`` takes."""
    return np.array(model._fit_on_disk(graph, folder / "a.npy", memory).embedding_)


def quality(options: argparse.Namespace, folder: Path) -> None:
    ppi, labels = load_ppi(options.ppi)
    debian = gr.datasets.load("debian").graph.untyped().to_undirected()
    table: dict[str, Any] = {"environment": environment()}
    for name, graph, walks, seeds in (("ppi", ppi, 10, options.seeds), ("debian", debian, 2, 1)):
        split = gr.evaluate.random_link_split(graph, valid=0.0, test=0.1, random_state=0)
        random = np.random.default_rng(0).standard_normal((graph.num_nodes, 128)).astype(np.float32)
        found: dict[str, Any] = {"nodes": graph.num_nodes, "edges": graph.num_edges, "walks_per_node": walks}
        found["random_vectors"] = links(random, split) | (labels_of(random, labels) if name == "ppi" else {})
        found["results"] = []
        for seed in range(seeds):
            for parts in (1, 4, 8, 2):
                model = gr.DeepWalk(walks_per_node=walks, random_state=seed, n_jobs=1, progress=False)
                memory = memory_for(model, graph, parts)
                one: dict[str, Any] = {"seed": seed, "parts": parts, "memory": memory}
                cpu = time.process_time()
                vectors = fitted(model, split.graph, folder, memory)
                one["cpu_seconds"] = time.process_time() - cpu
                one |= links(vectors, split)
                if name == "ppi":
                    one |= labels_of(fitted(model, graph, folder, memory), labels)
                found["results"].append(one)
                print(name, one, flush=True)
                write_results("bench_walks_on_disk", table | {name: found})
        table[name] = found


def large(options: argparse.Namespace, folder: Path) -> None:
    path = folder / "a.graph"
    gr.datasets.write_rmat(path, num_nodes=options.nodes, num_edges=8 * options.nodes, memory="200MB")
    graph = gr.open_graph(path)
    model = gr.DeepWalk(n_jobs=1, progress=False, checkpoint=folder / "fit.ckpt", checkpoint_seconds=1e9)
    needed, disk, seconds = model.estimate(graph, memory=options.memory)
    plan = model._plan(graph, needed)[0]
    small = gr.as_graph([(0, 1)], num_nodes=5000)
    gr.DeepWalk(walks_per_node=1, n_jobs=1).fit(small, out=folder / "small.npy", memory="4MB")  # loads what it loads
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
    threading.Timer(options.seconds, os.kill, [os.getpid(), signal.SIGINT]).start()
    began, cpu = time.perf_counter(), time.process_time()
    with largest() as most, suppress(KeyboardInterrupt):
        before = most[0]
        model.fit(graph, out=folder / "a.npy", memory=options.memory)
    with safe_open(folder / "fit.ckpt", "np") as saved:
        state = dict(json.loads(saved.metadata()["state"])["dict"])["skip-gram"]
    walks = dict(state["dict"])["position"] / plan.pairs
    lengths = (gr.ops.WalkSampler(graph).sample_ids(np.arange(0, graph.num_nodes, 1000)) >= 0).sum(axis=1)
    result = {
        "nodes": graph.num_nodes,
        "arcs": graph.num_arcs,
        "memory": options.memory,
        "estimate": [needed, disk, seconds],
        "plan": plan._asdict(),
        "tokens": walks * lengths.mean(),  # of walks, each of which is trained with all pairs of parts
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - began,
        "largest_use": most[0] - before,  # without pages of files
        "on_disk": {file.name: file.stat().st_size for file in (folder / "fit.ckpt.tables").iterdir()},
    }
    print(result, flush=True)
    write_results("bench_walks_on_disk_large", {"environment": environment(), **result})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--ppi", type=Path, help="folder or npz file of the PPI graph")
    parser.add_argument("--nodes", type=int, help="of an R-MAT graph, to train on for a while instead")
    parser.add_argument("--memory", default="600MB")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (large if options.nodes else quality)(options, Path(folder))


if __name__ == "__main__":
    main()
