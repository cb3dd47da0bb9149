"""Missing ends of triples: learners beside rules without parameters, on WN18RR and on two graphs with types.

    python experiments/triples.py wn18rr debian acm --root data

* wn18rr: the published split of 86,835, 3,034 and 3,134 triples; ROOT/wn18rr/graph.npz with edge_index, edge_type,
  split_{valid,test}_edge and split_{valid,test}_edge_type.
* debian: what packages of the sections science, math and gnu-r declare on each other, from the built-in data set;
* acm: papers, their authors and subjects; ROOT/acm-hetero/graph.npz with edge_index_p_a and edge_index_p_s. Of both, a
  tenth of the triples is for validation and a tenth for the test, drawn at random.

Each test triple asks for its head and for its tail among all entities. Ranks are filtered by the triples of all three
parts; equal scores have their mean rank. The epoch with the best mean reciprocal rank on validation is used; test
triples play no part in the training. SETTINGS has what is not a default. The number of dimensions and the temperature
are published ones, as is the weight of the penalty on WN18RR; learning rate and size of a batch were chosen on its
validation triples. There, 20 epochs of DistMult with 200 dimensions have an MRR of .4262 with the penalty 0.1, .4244
with 0.05, .3724 with 0.2, and .4233 with 0.1 and no reciprocal relations, against .4192 with 100 dimensions. The
rows of 100 dimensions of ComplEx and of TransE end while they still improve. "entailments" are the rules that
graphrep.relational.entailments finds in the training triples, with its defaults.

One seed, one thread. Seconds are those of the processor for a fit with its validation; memory is the peak of the
process during the fit. Runs are added to experiments/results/triples.json one by one, and a table is written to
triples.md; what is there is not repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import graphrep as gr

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from _harness import RESULTS, environment, resident, write_results
from triples import load

COMMON = {"n_jobs": 1, "progress": False}
SETTINGS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "wn18rr": [
        ("ComplEx", {"dimensions": 25, "regularization": 0.1, "epochs": 60}),
        ("ComplEx", {"dimensions": 100, "regularization": 0.1, "epochs": 45}),
        ("DistMult", {"dimensions": 100, "regularization": 0.1, "epochs": 60}),
        ("RotatE", {"dimensions": 100, "temperature": 0.5, "epochs": 40}),
        ("TransE", {"dimensions": 100, "temperature": 0.5, "epochs": 25}),
    ],
    "debian": [
        ("ComplEx", {"regularization": 0.1}),
        ("ComplEx", {"regularization": 0.1, "nonnegative": True}),
        ("ComplEx", {"regularization": 0.1, "nonnegative": True, "rules": "entailments"}),
    ],
    "acm": [("ComplEx", {"regularization": weight}) for weight in (0.05, 0.1)],
}
METRICS = ("mrr", "hits@1", "hits@3", "hits@10")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("graphs", nargs="*", default=["wn18rr", "debian", "acm"])
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of the data sets")
    parser.add_argument("--only", nargs="*", help="learners, instead of all")
    options = parser.parse_args()
    path = RESULTS / "triples.json"
    tables = json.loads(path.read_text(encoding="utf-8"))["graphs"] if path.exists() else []
    for name in options.graphs:
        parts, sizes = triples_of(name, options.root)
        found = [table for table in tables if table["graph"] == name]
        table = found[0] if found else untrained(name, parts, sizes)
        if not found:
            tables.append(table)
        done = [(row["method"], row["settings"]) for row in table["rows"]]
        for method, settings in SETTINGS[name]:
            if (method, settings) not in done and (not options.only or method in options.only):
                table["rows"].append(judged(method, settings, parts, sizes))
                print(name, {key: value for key, value in table["rows"][-1].items() if key != "curve"}, flush=True)
                write_results("triples", {"environment": environment(), "protocol": __doc__, "graphs": tables})
    text = markdown(tables)
    (RESULTS / "triples.md").write_text(text, encoding="utf-8")
    print(text)


def triples_of(name: str, root: Path) -> tuple[dict[str, np.ndarray], tuple[int, int]]:
    """Train, valid and test triples as numbers, and the numbers of entities and relations."""
    if name == "wn18rr":
        return load(root / "wn18rr")
    if name == "acm":
        data = np.load(root / "acm-hetero" / "graph.npz")
        (paper, author), (other, subject) = (data[f"edge_index_p_{end}"].astype(np.int64) for end in "as")
        papers, authors = int(max(paper.max(), other.max())) + 1, int(author.max()) + 1
        every = np.concatenate(
            [
                np.stack([paper, np.zeros_like(paper), papers + author], axis=1),
                np.stack([other, np.ones_like(other), papers + authors + subject], axis=1),
            ]
        )
    else:
        every = debian()
    every = np.unique(every, axis=0)
    order, tenth = np.random.default_rng(0).permutation(len(every)), len(every) // 10
    parts = np.split(every[order], [tenth, 2 * tenth])
    sizes = int(every[:, [0, 2]].max()) + 1, int(every[:, 1].max()) + 1
    return dict(zip(("valid", "test", "train"), parts, strict=True)), sizes


def debian() -> np.ndarray:
    """Declarations among packages of three sections; entities are numbered among those that occur."""
    data = gr.datasets.load("debian")
    section = np.array(data.label_names)[data.graph.y]
    chosen = np.isin(section, ["science", "math", "gnu-r"])
    (u, v), kind = data.extras["edges"], data.extras["edge_kind"]  # bits 0 to 3: u declares it on v; 4 to 7: v on u
    pairs = [(bit, u, v, kind >> bit & 1) for bit in range(4)] + [(bit, v, u, kind >> bit + 4 & 1) for bit in range(4)]
    found = [np.stack([a[w > 0], np.full(int((w > 0).sum()), bit), b[w > 0]], axis=1) for bit, a, b, w in pairs]
    (head, tail), more = data.extras["relations"], data.extras["relation_kind"]
    every = np.concatenate([*found, np.stack([head, 4 + more.astype(np.int64), tail], axis=1)]).astype(np.int64)
    every = every[chosen[every[:, 0]] & chosen[every[:, 2]]]
    for columns in ([0, 2], [1]):
        every[:, columns] = np.unique(every[:, columns], return_inverse=True)[1].reshape(len(every), -1)
    return every


def untrained(name: str, parts: dict[str, np.ndarray], sizes: tuple[int, int]) -> dict[str, Any]:
    """The table of a graph, with the rules."""
    ranks = gr.relational.triple_baselines(
        parts["train"], parts["test"], known=list(parts.values()), entities=sizes[0], relations=sizes[1]
    )
    rows = [{"method": rule, "settings": {}} | metrics(found) for rule, found in ranks.items()]
    counts = {part: len(parts[part]) for part in ("train", "valid", "test")}
    return {"graph": name, "entities": sizes[0], "relations": sizes[1]} | counts | {"rows": rows}


def metrics(found: Any) -> dict[str, float]:
    return {key: round(found[key], 4) for key in METRICS}


def judged(
    method: str, settings: dict[str, Any], parts: dict[str, np.ndarray], sizes: tuple[int, int]
) -> dict[str, Any]:
    """One learner: figures of the test, of its fit, and validation after each epoch."""
    found = {"rules": gr.relational.entailments(parts["train"])} if "rules" in settings else {}
    model = getattr(gr, method)(**COMMON, **settings | found)
    resident("VmHWM", reset=True)
    begin = time.process_time()
    model.fit(parts["train"], val=parts["valid"], entities=sizes[0], relations=sizes[1])
    seconds, peak = time.process_time() - begin, resident("VmHWM")
    found = model.rank(parts["test"], known=list(parts.values()))
    curve = [round(record["mrr"], 4) for record in model.history_]
    fit = {"seconds": round(seconds, 1), "peak_mb": round(peak / 1e6), "best_epoch": model.best_epoch_}
    return {"method": method, "settings": settings} | metrics(found) | fit | {"valid_mrr": max(curve), "curve": curve}


def markdown(tables: list[dict[str, Any]]) -> str:
    lines = ["# Missing ends of triples", ""]
    for table in tables:
        counts = [f"{table[part]:,}" for part in ("entities", "relations", "train", "valid", "test")]
        lines += [
            "{}: {} entities, {} relations; {} triples for training, {} for validation, {} for the test.".format(
                table["graph"], *counts
            ),
            "",
            "| | MRR | hits@1 | hits@3 | hits@10 | validation MRR | best of epochs | CPU s | MB |",
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for row in table["rows"]:
            given = ", ".join(f"{key}={value!r}" for key, value in row["settings"].items())
            name = f"{row['method']}({given})" if "curve" in row else row["method"]
            cells = [f"{row[key]:.4f}" for key in METRICS]
            if "curve" in row:
                cells += [f"{row['valid_mrr']:.4f}", f"{row['best_epoch']} of {len(row['curve'])}"]
                cells += [f"{row['seconds']:,.0f}", f"{row['peak_mb']:,}"]
            else:
                cells += [""] * 4
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
