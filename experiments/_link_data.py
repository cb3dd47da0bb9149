"""The splits used by ``linkpred.py``, and a note on each for the tables."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

import graphrep as gr

PROTOCOLS = {
    "ncn": "Random 70/10/20 split of the edges, another for every seed, as in the NCN paper. Test edges are ranked "
    "against as many random pairs that are no edges, validation edges against twice as many as there are of them.",
    "given": "The data set's own split and negatives.",
    "heart": "The split and the hard negatives of HeaRT: each edge is ranked among its own 500. Not comparable to "
    "figures with random negatives.",
    "hard": "The data set's own split, of which so many edges as the configuration says are ranked, each among 500 "
    "hard negatives that `heuristics.hard_negatives` makes as HeaRT does. Hidden edges are no negatives, whereas the "
    "published files of HeaRT leave other test edges in, so that figures do not compare.",
}
ALWAYS = (
    "The training edges alone are the graph, at test time too; validation edges are never trained on. The epoch is "
    "that of the best validation value."
)


def split_of(settings: dict[str, Any], seed: int, root: str | None) -> gr.datasets.LinkSplit:
    """The split of a configuration and seed."""
    name, protocol = settings["dataset"], settings["protocol"]
    if protocol == "heart":
        return heart_split(name, root)
    if protocol in ("given", "hard"):
        split = gr.datasets.load(name, root=root).split
        assert split is not None
        return split if protocol == "given" else hard_split(split, settings["ranked"])
    return gr.evaluate.ncn_link_split(graph_of(settings, root), random_state=seed)


def graph_of(settings: dict[str, Any], root: str | None) -> gr.Graph:
    """The graph, without its features if the configuration says ``structure_only``."""
    name = settings["dataset"]
    if not settings.get("structure_only"):
        return gr.datasets.load(name, root=root).graph
    edges = Path(root or ".") / name / "graph.npz"
    if edges.exists():  # edge_index and num_nodes are enough
        with np.load(edges) as arrays:
            return gr.as_graph(arrays["edge_index"], num_nodes=int(arrays["num_nodes"]), directed=False)
    graph = gr.datasets.load(name, root=root).graph
    return gr.as_graph(graph.edges(), num_nodes=graph.num_nodes, directed=False)


def heart_split(name: str, root: str | None) -> gr.datasets.LinkSplit:
    """HeaRT's split of a data set, read from ROOT/heart/NAME."""
    folder = Path(root or ".") / "heart" / name
    base = gr.datasets.load(name, root=root) if name.startswith("ogbl-") else None
    try:
        split = gr.datasets.read_heart(folder, base).split
    except FileNotFoundError as error:
        raise SystemExit(f"HeaRT's files for {name} are needed in {folder}: {error}") from error
    assert split is not None
    if base is None and split.graph.x is None:
        raise SystemExit(f"{folder} has no gnn_feature: published figures of {name} use features.")
    return split


def hard_split(split: gr.datasets.LinkSplit, ranked: int) -> gr.datasets.LinkSplit:
    """A sample of the validation and test edges, the same for every seed, with 500 hard negatives each."""
    hidden = np.concatenate([split.valid, split.test], axis=1)
    parts: dict[str, Any] = {}
    for part in ("valid", "test"):
        edges = getattr(split, part)
        some = edges[:, np.random.default_rng(0).permutation(edges.shape[1])[:ranked]]
        negatives = gr.heuristics.hard_negatives(
            split.graph, some, exclude=hidden, tolerance=1e-5, rank_unseen=True, random_state=0
        )
        parts |= {part: some, f"{part}_neg": negatives}
    return dataclasses.replace(split, **parts)
