"""Epoch and inference of NCN and NCNC compared with the authors' public code: seconds and peak memory.

    python experiments/bench/ncn.py --authors ../NeuralCommonNeighbor --root data

Every measurement is a process of its own. The authors' modules (github.com/GraphPKU/NeuralCommonNeighbor) are imported
from a checkout and run as they are: their ``train`` for an epoch, their encoder and predictor for inference. They need
torch-sparse and torch-scatter, which --path may point to, and nothing of ogb or TensorBoard, whose names are filled
with empty modules. Without the checkout, or where it does not run, only graphrep is measured, and the result says why.

* cora: 70/10/20 split, the published settings of Cora; whole epochs.
* ogbl-ddi: its official split, the published settings of ogbl-ddi.
* coauthors: a synthetic graph of the size of ogbl-collab (235,868 nodes, about 1.2 M edges made of cliques, as
  co-authors of papers form them), 128 features, the published settings of ogbl-collab.

On the latter two an epoch is cut to --batches batches, of both sides; seconds per epoch are those per batch times the
number of batches. Inference: node vectors, then --pairs random pairs and as many different edges, or all there are.
Each is done once untimed, then --repeats times or until --seconds have passed; the peak of memory is that of all. NCNC
is measured on cora alone unless --all is given. Result: experiments/results/bench_ncn.json; graphs that --data leaves
out stay as they were.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from _harness import RESULTS, environment, peak_mb, print_table, reset_peak, write_results

import graphrep as gr

CONFIGS = Path(__file__).resolve().parents[1] / "configs" / "linkpred"
COLLAB = {
    "dimensions": 64,
    "convolution": "gcn",
    "feature_dropout": 0.25,
    "output_dropout": 0.05,
    "encoder_dropout": 0.1,
    "encoder_edge_dropout": 0.25,
    "predictor_dropout": 0.3,
    "predictor_edge_dropout": 0.0,
    "residual": True,
    "jumping_knowledge": False,
    "learning_rate": 0.0082,
    "predictor_learning_rate": 0.0037,
    "batch_size": 65536,
    "score_batch": 131072,
}
COMPLETION = {
    "cora": {},
    "ogbl-ddi": {"completion_scale": 10, "completion_offset": 3, "completion_prior": 0.1, "completion_alpha": 0.5},
    "coauthors": {"completion_scale": 2.5, "completion_offset": 6, "completion_prior": 0.1, "completion_alpha": 1.05},
}


def main() -> None:
    parser = argparse.ArgumentParser(description="NCN and NCNC compared with the authors' code.")
    parser.add_argument("--authors", help="checkout of GraphPKU/NeuralCommonNeighbor")
    parser.add_argument("--path", action="append", default=[], help="folder with torch_sparse, torch_scatter")
    parser.add_argument("--root", help="folder of the data sets")
    parser.add_argument("--data", nargs="+", default=["cora", "ogbl-ddi", "coauthors"])
    parser.add_argument("--batches", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20, help="no further repeat after so long")
    parser.add_argument("--all", action="store_true", help="NCNC on every graph")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one process")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(json.loads(options.child))))
        return
    path = RESULTS / "bench_ncn.json"
    old = json.loads(path.read_text(encoding="utf-8"))["results"] if path.exists() else []
    results = [row for row in old if row["data"] not in options.data]
    for data in options.data:
        for model in ("NCN", "NCNC"):
            if model == "NCNC" and data != "cora" and not options.all:
                continue
            for engine in ("graphrep", "authors"):
                task = {"data": data, "model": model, "engine": engine} | {
                    key: getattr(options, key)
                    for key in ("authors", "path", "root", "batches", "pairs", "repeats", "seconds", "device")
                }
                results.append(child(task, options.timeout))
                print(results[-1], flush=True)
                content = {"title": "Link prediction", "environment": environment(), "protocol": __doc__}
                write_results("bench_ncn", content | {"results": results, "summary": summary(results)})
    for row in results:
        if "error" in row:
            print(f"{row['data']} {row['model']} {row['engine']}: {row['error']}")
    print_table(
        ("", "engine", "s per epoch", "s inference", "peak MB (epoch)", "peak MB (inference)"),
        [
            (
                f"{row['data']} {row['model']}",
                row["engine"],
                *(
                    f"{row[key]:.3g}" if key in row else "-"
                    for key in ("epoch_seconds", "inference_seconds", "epoch_mb", "inference_mb")
                ),
            )
            for row in results
        ],
    )


def summary(results: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Tables of what both sides took."""
    tables: dict[str, dict[str, dict[str, float]]] = {}
    for row in results:
        if row["engine"] != "graphrep" or "error" in row:
            continue
        same = [other for other in results if (other["data"], other["model"]) == (row["data"], row["model"])]
        peers = [other for other in same if other is not row and "error" not in other]
        for kind in ("epoch", "inference") if peers else ():
            own = f"{kind}_seconds"
            tables[f"{row['model']} on {row['data']}, {kind}"] = {
                {"graphrep": "graphrep", "authors": "authors' code"}[side["engine"]]: {
                    "median": side[own],
                    "min": side[f"{kind}_min"],
                    "max": side[f"{kind}_max"],
                    "ratio": side[own] / row[own],
                }
                for side in (row, *peers)
            }
    return tables


