"""Time and peak memory of the meta-node loss against the loss over all pairs, forward and backward.

    python experiments/bench/metanode.py

A random graph of mean degree 10, 10-dimensional codes, 10 clusters, float32, influence of one hop, at 3,000, 20,000,
100,000 and 1,000,000 nodes. Every measurement is a process of its own, on one thread unless ``--threads`` says
otherwise:

* ``meta-node``: ``graphrep.cluster.meta_node_loss``;
* ``blocks``: ``graphrep.cluster.neighbor_contrast_loss``, N x N similarities in blocks of rows;
* ``dense``: the same equation on whole N x N matrices, by torch and its autograd;
* ``meta-node, released``: the formulation of the PamC authors: rows gathered for both ends of every entry, their norms
  computed per entry, clusters summed through an N x C x d product with a one-hot table.

Memory is the peak resident size of the process (VmHWM, reset before the first call) beyond what it held before: not a
sum of allocations. Times are the median of the rounds after a first call; "does not fit" where N x N matrices would
need more than half of the machine's memory, "too long" where one round would take more than ``--patience`` seconds by
extrapolation. At 20,000 nodes and fewer the released form must give the value of ours.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np
from _harness import environment, print_table, resident, write_results

SIZES = (3_000, 20_000, 100_000, 1_000_000)
FORMS = ("meta-node", "meta-node, released", "blocks", "dense")
DEGREE, WIDTH, CLUSTERS, TEMPERATURE = 10, 10, 10, 2.0
DENSE_COPIES = 8  # N x N float32 matrices alive at the worst moment of autograd
RUN = "--run"


def main() -> None:
    parser = argparse.ArgumentParser(description="The meta-node loss against the loss over all pairs.")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--patience", type=float, default=120.0, help="seconds that one round may take")
    options = parser.parse_args()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    rows: list[dict[str, Any]] = []
    for size in options.sizes:
        for form in FORMS:
            rows.append({"nodes": size, "form": form})
            before = [row for row in rows if row["form"] == form and "seconds" in row]
            if form == "dense" and 4 * size**2 * DENSE_COPIES > memory / 2:
                rows[-1]["skipped"] = "does not fit"
            elif form == "blocks" and before and expected(before[-1], size) > options.patience:
                rows[-1]["skipped"] = "too long"
            else:
                rows[-1] |= run(size, form, options.rounds, options.threads)
            print(rows[-1], flush=True)
    for size in options.sizes:
        values = {row["form"]: row["value"] for row in rows if row["nodes"] == size and "value" in row}
        assert np.isclose(values["meta-node"], values["meta-node, released"], rtol=1e-4), values
        if "dense" in values:
            assert np.isclose(values["blocks"], values["dense"], rtol=1e-4), values
    print_table(
        ("nodes", *FORMS), [(f"{size:,}", *(cell(rows, size, form) for form in FORMS)) for size in options.sizes]
    )
    summary = {"growth": growth(rows), "times_faster_than_released": ratios(rows)}
    print(summary)
    protocol = {"degree": DEGREE, "width": WIDTH, "clusters": CLUSTERS, "temperature": TEMPERATURE}
    protocol["threads"] = options.threads
    print(write_results("bench_metanode", {"environment": environment(), **protocol, "runs": rows, **summary}))


def expected(row: dict[str, Any], size: int) -> float:
    return float(row["seconds"] * (size / row["nodes"]) ** 2)


def cell(rows: list[dict[str, Any]], size: int, form: str) -> str:
    row = next(row for row in rows if row["nodes"] == size and row["form"] == form)
    return row["skipped"] if "skipped" in row else f"{1e3 * row['seconds']:.4g} ms, {row['peak_bytes'] / 1e6:.4g} MB"


def growth(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Time and memory of the meta-node form over those of the next smaller size: linear if as many times as nodes."""
    own = [row for row in rows if row["form"] == "meta-node"]
    return [
        {
            "nodes": large["nodes"],
            "times_nodes": large["nodes"] / small["nodes"],
            "times_seconds": large["seconds"] / small["seconds"],
            "times_memory": large["peak_bytes"] / max(1, small["peak_bytes"]),
        }
        for small, large in pairwise(own)
    ]


