"""Demo on the built-in graph: one method of each family on each task, beside what needs no training.

    python experiments/demo.py --out out

Missing links are learned from the training edges alone and judged on the held-out edges of the data set; sections,
clusters, nearest packages and the map use all edges. Takes about three minutes on two quiet cores.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.cluster import KMeans

import graphrep as gr

PACKAGES = ("nginx", "vim", "python3-numpy", "postgresql-15")
TRAINING = 30  # seconds for the link predictor
MAPPED = 2000  # packages on the map


def embedders(seed: int) -> dict[str, Any]:
    """Return embedders of the structure alone, and one of package descriptions along the edges, which is untrained."""
    return {
        "FastRP": gr.FastRP(random_state=seed),
        "Spectral": gr.Spectral(random_state=seed),
        "node2vec": gr.Node2Vec(walks_per_node=2, random_state=seed),
        "propagated features": gr.PropagatedFeatures(random_state=seed),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Embed, judge and map the Debian package graph.")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the vectors and the maps")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()

    data = gr.datasets.load("debian")
    print(f"debian: {data.graph}")
    print(f"        {data.split}")
    links(data, options.seed)
    vectors = embed(data, options.seed)
    sections(data, vectors)
    clusters(data, vectors, options.seed)
    nearest(vectors)
    draw(data, vectors["node2vec"], options.out, options.seed)
    for name in ("Spectral", "node2vec"):
        vectors[name].save(options.out / f"debian-{name.lower()}.safetensors")

    print(f"\nWrote {', '.join(str(path) for path in sorted(options.out.glob('debian-*')))}")
    print(f"Done in {time.perf_counter() - began:.0f} s. Open {options.out / 'debian-map.html'} in a browser.")
    print("Next: your own graph, with `graphrep embed edges.csv -o vectors.safetensors`; docs/quickstart.md goes on.")


def links(data: gr.datasets.Dataset, seed: int) -> None:
    """Find missing dependencies."""
    print("\n1. Missing links: models see the training edges and choose on validation edges.")
    split, models = data.split, {}
    for name, model in embedders(seed).items():
        scorer = gr.EmbeddingScorer(model, metric=data.metric, max_train=20_000, random_state=seed)
        models[name] = timed(name, lambda scorer=scorer: scorer.fit(split.graph, val=split))
    print(f"   GAE learns from structure and descriptions; it is given {TRAINING} s.")
    gae = gr.GAE(max_seconds=TRAINING, metric=data.metric, random_state=seed)
    models["GAE"] = timed("GAE", lambda: gae.fit(split.graph, val=split))
    print(gr.evaluate.compare(models, split, metrics=(data.metric, "mrr", "auc", "ap"), random_state=seed))


def embed(data: gr.datasets.Dataset, seed: int) -> dict[str, gr.NodeVectors]:
    """Learn a vector per package from all edges."""
    print("\n2. Vectors of all packages, 128 dimensions.")
    models = embedders(seed) | {"StructComp": gr.StructComp(dimensions=128, random_state=seed)}
    return {
        name: timed(name, lambda model=model: model.fit(data.graph).node_vectors_) for name, model in models.items()
    }


def sections(data: gr.datasets.Dataset, vectors: dict[str, gr.NodeVectors]) -> None:
    """Predict the section of a package."""
    print("\n3. Section of a package (58): logistic regression on unit rows, 20 % of the packages train.")
    split = data.label_split
    bare = gr.as_graph(data.graph.edges(), num_nodes=data.graph.num_nodes, directed=False)  # structure, no features
    tables: dict[str, Any] = dict(vectors)
    tables["random projection (untrained)"] = gr.evaluate.node_baselines(bare)["random projection"]
    found = {
        name: gr.evaluate.node_classification(
            table, data.graph.y, train=split.train, test=split.test, normalize="l2", C=10.0
        )
        for name, table in tables.items()
    }
    print(f"{'':32}{'accuracy':>10}{'macro-F1':>10}")
    for name, result in found.items():
        print(f"{labeled(name):32}{result.mean('accuracy')[0]:10.4f}{result.mean('macro_f1')[0]:10.4f}")
    majority = next(iter(found.values())).majority
    print(f"{'majority (untrained)':32}{majority['accuracy'].mean():10.4f}{majority['macro_f1'].mean():10.4f}")


def clusters(data: gr.datasets.Dataset, vectors: dict[str, gr.NodeVectors], seed: int) -> None:
    """Find packages that belong together."""
    print("\n4. Clusters: k-means on unit rows, as many clusters as sections.")
    print(f"{'':32}{'NMI':>10}{'modularity':>12}")
    for name, table in vectors.items():
        unit = table.vectors / np.maximum(np.linalg.norm(table.vectors, axis=1, keepdims=True), 1e-12)
        labels = KMeans(len(data.label_names), n_init=1, random_state=seed).fit_predict(unit)
        quality = gr.evaluate.clustering(data.graph.y, labels)
        print(f"{labeled(name):32}{quality['nmi']:10.4f}{gr.evaluate.modularity(data.graph, labels):12.4f}")


def nearest(vectors: dict[str, gr.NodeVectors]) -> None:
    """Print the packages most similar to some."""
    print("\n5. Nearest by cosine.")
    for package in PACKAGES:
        print(f"{package}")
        for name in ("Spectral", "node2vec", "StructComp"):
            others = [str(other) for other, _ in vectors[name].most_similar(package, k=3)]
            print(f"   {name:10} {', '.join(others)}")


def draw(data: gr.datasets.Dataset, vectors: gr.NodeVectors, out: Path, seed: int) -> None:
    """Draw a sample of packages as a picture and as a page to explore."""
    connected = np.flatnonzero(data.graph.out_degree)
    chosen = np.sort(np.random.default_rng(seed).choice(connected, min(MAPPED, len(connected)), replace=False))
    sample = gr.NodeVectors(vectors.vectors[chosen], vectors.nodes[chosen])
    names = np.array([data.label_names[section] for section in data.graph.y[chosen]])
    print(f"\n6. A map of {len(chosen):,} packages.")
    places = timed("t-SNE", lambda: gr.plot.layout(sample, method="tsne", random_state=seed))
    title = f"Debian packages by node2vec, {len(chosen):,} of {data.graph.num_nodes:,}, colored by section"
    gr.plot.map(sample, names, layout=places, title=title, path=out / "debian-map.png")
    gr.plot.map_html(sample, None, names, layout=places, graph=data.graph, title=title).save(out / "debian-map.html")


def labeled(name: str) -> str:
    """Return the name of a row in a table, which says what is not trained."""
    return f"{name} (untrained)" if name == "propagated features" else name


def timed(name: str, work: Callable[[], Any]) -> Any:
    """Do the work and print how long it took."""
    start = time.perf_counter()
    found = work()
    print(f"   {name}: {time.perf_counter() - start:.1f} s", flush=True)
    return found


if __name__ == "__main__":
    main()