def child(task: dict[str, Any], timeout: float) -> dict[str, Any]:
    """Measure in a process of its own."""
    name = {key: task[key] for key in ("data", "model", "engine")}
    if task["engine"] == "authors" and not task["authors"]:
        return name | {"error": "no checkout given"}
    command = [sys.executable, __file__, "--child", json.dumps(task)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return name | {"error": f"did not end in {timeout:.0f} s"}
    if done.returncode:
        return name | {"error": (done.stderr.strip().splitlines() or ["killed"])[-1]}
    measured: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return name | measured


def measure(task: dict[str, Any]) -> dict[str, Any]:
    graph, positives, settings = problem(task["data"], task["root"])
    if task["model"] == "NCNC":
        settings |= COMPLETION[task["data"]]
    small = task["data"] == "cora"
    batches = positives.shape[1] // settings["batch_size"]
    run = batches if small else min(task["batches"], batches)
    engine = ours if task["engine"] == "graphrep" else authors
    epoch, score_all = engine(task, graph, positives, settings, run)
    rng = np.random.default_rng(1)
    pairs = torch.from_numpy(rng.integers(graph.num_nodes, size=(2, task["pairs"])))
    edges = torch.from_numpy(positives[:, rng.permutation(positives.shape[1])[: task["pairs"]]])
    pairs = torch.cat([pairs, edges], 1).to(task["device"])

    def infer() -> None:
        with torch.no_grad():
            score_all(pairs)
        finish(task)

    def train() -> None:
        epoch()
        finish(task)

    reset_peak()
    before = peak_mb()
    cuda = task["device"].startswith("cuda")
    measured: dict[str, Any] = {}
    for name, work, share in (("epoch", train, batches / run), ("inference", infer, 1.0)):
        gc.collect()
        gr.ops.empty_cache()  # what the phase before has freed goes back to the system, whoever freed it
        reset_peak()
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        work()
        times: list[float] = []
        while len(times) < task["repeats"] and sum(times) < task["seconds"]:
            begin = time.perf_counter()
            work()
            times.append(time.perf_counter() - begin)
        for key, value in (("seconds", statistics.median(times)), ("min", min(times)), ("max", max(times))):
            measured[f"{name}_{key}"] = value * share
        measured[f"{name}_mb"] = torch.cuda.max_memory_allocated() / 2**20 if cuda else peak_mb()
    return measured | {
        "batches_run": run,
        "batches_per_epoch": batches,
        "scored_pairs": pairs.shape[1],
        "before_mb": before,
        "threads": torch.get_num_threads(),
        "device": task["device"],
    }


def finish(task: dict[str, Any]) -> None:
    if task["device"].startswith("cuda"):
        torch.cuda.synchronize()


def problem(data: str, root: str | None) -> tuple[gr.Graph, np.ndarray[Any, Any], dict[str, Any]]:
    """Training graph, its edges and the settings."""
    if data == "coauthors":
        graph = coauthors()
        return graph, np.array(graph.edges()), dict(COLLAB)
    config = {"cora": "ncn_cora", "ogbl-ddi": "ncn_ddi"}[data]
    settings = yaml.safe_load((CONFIGS / f"{config}.yaml").read_text(encoding="utf-8"))["parameters"]
    if data == "cora":
        split = gr.evaluate.ncn_link_split(gr.datasets.load(data, root=root).graph, random_state=0)
    else:
        split = gr.datasets.load(data, root=root).split
    return split.graph, np.array(split.train), settings


def coauthors(num_nodes: int = 235_868, num_edges: int = 1_200_000) -> gr.Graph:
    """Cliques of authors, drawn by popularity within neighborhoods of 400."""
    rng = np.random.default_rng(0)
    papers = num_edges // 5
    first = (num_nodes * rng.random(papers)).astype(np.int64)
    offsets = (400 * rng.random((papers, 4)) ** 3).astype(np.int64)
    authors_of = np.concatenate([first[:, None], (first[:, None] + 1 + offsets) % num_nodes], axis=1)
    a, b = np.triu_indices(5, 1)
    ends = np.stack([authors_of[:, a].ravel(), authors_of[:, b].ravel()])
    ends = ends[:, ends[0] != ends[1]]
    key = np.unique(np.sort(ends, axis=0), axis=1)
    key = key[:, np.sort(rng.permutation(key.shape[1])[:num_edges])]
    x = rng.standard_normal((num_nodes, 128), dtype=np.float32)
    return gr.as_graph(key, num_nodes=num_nodes, directed=False, x=x)


def ours(task: dict[str, Any], graph: gr.Graph, positives: Any, settings: dict[str, Any], run: int) -> Any:
    model = getattr(gr.linkpred, task["model"])(**settings, random_state=0, progress=False, device=task["device"])
    # With fewer targets than the graph has edges, an epoch has fewer batches.
    targets = torch.from_numpy(positives[:, np.random.default_rng(0).permutation(positives.shape[1])])
    targets = targets[:, : run * settings["batch_size"]].contiguous()
    part, loop, _ = model._prepared(graph, targets.numpy(), None, None)

    def score_all(pairs: torch.Tensor) -> Any:
        return part.model.predictor.eval().scores(part.encode(), part.adj, pairs, model.score_batch)

    return lambda: loop.train_epoch(0), score_all


def authors(task: dict[str, Any], graph: gr.Graph, positives: Any, settings: dict[str, Any], run: int) -> Any:
    sys.path[:0] = [task["authors"], *task["path"]]
    fill_in(("ogb.linkproppred", ("PygLinkPropPredDataset", "Evaluator")))
    fill_in(("torch.utils.tensorboard", ("SummaryWriter",)), ("ogbdataset", ("loaddataset",)))
    import NeighborOverlap
    from model import GCN, predictor_dict
    from torch_sparse import SparseTensor

    s: dict[str, Any] = {"layers": 1, "jumping_knowledge": False, "residual": False, **settings}
    n, device = graph.num_nodes, task["device"]
    edges = torch.from_numpy(positives).to(device)
    both = torch.cat([edges, edges.flip(0)], 1)
    data = types.SimpleNamespace(num_nodes=n, edge_index=both)
    data.adj_t = SparseTensor.from_edge_index(both, sparse_sizes=(n, n)).coalesce()
    table = graph.x
    if table is None:
        data.x, in_channels, largest = torch.arange(n, device=device), s["dimensions"], n
    else:
        table = table.toarray() if hasattr(table, "toarray") else np.asarray(table)
        data.x, in_channels, largest = torch.from_numpy(table.astype(np.float32)).to(device), table.shape[1], -1
    d = s["dimensions"]
    encoder = GCN(
        in_channels,
        d,
        d,
        s["layers"],
        s["encoder_dropout"],
        True,  # noqa: FBT003
        s["residual"],
        largest,
        s["convolution"],
        s["jumping_knowledge"],
        s.get("encoder_edge_dropout", 0.0),
        xdropout=s["feature_dropout"],
        taildropout=s["output_dropout"],
    ).to(device)
    options = {
        "use_xlin": True,
        "tailact": s.get("tail_activation", True),
        "twolayerlin": s.get("two_layer_head", False),
    }
    if task["model"] == "NCNC":
        options |= {
            "depth": 1,
            "trainresdeg": -1,  # as their script has it: all residual neighbors
            "testresdeg": -1,
            "scale": float(s.get("completion_scale", 4.3)),
            "offset": float(s.get("completion_offset", 2.8)),
            "pt": s.get("completion_prior", 0.75),
            "alpha": s.get("completion_alpha", 1.0),
        }
    kind = predictor_dict["cn1" if task["model"] == "NCN" else "incn1cn1"]
    predictor = kind(d, d, 1, 3, s["predictor_dropout"], s["predictor_edge_dropout"], True, **options).to(device)  # noqa: FBT003
    rates = (s["learning_rate"], s["predictor_learning_rate"])
    groups = [{"params": part.parameters(), "lr": lr} for part, lr in zip((encoder, predictor), rates, strict=True)]
    optimizer = torch.optim.Adam(groups)
    whole = NeighborOverlap.PermIterator

    class Cut(whole):  # type: ignore[misc, valid-type]
        """The authors' batches, the first few of them."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.idx = self.idx[: run * self.bs]

    NeighborOverlap.PermIterator = Cut
    split = {"train": {"edge": edges.t().contiguous()}}

    def epoch() -> None:
        NeighborOverlap.train(encoder, predictor, data, split, optimizer, s["batch_size"], True)  # noqa: FBT003

    def score_all(pairs: torch.Tensor) -> None:
        encoder.eval(), predictor.eval()
        h = encoder(data.x, data.adj_t)
        for part in torch.split(pairs, s.get("score_batch", 8192), 1):
            predictor(h, data.adj_t, part)

    return epoch, score_all


def fill_in(*modules: tuple[str, tuple[str, ...]]) -> None:
    """Empty modules with these names, for imports of what is not used."""
    for name, members in modules:
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            path = ".".join(parts[:depth])
            if depth == len(parts) or path not in sys.modules:
                sys.modules[path] = types.ModuleType(path)
        for member in members:
            setattr(sys.modules[name], member, None)


if __name__ == "__main__":
    main()
