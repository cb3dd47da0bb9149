"""Demo on the built-in graph: embed, evaluate with untrained baselines, show nearest neighbors, draw a map.

    python experiments/demo.py --out out

Link prediction trains only on the training edges and is tested on the held-out edges of the data set; section
classification and nearest neighbors use all edges. Takes about a minute and a half on two cores.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

import graphrep as gr

PACKAGES = ("nginx", "vim", "python3-numpy", "postgresql-15")


def main() -> None:
    parser = argparse.ArgumentParser(description="Embed and judge the Debian package graph.")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the vectors and the picture")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()

    data = gr.datasets.load("debian")
    print(f"debian: {data.graph}")
    print(f"        {data.split}\n")

    vectors = {}  # learned from the training edges
    full = {}  # learned from all edges
    for name, model in {
        "FastRP": gr.FastRP(random_state=options.seed),
        "node2vec": gr.Node2Vec(random_state=options.seed),
    }.items():
        start = time.perf_counter()
        vectors[name] = model.fit_transform(data.split.graph)
        print(f"{name}: {vectors[name].shape[1]} dimensions in {time.perf_counter() - start:.1f} s (training edges)")
        full[name] = model.fit(data.graph).node_vectors_
        full[name].save(options.out / f"debian-{name.lower()}.safetensors")

    print("\nLink prediction. Vectors are scored by a logistic regression on their Hadamard products.")
    print(
        gr.evaluate.compare(vectors, data.split, metrics=(data.metric, "mrr", "auc", "ap"), random_state=options.seed)
    )

    print("\nSection of a package (58), logistic regression on 20 % of the packages.")
    labels = data.label_split
    scores = {}
    candidates = {name: table.vectors for name, table in full.items()}
    bare = gr.as_graph(data.graph.edges(), num_nodes=data.graph.num_nodes, directed=False)  # structure, no features
    candidates["random projection (untrained)"] = gr.evaluate.node_baselines(bare)["random projection"]
    for name, table in candidates.items():
        scores[name] = gr.evaluate.node_classification(
            table, data.graph.y, train=labels.train, test=labels.test, normalize="standardize"
        )
    print(f"{'':32}{'accuracy':>10}{'macro-F1':>10}")
    for name, result in scores.items():
        print(f"{name:32}{result.mean('accuracy')[0]:10.4f}{result.mean('macro_f1')[0]:10.4f}")
    majority = next(iter(scores.values())).majority
    print(f"{'majority (untrained)':32}{majority['accuracy'].mean():10.4f}{majority['macro_f1'].mean():10.4f}")

    for package in PACKAGES:
        print(f"\nNearest to {package} (cosine)")
        for name, table in full.items():
            near = ", ".join(str(other) for other, _ in table.most_similar(package, k=6))
            print(f"  {name:9} {near}")

    picture = options.out / "debian-map.png"
    draw_map(full["node2vec"].vectors, data, picture, seed=options.seed)
    print(f"\nWrote {', '.join(str(path) for path in sorted(options.out.glob('debian-*')))}")
    print(f"Done in {time.perf_counter() - began:.0f} s.")


def draw_map(vectors: np.ndarray, data: gr.datasets.Dataset, path: Path, *, seed: int, sample: int = 4000) -> None:
    """2-D t-SNE map of a sample of packages, colored by the largest sections."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    connected = np.flatnonzero(data.graph.out_degree)
    chosen = np.random.default_rng(seed).choice(connected, min(sample, len(connected)), replace=False)
    unit = vectors[chosen] / np.linalg.norm(vectors[chosen], axis=1, keepdims=True)
    flat = TSNE(init="pca", perplexity=30, max_iter=500, random_state=seed, n_jobs=-1).fit_transform(
        PCA(32, random_state=seed).fit_transform(unit)
    )
    sections = data.graph.y[chosen]
    counts = np.bincount(sections, minlength=len(data.label_names))
    figure, axes = plt.subplots(figsize=(11, 9), layout="constrained")
    largest = np.argsort(-counts)[:18]
    rest = ~np.isin(sections, largest)
    axes.scatter(*flat[rest].T, s=5, color="0.85", linewidths=0, label="other")
    colors = [plt.cm.tab20(i) for i in range(20) if i not in (14, 15)]  # without the grays
    for color, section in zip(colors, largest, strict=True):
        here = sections == section
        axes.scatter(*flat[here].T, s=9, color=color, linewidths=0, label=data.label_names[section])
    axes.set_title(f"Debian packages by node2vec, {len(chosen):,} of {data.graph.num_nodes:,}, colored by section")
    axes.set_axis_off()
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, markerscale=2.5)
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main()
