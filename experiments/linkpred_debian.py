"""Missing links of the Debian graph: heuristics, embeddings and neural models in one table, within minutes.

    python experiments/linkpred_debian.py [--rows fastrp ncn ...] [--seeds 3] [--epochs 10]

The graph is built into graphrep. Split: that of the data set, fixed; 256,691 training, 26,583 validation and 26,583
test edges. Negatives: the data set's 100,000 for each part, whose ends have the same degree distribution as those of
the hidden edges. All models use only the training edges: validation edges are neither trained on nor part of the test
graph. They select the penalty of the logistic regressions and the epoch of the neural models by the metric of the data
set, Hits@1000; nothing else is tuned. Test scores are computed once. Seeds are those of the models; the split is fixed.
Mean and unbiased standard deviation over seeds; heuristics have no seed.

Budgets are chosen to finish within minutes: node2vec samples 10 walks of 40 nodes per node, window 5, one epoch; the
neural models have width 64, at most ``--epochs`` epochs and batches of 8,192 edges, and learn a vector for each node
instead of using its 6,703 features (except "with features"). "GCN with an MLP" is what one would write in an afternoon:
two GCNConv layers of torch_geometric on the features, a network on Hadamard products, uniform negatives, and edges that
are scored while the encoder sees them. Training negatives are sampled in proportion to degree
(``negative_sampling="degree"``), like those of the data set; "uniform negatives" is a model trained with uniform
negatives, the usual choice, and tested with those of the data set. The networks learn without untrained scores, except
"with untrained scores", their default. "All together" are the default candidates of BestLinkPredictor with as many
epochs, with features and untrained scores.

Runs are added to experiments/results/linkpred_debian.json one by one; existing runs are not repeated unless ``--again``
is given. The table is also written to linkpred_debian.md.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import graphrep as gr

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _harness import RESULTS, environment, write_results

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "linkpred_debian"
METRICS = ("hits@1000", "hits@100", "mrr", "auc", "ap")
SHARED = {
    "dimensions": 64,
    "batch_size": 8192,
    "metric": "hits@1000",
    "score_batch": 16384,
    "negative_sampling": "degree",
    "patience": None,
    "untrained_scores": False,
}
GENTLE = {"feature_dropout": 0.0, "encoder_dropout": 0.1, "output_dropout": 0.1}


def rows(options: argparse.Namespace, graph: gr.Graph) -> dict[str, tuple[str, Callable[[int], Any] | None]]:
    """Short name -> name in the table, and a function from a seed to an unfitted scorer (None if there is no seed)."""
    neural = SHARED | {"epochs": options.epochs}
    bare = gr.Graph(graph.indptr, graph.indices)  # without features

    def fitted(model: Any, seen: gr.Graph, split: Any) -> Any:
        return model.fit(seen, val=split)

    def embedding(embedder: Any, operator: str) -> Callable[[int], Any]:
        def make(seed: int) -> Any:
            vectors = embedder(random_state=seed)
            settings: Any = {
                "operator": operator,
                "C": (0.01, 0.1, 1.0, 10.0, 100.0) if operator == "hadamard" else None,
                "max_train": 100_000,
                "metric": "hits@1000",
                "negative_sampling": "degree",
                "random_state": seed,
            }
            scorer = gr.EmbeddingScorer(vectors, **settings)
            return partial(fitted, scorer, graph)

        return make

    def learned(estimator: Any, seen: gr.Graph, **parameters: Any) -> Callable[[int], Any]:
        return lambda seed: partial(fitted, estimator(random_state=seed, **(neural | parameters)), seen)

    def linear(seed: int) -> Any:
        options: Any = {"metric": "hits@1000", "negative_sampling": "degree", "random_state": seed}
        return partial(fitted, gr.NetInfoFAct(**options), graph)

    def plain(seed: int) -> Any:
        from _plain_gcn import PlainGCN

        model = PlainGCN(dimensions=64, epochs=options.epochs, batch_size=8192, metric="hits@1000", random_state=seed)
        return partial(fitted, model, graph)

    def together(seed: int) -> Any:
        choice = gr.BestLinkPredictor(metric="hits@1000", random_state=seed, n_jobs=options.threads)
        candidates = choice._candidates(graph, 0)
        for name in ("GAE", "NCN"):
            candidates[name].set_params(epochs=options.epochs, patience=None, progress=False)
        return partial(fitted, choice.set_params(candidates=candidates), graph)

    node2vec = partial(gr.Node2Vec, walks_per_node=10, walk_length=40, window=5, n_jobs=options.threads)
    heuristics = {**gr.heuristics.HEURISTICS, **gr.heuristics.PATH_HEURISTICS}
    return {
        **{f"heuristic {name}": (f"{name} (untrained)", None) for name in heuristics},
        "fastrp-cosine": ("FastRP, cosine", embedding(gr.FastRP, "cosine")),
        "fastrp": ("FastRP, Hadamard, logistic regression", embedding(gr.FastRP, "hadamard")),
        "fastrp-auto": ("FastRP and heuristics, chosen on validation", embedding(gr.FastRP, "auto")),
        "spectral-auto": ("Spectral and heuristics, chosen on validation", embedding(gr.Spectral, "auto")),
        "node2vec-cosine": ("node2vec, cosine", embedding(node2vec, "cosine")),
        "node2vec": ("node2vec, Hadamard, logistic regression", embedding(node2vec, "hadamard")),
        "node2vec-auto": ("node2vec and heuristics, chosen on validation", embedding(node2vec, "auto")),
        "netinfof-act": ("NetInfoF Act, linear", linear),
        "plain-gcn": ("GCN with an MLP, on PyG", plain),
        "gae": ("GAE", learned(gr.GAE, bare)),
        "ncn": ("NCN", learned(gr.NCN, bare, **GENTLE)),
        "ncn-uniform": ("NCN, uniform negatives", learned(gr.NCN, bare, **GENTLE, negative_sampling="uniform")),
        "gae-scores": ("GAE, with untrained scores", learned(gr.GAE, bare, untrained_scores=True)),
        "ncn-scores": ("NCN, with untrained scores", learned(gr.NCN, bare, **GENTLE, untrained_scores=True)),
        "ncnc": ("NCNC", learned(gr.NCNC, bare, **GENTLE, max_neighbors=16)),
        "ncn-features": ("NCN, with features", learned(gr.NCN, graph, **GENTLE)),
        "together": ("all together (BestLinkPredictor)", together),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rows", nargs="*", help="default: the heuristics and all rows but ncnc, ncn-features, plain-gcn and together"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()

    debian = gr.datasets.load("debian")
    split = debian.split
    table = rows(options, split.graph)
    wanted = options.rows or [name for name in table if name not in ("ncnc", "ncn-features", "plain-gcn", "together")]
    for name in wanted:
        if name not in table:
            parser.error(f"there is no row {name}; the rows are {', '.join(table)}.")
    path = RESULTS / f"{NAME}.json"
    saved = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    runs = [run for run in saved if not (options.again and run["row"] in wanted)]
    for name in wanted:
        title, make = table[name]
        for seed in range(options.seeds if make else 1):
            if any(run["row"] == name and run["seed"] == seed for run in runs):
                continue
            scorer = make(seed) if make else None
            runs.append({"row": name, "model": title, "seed": seed, **judged(name, scorer, split)})
            print(title, seed, {key: round(value, 4) for key, value in runs[-1]["scores"].items()}, flush=True)
            write(runs)
    write(runs)
    print(markdown(runs))


def judged(name: str, fit: Any, split: Any) -> dict[str, Any]:
    """Validation and test scores of one run, and its cost."""
    begin = time.perf_counter()
    more: dict[str, Any] = {}
    if fit is None:
        heuristics = {**gr.heuristics.HEURISTICS, **gr.heuristics.PATH_HEURISTICS}
        score = partial(heuristics[name.removeprefix("heuristic ")], split.graph)
    else:
        model = fit(split)
        score = model.score_pairs
        if hasattr(model, "weights_"):
            more = {"weights": model.weights_, "validation": model.validation_}
        elif hasattr(model, "best_epoch_"):
            more = {"epoch": model.best_epoch_, "parameters": model.num_parameters_}
        elif hasattr(model, "C_"):
            more = {"C": model.C_, "operator": model.operator_}
    fit_seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    scores = gr.evaluate.link_metrics(score(split.test), score(split.test_neg), METRICS)
    score_seconds = time.perf_counter() - begin
    valid = gr.evaluate.link_metrics(score(split.valid), score(split.valid_neg), METRICS)
    return {
        "scores": {key: float(value) for key, value in scores.items()},
        "valid": {key: float(value) for key, value in valid.items()},
        **more,
        "fit_seconds": fit_seconds,
        "score_seconds": score_seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "threads": torch.get_num_threads(),
    }


def write(runs: list[dict[str, Any]]) -> None:
    write_results(NAME, {"environment": environment(), "protocol": __doc__, "runs": runs})
    (RESULTS / f"{NAME}.md").write_text(markdown(runs), encoding="utf-8")


def markdown(runs: list[dict[str, Any]]) -> str:
    """A row per model: mean and deviation in percent, time of fitting and of scoring the test pairs."""
    threads = sorted({run["threads"] for run in runs})
    lines = [
        "# Link prediction on the Debian graph",
        "",
        "Fixed split of the data set; 26,583 hidden edges against 100,000 pairs of nodes that are as popular. Training",
        "edges alone are seen; validation edges choose the penalty or the epoch. Percent, mean ± unbiased standard",
        f"deviation over seeds of the model; seconds with {' or '.join(map(str, threads))} thread(s).",
        "`experiments/linkpred_debian.py` says which budgets each model had.",
        "",
        f"| model | seeds | {' | '.join(METRICS)} | fit s | score s |",
        "|---|---:|" + "---:|" * (len(METRICS) + 2),
    ]
    for name in dict.fromkeys(run["row"] for run in runs):
        own = [run for run in runs if run["row"] == name]
        cells = []
        for metric in METRICS:
            values = [100 * run["scores"][metric] for run in own]
            spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
            cells.append(f"{statistics.fmean(values):.2f}{spread}")
        times = [statistics.median(run[key] for run in own) for key in ("fit_seconds", "score_seconds")]
        lines.append(f"| {own[0]['model']} | {len(own)} | {' | '.join([*cells, *(f'{t:.1f}' for t in times)])} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
