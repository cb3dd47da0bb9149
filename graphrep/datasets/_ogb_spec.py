"""Properties of each data set of the Open Graph Benchmark that is read."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BASE_URL", "SPECS", "Spec"]

BASE_URL = "https://snap.stanford.edu/ogb/data/"


@dataclass(frozen=True)
class Spec:
    """One data set.

    ``form`` is "shared" (one list of negatives per part), "own" (negatives of each source), "triples" (relations
    between nodes of one type), "typed" (of several types) or "labels" (of several types, with labels of nodes in place
    of triples to predict). ``once`` means that a pair or triple occurs in only one part, so that an occurrence in two
    parts is a leak.
    """

    name: str
    archive: str  # file on the server and folder inside it
    split: str  # folder under split/
    metric: str
    form: str
    directed: bool
    once: bool
    node_arrays: tuple[str, ...] = ()
    edge_arrays: tuple[str, ...] = ()
    binary: bool = False
    train_negatives: bool = False

    @property
    def url(self) -> str:
        """Address of the archive."""
        return f"{BASE_URL}{'nodeproppred' if self.form == 'labels' else 'linkproppred'}/{self.archive}.zip"

    @property
    def typed(self) -> bool:
        """Whether there are several types of nodes."""
        return self.form in ("typed", "labels")

    @property
    def folders(self) -> tuple[str, ...]:
        """Possible names of the folder of the data set."""
        plain = self.name.replace("-", "_")
        return plain, f"{plain}_pyg", self.archive

    def raw_files(self) -> tuple[str, ...]:
        """Files that raw/ must contain."""
        if self.binary:
            return ("data.npz",)
        if self.typed:
            files = "num-node-dict.csv.gz", "triplet-type-list.csv.gz"
            return (*files, "nodetype-has-label.csv.gz") if self.form == "labels" else files
        more = (*self.node_arrays, *self.edge_arrays)
        return (
            "edge.csv.gz", "num-node-list.csv.gz", "num-edge-list.csv.gz",
            *("node-feat.csv.gz" if name == "node_feat" else f"{name}.csv.gz" for name in more),
        )  # fmt: skip


_ALL = (
    Spec("ogbl-ddi", "ddi", "target", "hits@20", "shared", directed=False, once=True),
    # Authors may publish together again in later years: a pair of 2019 can also be one of 2017.
    Spec(
        "ogbl-collab", "collab", "time", "hits@50", "shared", directed=False, once=False, node_arrays=("node_feat",),
        edge_arrays=("edge_weight", "edge_year"),
    ),
    Spec(
        "ogbl-ppa", "ppassoc", "throughput", "hits@100", "shared", directed=False, once=True,
        node_arrays=("node_feat",),
    ),
    Spec(
        "ogbl-citation2", "citation-v2", "time", "mrr", "own", directed=True, once=True,
        node_arrays=("node_feat", "node_year"),
    ),
    # Several vessels can connect the same two points.
    Spec(
        "ogbl-vessel", "vessel", "spatial", "auc", "shared", directed=False, once=False, node_arrays=("node_feat",),
        binary=True, train_negatives=True,
    ),
    Spec(
        "ogbl-wikikg2", "wikikg-v2", "time", "mrr", "triples", directed=True, once=True, edge_arrays=("edge_reltype",),
    ),
    Spec("ogbl-biokg", "biokg", "random", "mrr", "typed", directed=True, once=True, edge_arrays=("edge_reltype",)),
    Spec(
        "ogbn-mag", "mag", "time", "", "labels", directed=True, once=True, node_arrays=("node_feat", "node_year"),
        edge_arrays=("edge_reltype",),
    ),
)  # fmt: skip
SPECS = {spec.name: spec for spec in _ALL}
