from __future__ import annotations

import gzip
import pickle
import types

import numpy as np
import pytest
import scipy.sparse as sp
import torch

TYPES = {"disease": 5, "drug": 4, "protein": 7}
TRIPLETS = [
    ("drug", "drug-protein", "protein"),
    ("disease", "disease-protein", "protein"),
    ("drug", "drug-drug", "drug"),
]
FOLDERS = {  # of the split
    "ogbl-ddi": "target", "ogbl-collab": "time", "ogbl-ppa": "throughput", "ogbl-citation2": "time",
    "ogbl-vessel": "spatial", "ogbl-wikikg2": "time", "ogbl-biokg": "random", "ogbn-mag": "time",
}  # fmt: skip


def write_csv(path, rows, header=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [] if header is None else [",".join(header)]
    lines += [",".join(str(value) for value in np.atleast_1d(row).tolist()) for row in rows]
    with gzip.open(path, "wt") as file:
        file.write("".join(f"{line}\n" for line in lines))


def random_pairs(rng, num_nodes, count):
    keys = rng.permutation(num_nodes * (num_nodes - 1) // 2)[:count]
    u, v = np.triu_indices(num_nodes, k=1)
    pairs = np.stack([u[keys], v[keys]], axis=1)
    flip = rng.random(count) < 0.5
    pairs[flip] = pairs[flip, ::-1]
    return pairs


def write_shared(folder, name, rng):
    n, train, held = 20, 30, 8
    pairs = random_pairs(rng, n, train + 2 * held + 40)
    parts = dict(
        zip(("train", "valid", "test", "neg"), np.split(pairs, [train, train + held, train + 2 * held]), strict=True)
    )
    split = {part: {"edge": parts[part]} for part in ("train", "valid", "test")}
    split["valid"]["edge_neg"], split["test"]["edge_neg"] = parts["neg"][:15], parts["neg"][15:]
    if name == "ogbl-collab":
        parts["train"][5] = parts["train"][4][::-1]  # the same two authors again
        for part, years in {"train": (2000, 2018), "valid": (2018, 2019), "test": (2019, 2020)}.items():
            split[part]["weight"] = rng.integers(1, 5, len(parts[part]))
            split[part]["year"] = rng.integers(*years, len(parts[part]))
    raw = folder / "raw"
    if name == "ogbl-vessel":
        split["train"]["edge_neg"] = parts["neg"][::-1].copy()
        raw.mkdir(parents=True)
        np.savez_compressed(
            raw / "data.npz", edge_index=parts["train"].T, num_nodes_list=np.array([n]),
            num_edges_list=np.array([train]), node_feat=rng.normal(size=(n, 3)).astype(np.float32),
            edge_feat=rng.normal(size=(train, 2)).astype(np.float32),
        )  # fmt: skip
        return split
    write_csv(raw / "edge.csv.gz", parts["train"])
    write_csv(raw / "num-node-list.csv.gz", [n])
    write_csv(raw / "num-edge-list.csv.gz", [train])
    if name == "ogbl-ppa":
        write_csv(raw / "node-feat.csv.gz", np.eye(4, dtype=int)[rng.integers(4, size=n)])
    if name == "ogbl-collab":
        write_csv(raw / "node-feat.csv.gz", rng.normal(size=(n, 5)))
        write_csv(raw / "edge_weight.csv.gz", split["train"]["weight"])
        write_csv(raw / "edge_year.csv.gz", split["train"]["year"])
    return split


def write_citation2(folder, name, rng):
    n, sizes = 25, {"train": 30, "valid": 4, "test": 5}
    pairs = random_pairs(rng, n, sum(sizes.values()))
    split, start = {}, 0
    for part, size in sizes.items():
        source, target = pairs[start : start + size].T
        split[part] = {"source_node": source.copy(), "target_node": target.copy()}
        if part != "train":
            split[part]["target_node_neg"] = rng.integers(n, size=(size, 10))
        start += size
    order = rng.permutation(sizes["train"])
    write_csv(folder / "raw" / "edge.csv.gz", pairs[: sizes["train"]][order])
    write_csv(folder / "raw" / "num-node-list.csv.gz", [n])
    write_csv(folder / "raw" / "num-edge-list.csv.gz", [sizes["train"]])
    write_csv(folder / "raw" / "node-feat.csv.gz", rng.normal(size=(n, 4)))
    write_csv(folder / "raw" / "node_year.csv.gz", rng.integers(1990, 2020, n))
    return split


def write_wikikg2(folder, name, rng):
    n, sizes = 25, {"train": 40, "valid": 4, "test": 5}
    keys = rng.permutation(n * n * 3)[: sum(sizes.values())]
    triples = np.stack([keys % n, keys // (n * n), keys // n % n])
    triples[:, 1] = triples[:, 0]
    triples[1, 1] = (triples[1, 0] + 1) % 3  # one pair, two relations
    triples = np.stack([triples[0], triples[1], triples[2]])
    split, start = {}, 0
    for part, size in sizes.items():
        head, relation, tail = triples[:, start : start + size]
        split[part] = {"head": head.copy(), "relation": relation.copy(), "tail": tail.copy()}
        if part != "train":
            split[part] |= {f"{end}_neg": rng.integers(n, size=(size, 6)) for end in ("head", "tail")}
        start += size
    write_csv(folder / "raw" / "edge.csv.gz", triples[::2, : sizes["train"]].T)
    write_csv(folder / "raw" / "num-node-list.csv.gz", [n])
    write_csv(folder / "raw" / "num-edge-list.csv.gz", [sizes["train"]])
    write_csv(folder / "raw" / "edge_reltype.csv.gz", triples[1, : sizes["train"]])
    return split


def write_biokg(folder, name, rng):
    raw = folder / "raw"
    names = list(TYPES)[::-1]  # not in alphabetical order
    write_csv(raw / "num-node-dict.csv.gz", [[TYPES[kind] for kind in names]], header=names)
    write_csv(raw / "triplet-type-list.csv.gz", [np.array(triplet) for triplet in TRIPLETS])
    split = {
        part: {key: [] for key in ("head", "relation", "tail", "head_type", "tail_type")} for part in FOLDERS_PARTS
    }
    for number, (head, relation, tail) in enumerate(TRIPLETS):
        keys = rng.permutation(TYPES[head] * TYPES[tail])[:10]
        pairs = np.stack([keys // TYPES[tail], keys % TYPES[tail]], axis=1)
        folder = raw / "relations" / f"{head}___{relation}___{tail}"
        write_csv(folder / "edge.csv.gz", pairs[:6])
        write_csv(folder / "num-edge-list.csv.gz", [6])
        write_csv(folder / "edge_reltype.csv.gz", np.full((6, 1), number))
        for part, rows in {"train": pairs[:6], "valid": pairs[6:8], "test": pairs[8:]}.items():
            here = split[part]
            here["head"] += rows[:, 0].tolist()
            here["tail"] += rows[:, 1].tolist()
            here["relation"] += [number] * len(rows)
            here["head_type"] += [head] * len(rows)
            here["tail_type"] += [tail] * len(rows)
    for part, here in split.items():
        for key in ("head", "relation", "tail"):
            here[key] = np.array(here[key])
        if part != "train":
            for end in ("head", "tail"):
                high = [TYPES[kind] for kind in here[f"{end}_type"]]
                here[f"{end}_neg"] = rng.integers(np.array(high)[:, None], size=(len(high), 5))
    return split


def write_mag(folder, name, rng):
    """Papers with features, labels, years and a split; authors and topics with none of these."""
    raw, sizes = folder / "raw", {"paper": 12, "author": 6, "topic": 3}
    write_csv(raw / "num-node-dict.csv.gz", [list(sizes.values())], header=list(sizes))
    triplets = [("paper", "cites", "paper"), ("author", "writes", "paper"), ("paper", "has_topic", "topic")]
    write_csv(raw / "triplet-type-list.csv.gz", [np.array(triplet) for triplet in triplets])
    for number, (head, relation, tail) in enumerate(triplets):
        keys = rng.permutation(sizes[head] * sizes[tail])[:9]
        here = raw / "relations" / f"{head}___{relation}___{tail}"
        write_csv(here / "edge.csv.gz", np.stack([keys // sizes[tail], keys % sizes[tail]], axis=1))
        write_csv(here / "num-edge-list.csv.gz", [9])
        write_csv(here / "edge_reltype.csv.gz", np.full((9, 1), number))
    marks = {"header": ["author", "paper", "topic"], "rows": [np.array(["False", "True", "False"])]}
    for mark in ("feat", "label"):
        write_csv(raw / f"nodetype-has-{mark}.csv.gz", **marks)
    write_csv(raw / "node-feat" / "paper" / "node-feat.csv.gz", rng.normal(size=(12, 4)).astype(np.float32))
    write_csv(raw / "node-feat" / "paper" / "node_year.csv.gz", rng.integers(2010, 2020, 12))
    write_csv(raw / "node-label" / "paper" / "node-label.csv.gz", rng.integers(3, size=12))
    split = folder / "split" / FOLDERS[name]
    write_csv(split / "nodetype-has-split.csv.gz", **marks)
    for part, rows in zip(FOLDERS_PARTS, np.split(rng.permutation(12), [6, 9]), strict=True):
        write_csv(split / "paper" / f"{part}.csv.gz", rows)
    return {}


FOLDERS_PARTS = ("train", "valid", "test")
WRITERS = {
    "ogbl-citation2": write_citation2, "ogbl-wikikg2": write_wikikg2, "ogbl-biokg": write_biokg, "ogbn-mag": write_mag,
}  # fmt: skip


def write_set(folder, name, *, seed=0, form="legacy"):
    """A small data set in OGB's layout, with what ogb itself insists on; returns its split."""
    split = WRITERS.get(name, write_shared)(folder, name, np.random.default_rng(seed))
    (folder / "RELEASE_v1.txt").write_text("# Release note\n")
    (folder / "processed").mkdir()
    target = folder / "split" / FOLDERS[name]
    target.mkdir(parents=True, exist_ok=True)
    for part, arrays in split.items():
        held = {
            k: torch.from_numpy(v) if form == "tensors" and isinstance(v, np.ndarray) else v for k, v in arrays.items()
        }
        torch.save(
            held, target / f"{part}.pt", _use_new_zipfile_serialization=form != "legacy",
            pickle_protocol=4 if form == "protocol 4" else 2,
        )  # fmt: skip
    return split


def write_planetoid(folder):
    """Small files in the form of Cora's, with the class names that Python 2 wrote; returns their folder."""
    rng, train, known, test = np.random.default_rng(0), 20, 560, 12
    x = sp.random(known + test, 9, density=0.3, format="csr", dtype=np.float32, random_state=0)
    y = np.eye(3, dtype=np.int32)[rng.integers(3, size=known + test)]
    order = known + rng.permutation(test)
    parts = {
        "x": x[:train], "allx": x[:known], "tx": x[order], "y": y[:train], "ally": y[:known], "ty": y[order],
        "graph": {u: rng.integers(known + test, size=rng.integers(3)).tolist() for u in range(known + test)},
    }  # fmt: skip
    raw = folder / "Cora" / "raw"
    raw.mkdir(parents=True)
    for part, value in parts.items():
        (raw / f"ind.cora.{part}").write_bytes(old_pickle(value))
    (raw / "ind.cora.test.index").write_text("".join(f"{row}\n" for row in order))
    return raw


def old_pickle(value):
    content = pickle.dumps(value, protocol=2).replace(b"scipy.sparse._csr", b"scipy.sparse.csr")
    return content.replace(b"numpy._core", b"numpy.core")


@pytest.fixture
def planetoid_files():
    """Writers of small Planetoid files."""
    return types.SimpleNamespace(write=write_planetoid, pickle=old_pickle)


@pytest.fixture
def ogb_files():
    """Writers of small data sets in OGB's layout."""
    return types.SimpleNamespace(write_set=write_set, write_csv=write_csv, folders=FOLDERS, types=TYPES)
