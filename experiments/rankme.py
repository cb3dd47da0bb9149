"""Effective rank, agreement of neighbors and accuracy per epoch: the information available to label-free stop rules.

    python experiments/rankme.py --root data cora citeseer amazon-photo wiki

For each data set and objective, StructComp is trained without stopping. The script computes after every epoch: RankMe
of the vectors of all nodes, the mean cosine of neighboring clusters, and the accuracy of logistic regression (C = 1)
trained on 20 random nodes per class and tested on the others, over ``--splits`` splits. Labels are used only for the
plot, which marks the epoch selected by the stop rule of StructComp.

Writes experiments/results/rankme.json, rankme.md and rankme.png.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

import graphrep as gr
from graphrep.contrast.stopping import HighestAgreement

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _graph_files import load_graph
from _harness import RESULTS, environment, write_results

OBJECTIVES = ("cca-ssg", "grace", "sce", "coles")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--root", help="folder of the data sets")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--objectives", nargs="*", default=OBJECTIVES)
    options = parser.parse_args()
    curves = [curve(dataset, objective, options) for dataset in options.datasets for objective in options.objectives]
    payload = {"environment": environment(["pymetis"]), "protocol": __doc__, "curves": curves}
    print(write_results("rankme", payload))
    table = RESULTS / "rankme.md"
    table.write_text(markdown(curves), encoding="utf-8")
    print(markdown(curves))
    draw(curves, options, RESULTS / "rankme.png")


def curve(dataset: str, objective: str, options: argparse.Namespace) -> dict[str, Any]:
    """One run, with the values of every epoch."""
    graph, _ = load_graph(dataset, options.root)
    never = HighestAgreement(patience=10**9)
    ranks: list[float] = []
    accuracies: list[float] = []

    def watch(_: int, __: dict[str, float], model: gr.StructComp) -> None:
        vectors = model.current_embedding()
        ranks.append(gr.contrast.rankme(vectors))
        accuracies.append(accuracy(vectors, graph, options.splits))

    model = gr.StructComp(
        objective=objective, epochs=options.epochs, stop=never, residual=False, callbacks=[watch]
    ).fit(graph)
    agreements = [record["agreement"] for record in model.history_]
    propagated = gr.evaluate.smooth_features(graph, graph.x)
    chosen = stopped(agreements)
    row = {
        "dataset": dataset,
        "objective": objective,
        "rank": ranks,
        "agreement": agreements,
        "accuracy": accuracies,
        "propagated": accuracy(propagated, graph, options.splits),
        "chosen": chosen,
        "highest_rank": int(np.argmax(ranks)) + 1,
    }
    print(f"{dataset} {objective}: epoch {chosen}, {100 * accuracies[chosen - 1]:.1f} of {100 * max(accuracies):.1f}")
    return row


def stopped(agreements: list[float]) -> int:
    """Epoch selected by the default stop rule."""
    rule, best = HighestAgreement(), 0
    high, since = -np.inf, 0
    for epoch, value in enumerate(agreements, 1):
        high = max(high, value)
        near = value >= high - rule.tolerance * abs(high)
        best, since = (epoch, 0) if near else (best, since + 1)
        if since >= rule.patience:
            break
    return best


def accuracy(vectors: np.ndarray, graph: gr.Graph, splits: int) -> float:
    result = gr.evaluate.node_classification(vectors, graph.y, per_class=20, repeats=splits, majority=False)
    return float(result.mean("accuracy")[0])


def markdown(curves: list[dict[str, Any]]) -> str:
    lines = [
        "# Which epoch, without labels",
        "",
        "Accuracy in % at the epoch that each rule takes (epoch in brackets); the last column needs labels.",
        "",
        "| data | objective | agreement | last epoch | highest RankMe | lowest RankMe | propagated features | best |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in curves:
        scores, last = row["accuracy"], len(row["accuracy"])
        epochs = [row["chosen"], last, row["highest_rank"], int(np.argmin(row["rank"])) + 1]
        cells = [f"{100 * scores[epoch - 1]:.1f} ({epoch})" for epoch in epochs]
        cells += [f"{100 * row['propagated']:.1f}", f"{100 * max(scores):.1f} ({int(np.argmax(scores)) + 1})"]
        lines.append(f"| {row['dataset']} | {row['objective']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw(curves: list[dict[str, Any]], options: argparse.Namespace, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shape = (len(options.datasets), len(options.objectives))
    figure, axes = plt.subplots(
        *shape, figsize=(3.6 * shape[1], 2.6 * shape[0]), squeeze=False, constrained_layout=True
    )
    for axis, row in zip(axes.flat, curves, strict=True):
        epochs = np.arange(1, len(row["accuracy"]) + 1)
        axis.plot(epochs, 100 * np.array(row["accuracy"]), color="black", label="accuracy %")
        axis.axhline(100 * row["propagated"], color="black", linestyle=":", linewidth=0.8, label="propagated features")
        axis.axvline(row["chosen"], color="tab:red", linewidth=0.8, label="epoch taken")
        axis.set_title(f"{row['dataset']}, {row['objective']}", fontsize=9)
        other = axis.twinx()
        for name, color in (("rank", "tab:blue"), ("agreement", "tab:red")):
            values = np.array(row[name])
            spread = float(np.ptp(values)) or 1.0
            other.plot(
                epochs, (values - values.min()) / spread, color=color, alpha=0.7, label=f"{name}, scaled to 0 … 1"
            )
        other.set_yticks([])
    handles = [*axes.flat[0].get_legend_handles_labels()[0], *other.get_legend_handles_labels()[0]]
    names = [*axes.flat[0].get_legend_handles_labels()[1], *other.get_legend_handles_labels()[1]]
    figure.legend(handles, names, loc="outside lower center", ncols=min(5, 2 * shape[1]), fontsize=8)
    figure.savefig(path, dpi=120)
    print(path)


if __name__ == "__main__":
    main()
