"""Multilabel node classification by the DeepWalk and node2vec protocol: a table per data set.

    python experiments/node_classification.py --mat Homo_sapiens.mat --name ppi
    python experiments/node_classification.py --mat blogcatalog.mat --name blogcatalog --configs node2vec_blogcatalog

The .mat files are those published with the papers: a sparse adjacency ``network`` and a 0/1 matrix ``group``.
One-vs-rest logistic regression, C = 1, on 10 ... 90 % of the nodes. "TopK" predicts the true number of labels of each
node, as the published results do; "plain" predicts labels with a probability above 1/2. Mean and unbiased standard
deviation over random splits times seeds of the embedding. Embeddings use all edges and no labels; tuning, if a
configuration asks for it, uses only held-out edges. The table includes untrained vectors as baselines.

Writes experiments/results/node_classification_NAME.json and .md.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import scipy.sparse as sp
import yaml

import graphrep as gr
from graphrep.embed import tune_fastrp

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _harness import RESULTS, environment, write_results

CONFIGS = Path(__file__).parent / "configs" / "node_classification"
RATIOS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
HALF = RATIOS.index(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description="Node classification by the DeepWalk and node2vec protocol.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--mat", type=Path, help="MATLAB file with network and group")
    source.add_argument(
        "--npz", type=Path, help="NumPy archive with edge_index, num_nodes, y_indptr, y_indices, y_shape"
    )
    parser.add_argument("--name", required=True, help="name of the data set, for the results")
    parser.add_argument("--configs", nargs="*", default=["deepwalk", "node2vec", "fastrp_128"])
    parser.add_argument("--seeds", type=int, default=5, help="seeds of the embedding")
    parser.add_argument("--splits", type=int, default=10, help="random splits of the nodes per seed")
    options = parser.parse_args()

    graph, labels = read_mat(options.mat) if options.mat else read_npz(options.npz)
    print(f"{options.name}: {graph}, {labels.shape[1]} labels, {labels.nnz} assignments")
    rows = []
    for config in options.configs:
        settings = yaml.safe_load((CONFIGS / f"{config}.yaml").read_text())
        rows.append(judge(settings["name"], embedder(settings, graph), labels, options, settings))
    baselines = {
        name: [gr.evaluate.node_baselines(graph, random_state=seed)[name] for seed in range(options.seeds)]
        for name in ("random", "random projection")
    }
    for name, tables in baselines.items():
        rows.append(judge(f"{name} (untrained)", tables.__getitem__, labels, options, {}))

    protocol = {
        "dataset": options.name,
        "nodes": graph.num_nodes,
        "edges": graph.num_edges,
        "labels": labels.shape[1],
        "ratios": RATIOS,
        "seeds": options.seeds,
        "splits_per_seed": options.splits,
        "classifier": "one-vs-rest logistic regression, C=1",
    }
    path = write_results(
        f"node_classification_{options.name}", {"environment": environment(), "protocol": protocol, "rows": rows}
    )
    table = RESULTS / f"node_classification_{options.name}.md"
    table.write_text(markdown(rows, protocol), encoding="utf-8")
    print(markdown(rows, protocol))
    print(path, table)


def embedder(settings: dict[str, Any], graph: gr.Graph) -> Any:
    """Function from a seed to vectors."""
    model = getattr(gr, settings["estimator"])(**settings["parameters"])
    if settings.get("tune"):
        split = gr.evaluate.random_link_split(graph, test=0.0, valid=0.1, random_state=0)

        def validation_auc(vectors: np.ndarray) -> float:
            result = gr.evaluate.link_prediction(vectors, split, part="valid", operator="cosine", metrics=["auc"])
            return float(result["auc"])

        model, history = tune_fastrp(split.graph, validation_auc, estimator=model)
        best = max(history)
        print(
            f"tuned to weights {best.iteration_weights}, strength {best.normalization_strength:.3f}: {best.score:.4f}"
        )
    return lambda seed: model.set_params(random_state=seed).fit_transform(graph)


def judge(
    name: str, embed: Any, labels: sp.csr_array, options: argparse.Namespace, settings: dict[str, Any]
) -> dict[str, Any]:
    """Scores of one method over seeds and splits."""
    runs: dict[str, list[Any]] = {}
    seconds = []
    for seed in range(options.seeds):
        start = time.perf_counter()
        vectors = embed(seed)
        seconds.append(time.perf_counter() - start)
        for rule, known in (("topk", True), ("plain", False)):
            for normalize in ("none", "l2"):
                result = gr.evaluate.node_classification(
                    vectors,
                    labels,
                    ratios=RATIOS,
                    repeats=options.splits,
                    normalize=normalize,
                    known_label_counts=known,
                    majority=False,
                    random_state=seed,
                )
                for metric in ("micro_f1", "macro_f1"):
                    runs.setdefault(f"{rule} {normalize} {metric}", []).append(result.scores[metric])
    scores = {key: np.concatenate(values, axis=1) for key, values in runs.items()}
    row = {
        "name": name,
        "parameters": settings.get("parameters"),
        "published_macro_f1": (settings.get("published_macro_f1") or {}).get(options.name),
        "embedding_seconds": seconds,
        "scores": {
            key: {"mean": value.mean(axis=1).tolist(), "sd": value.std(axis=1, ddof=1).tolist()}
            for key, value in scores.items()
        },
    }
    half = row["scores"]["topk none macro_f1"]
    print(f"{name}: macro-F1 at 50 %, TopK: {half['mean'][HALF]:.4f} ± {half['sd'][HALF]:.4f}", flush=True)
    return row


def markdown(rows: list[dict[str, Any]], protocol: dict[str, Any]) -> str:
    """Table of results with 50 % of the nodes labeled, then macro-F1 by ratio."""
    runs = protocol["seeds"] * protocol["splits_per_seed"]
    lines = [
        f"# Node classification on {protocol['dataset']}",
        "",
        f"{protocol['nodes']:,} nodes, {protocol['edges']:,} edges, {protocol['labels']} labels.",
        f"{protocol['classifier'].capitalize()}, mean ± unbiased standard deviation over {runs} runs",
        f"({protocol['seeds']} seeds of the embedding, {protocol['splits_per_seed']} splits each).",
        "",
        "50 % of the nodes labeled; TopK except in the last column:",
        "",
        "| method | micro-F1 | macro-F1 | published macro-F1 | macro-F1, unit rows | macro-F1, plain |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cells = [_cell(row, key) for key in ("topk none micro_f1", "topk none macro_f1")]
        published = f"{row['published_macro_f1']:.4f}" if row["published_macro_f1"] else ""
        more = [_cell(row, key) for key in ("topk l2 macro_f1", "plain none macro_f1")]
        lines.append(f"| {row['name']} | {' | '.join([*cells, published, *more])} |")
    lines += ["", "Macro-F1, TopK, by the fraction of labeled nodes:", ""]
    lines.append("| method | " + " | ".join(f"{ratio:.0%}" for ratio in RATIOS) + " |")
    lines.append("|---|" + "---:|" * len(RATIOS))
    for row in rows:
        means = row["scores"]["topk none macro_f1"]["mean"]
        lines.append(f"| {row['name']} | " + " | ".join(f"{value:.4f}" for value in means) + " |")
    return "\n".join(lines) + "\n"


def _cell(row: dict[str, Any], key: str) -> str:
    score = row["scores"][key]
    return f"{score['mean'][HALF]:.4f} ± {score['sd'][HALF]:.4f}"


def read_mat(path: Path) -> tuple[gr.Graph, sp.csr_array]:
    """Graph and labels from the papers' MATLAB files, self loops dropped."""
    content = scipy.io.loadmat(path)
    graph = gr.as_graph(sp.csr_array(content["network"]), directed=False, self_loops=False)
    return graph, sp.csr_array(content["group"])


def read_npz(path: Path) -> tuple[gr.Graph, sp.csr_array]:
    """Graph and labels from plain arrays."""
    with np.load(path, allow_pickle=False) as content:
        graph = gr.as_graph(content["edge_index"], num_nodes=int(content["num_nodes"]), directed=False)
        ones = np.ones(len(content["y_indices"]))
        labels = sp.csr_array((ones, content["y_indices"], content["y_indptr"]), shape=tuple(content["y_shape"]))
    return graph, labels


if __name__ == "__main__":
    main()