def ratios(rows: list[dict[str, Any]]) -> dict[int, float]:
    """How many times faster ours is than the released formulation."""
    seconds = {(row["nodes"], row["form"]): row["seconds"] for row in rows if "seconds" in row}
    sizes = dict.fromkeys(size for size, _ in seconds)
    return {size: seconds[size, "meta-node, released"] / seconds[size, "meta-node"] for size in sizes}


def run(size: int, form: str, rounds: int, threads: int) -> dict[str, Any]:
    command = [sys.executable, __file__, RUN, str(size), form, str(rounds), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{form} at {size} nodes failed: {done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measured(size: int, form: str, rounds: int, threads: int) -> dict[str, Any]:
    """In the process of its own: value, seconds, peak memory."""
    import torch

    import graphrep as gr

    torch.set_num_threads(threads)
    rng = np.random.default_rng(0)
    ends = rng.integers(size, size=(2, size * DEGREE // 2))
    graph = gr.as_graph(ends, num_nodes=size, directed=False, self_loops=False, merge="max")
    gamma = gr.cluster.influence(graph, 1)
    z = torch.from_numpy(rng.standard_normal((size, WIDTH), dtype=np.float32)).requires_grad_()
    labels = torch.from_numpy(rng.integers(CLUSTERS, size=size))
    # What a training run has once and keeps: the transpose for the derivative; entries and table of the other forms.
    gamma.rows(), gamma.t()
    entries = (gamma.rows().long(), gamma.indices.long(), gamma.values) if form == "meta-node, released" else None
    table = gamma.to_dense() if form == "dense" else None
    forms = {
        "meta-node": lambda: gr.cluster.meta_node_loss(z, labels, gamma, n_clusters=CLUSTERS, temperature=TEMPERATURE),
        "meta-node, released": lambda: released(z, labels, entries),
        "blocks": lambda: gr.cluster.neighbor_contrast_loss(z, gamma, temperature=TEMPERATURE),
        "dense": lambda: dense(z, table),
    }
    before = resident("VmRSS", reset=True)
    seconds = []
    for turn in range(rounds + 1):
        z.grad = None
        start = time.perf_counter()
        loss = forms[form]()
        loss.backward()
        elapsed = time.perf_counter() - start
        if turn or elapsed > 10:
            seconds.append(elapsed)
        if sum(seconds) > 60:
            break
    peak = resident("VmHWM") - before
    return {
        "value": loss.item(),
        "seconds": statistics.median(seconds),
        "peak_bytes": peak,
        "entries": gamma.num_entries,
    }


def released(z: Any, labels: Any, entries: Any) -> Any:
    """The equation as the authors' program evaluates it; the maskless self terms are 0 in cosine in both."""
    import torch

    source, target, values = entries
    left, right = z[source], z[target]
    lengths = left.square().sum(1).sqrt() * right.square().sum(1).sqrt()
    cosine = (left * right).sum(1) / lengths
    cosine = cosine.masked_fill(source == target, 0.0)
    terms = (cosine / TEMPERATURE).exp() * values
    positive = torch.zeros(len(z)).scatter_add(0, source, terms)
    one_hot = torch.nn.functional.one_hot(labels, CLUSTERS)
    centers = (z.unsqueeze(1) * one_hot.unsqueeze(2)).sum(0)
    length = centers.square().sum(1).sqrt()
    cosines = centers @ centers.T / (length[:, None] * length) * (1 - torch.eye(CLUSTERS))
    negative = (cosines / TEMPERATURE).exp().sum(1)
    return -(positive + 1e-10).log().mean() + (negative + 1e-10).log().mean()


def dense(z: Any, table: Any) -> Any:
    """The loss over all pairs on N x N matrices."""
    import torch

    h = torch.nn.functional.normalize(z)
    similarity = ((h @ h.T) / TEMPERATURE * (1 - torch.eye(len(z)))).exp()
    return -((similarity * table).sum(1) / similarity.sum(1) + 1e-8).log().mean()


if __name__ == "__main__":
    if sys.argv[1:2] == [RUN]:
        print(json.dumps(measured(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))))
    else:
        main()
