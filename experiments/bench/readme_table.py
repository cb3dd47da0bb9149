"""Tables and a chart of the benchmark results, for the README and for the documentation.

    python experiments/bench/readme_table.py

writes one table between the ``<!-- benchmarks -->`` markers of docs/performance.md, and the chart
docs/_static/speed.svg, which the README shows. The documentation shows every file in full below the table.
A table is any ``{name: {"median": ..., ...}}`` in a file of ``experiments/results``, wherever it lies: rows with
``ratio`` hold seconds, rows with ``ours_times`` hold work per second. Files without one are passed over.
"""

from __future__ import annotations

import html
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "experiments" / "results"
PAGE = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "_static" / "speed.svg"
MARKER = "<!-- benchmarks -->"
# Files with many tables: those that stand for the rest in the table.
EXCERPTS = {
    "spmm": ("sum, forward, 100k/2M uniform, 128 columns", "sum, forward + backward, 100k/2M uniform, 64 columns"),
    "scatter": (
        "scatter sum, forward",
        "scatter max, forward",
        "fused sum, forward and backward",
        "fused max, forward",
    ),
}
# What a row of the chart is called, by the beginning of its tables' titles.
SUBJECTS = {
    "contrastive": "means of clusters",
    "convs": "graph convolutions",
    "edgelist": "edge lists to CSR",
    "factorisation": "ProNE, HOPE, NetMF",
    "fastrp": "FastRP",
    "lightgcn": "LightGCN",
    "line": "LINE",
    "scatter": "segment reductions",
    "skipgram": "node2vec",
    "spectral": "spectral vectors",
    "spmm": "sparse products",
    "triples": "triples",
    "walks": "random walks",
    "Adamic-Adar of": "Adamic-Adar",
    "Batches of the loaders": "loaders of PyG",
    "Link prediction": "NCN, NCNC",
    "Neighbour sampling": "neighbor sampling",
    "Pooled common neighbours": "common neighbors",
}
OURS = ("graphrep", "as_graph", "build_csr", "read_edges")  # how names of our own rows begin


class Table(NamedTuple):
    """Rows that were timed together."""

    title: str
    rows: dict[str, dict[str, Any]]

    @property
    def rates(self) -> bool:
        """Whether numbers are work per second rather than seconds."""
        return all("ours_times" in row for row in self.rows.values())


def main() -> None:
    parts = PAGE.read_text(encoding="utf-8").split(MARKER)
    if len(parts) != 3:
        raise SystemExit(f"{PAGE} must hold the marker {MARKER} twice.")
    parts[1] = f"\n{short_table(RESULTS)}\n"
    PAGE.write_text(MARKER.join(parts), encoding="utf-8")
    CHART.write_text(chart(RESULTS), encoding="utf-8")


def short_table(folder: Path) -> str:
    """Ours first in each table, then the peers and how many times faster than each ours is."""
    lines = []
    for title, table, ours, peers in _excerpts(folder):
        for name in ours + peers:
            row = table.rows[name]
            faster = f"{_factor(row):.3g} times" if name in peers else ""
            lines.append(f"| {title if name == ours[0] else ''} | {name} | {_quantity(table, row)} | {faster} |")
    if not lines:
        return "Nothing has been measured yet."
    return "\n".join(["| | | median | graphrep is faster |", "|---|---|---:|---:|", *lines])


def chart(folder: Path) -> str:
    """The same as a picture: a row per subject, a dot per peer and setting, at how many times faster ours is."""
    rows: dict[str, list[tuple[float, str]]] = {}
    for title, table, _, peers in _excerpts(folder):
        subject = next((name for start, name in SUBJECTS.items() if title.startswith(start)), title.split(",")[0])
        rows.setdefault(subject, []).extend((_factor(table.rows[peer]), f"{title}: {peer}") for peer in peers)
    # The fastest peer decides the order: what it leaves is what a user can rely on.
    order = sorted(rows, key=lambda subject: -min(factor for factor, _ in rows[subject]))
    left, width, step, top = 150, 720, 22, 34
    low, high = (math.log10(edge) for edge in (0.1, 200))

    def x(factor: float) -> str:
        share = (min(max(math.log10(factor), low), high) - low) / (high - low)
        return f"{left + share * (width - left - 20):.1f}"

    bottom = top + step * len(order)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 30}" role="img">',
        '<g font-family="system-ui, sans-serif" font-size="13">',
        "<title>How many times faster graphrep is than other libraries, on a logarithmic scale</title>",
        f'<rect width="{width}" height="{bottom + 30}" rx="6" fill="#fff"/>',
    ]
    for factor in (0.1, 1, 10, 100):
        lines += [
            f'<path d="M{x(factor)} {top - 8}V{bottom}" stroke="{"#666" if factor == 1 else "#ddd"}"/>',
            f'<text x="{x(factor)}" y="{top - 14}" text-anchor="middle" fill="#444">{factor:g} times</text>',
        ]
    for i, subject in enumerate(order):
        y = top + step * i + step // 2
        lines.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end" fill="#222">{html.escape(subject)}</text>')
        for factor, name in sorted(rows[subject]):
            color = "#0072b2" if factor >= 1 else "#d55e00"
            lines.append(
                f'<circle cx="{x(factor)}" cy="{y}" r="4.5" fill="{color}" fill-opacity=".6">'
                f"<title>{html.escape(name)}, {factor:.3g} times</title></circle>"
            )
    lines += [
        f'<text x="{x(1)}" y="{bottom + 18}" text-anchor="middle" fill="#444">as fast</text>',
        f'<text x="{width - 20}" y="{bottom + 18}" text-anchor="end" fill="#444">graphrep is faster →</text>',
        "</g></svg>",
    ]
    return "\n".join(lines) + "\n"


def _excerpts(folder: Path) -> Iterator[tuple[str, Table, list[str], list[str]]]:
    """Title, table, and the names of the rows of ours and of peers, of the tables that stand for the rest."""
    for table in (table for path in sorted(folder.glob("*.json")) for table in tables(path)):
        # Of several runs of ours (one thread, all threads) the one that the ratios refer to.
        ours = [name for name, row in table.rows.items() if name.startswith(OURS) and _factor(row) == 1]
        peers = [name for name in table.rows if not name.startswith(OURS)]
        title = table.title.split(";")[0]
        file, _, rest = title.partition(", results, ")
        if ours and peers and (file not in EXCERPTS or rest in EXCERPTS[file]):
            yield title, table, ours, peers


def full_tables(path: Path) -> str:
    """Every table of a file in Markdown, and where it was measured; empty if the file holds none."""
    parts = []
    for table in tables(path):
        unit, last = ("M/s", "graphrep is faster") if table.rates else ("s", "times graphrep's")
        scale = 1e-6 if table.rates else 1.0
        columns = [key for key in ("median", "min", "max") if all(key in row for row in table.rows.values())]
        lines = [
            f"**{table.title}**\n",
            f"| | {' | '.join(f'{key} {unit}' for key in columns)} | {last} |",
            "|---" + "|---:" * (len(columns) + 1) + "|",
        ]
        for name, row in table.rows.items():
            cells = [f"{row[key] * scale:.4g}" for key in columns]
            lines.append(f"| {name} | {' | '.join(cells)} | {_factor(row):.3g} |")
        parts.append("\n".join(lines))
    if parts:
        content = json.loads(path.read_text(encoding="utf-8"))
        parts.append(_circumstances(content))
    return "\n\n".join(parts)


def tables(path: Path) -> Iterator[Table]:
    """Tables of one file, in its order."""
    content = json.loads(path.read_text(encoding="utf-8"))
    yield from _found(content, str(content.get("title") or path.stem.removeprefix("bench_").replace("_", " ")))


def _found(content: dict[str, Any], title: str) -> Iterator[Table]:
    for key, value in content.items():
        if not isinstance(value, dict) or not value:
            continue
        name = title if key == "summary" else f"{title}, {key.removeprefix('seconds_').replace('_', ' ')}"
        if all(isinstance(row, dict) and "median" in row and _factor(row) for row in value.values()):
            yield Table(name, value)
        else:
            yield from _found(value, name)


def _quantity(table: Table, row: dict[str, Any]) -> str:
    return f"{row['median'] / 1e6:.3g} M/s" if table.rates else f"{row['median']:.3g} s"


def _factor(row: dict[str, Any]) -> float:
    """How many times faster than this row ours is; 0 if the row does not say."""
    return float(row.get("ours_times", row.get("ratio", 0)))


def _circumstances(content: dict[str, Any]) -> str:
    environment = content.get("environment", {})
    packages = environment.get("packages", {})
    sizes = [f"{key.replace('_', ' ')} {value:,}" for key, value in content.items() if type(value) in (int, float)]
    where = [str(environment[key]) for key in ("cpu", "system") if environment.get(key)]
    if environment.get("cores"):
        where.insert(1, f"{environment['cores']} processors")
    versions = ", ".join(f"{name} {version}" for name, version in packages.items() if version)
    machine = f"Measured on {', '.join(where)}; Python {environment.get('python', '?')}, {versions}."
    return f"{'; '.join(sizes).capitalize()}. {machine}" if sizes else machine


if __name__ == "__main__":
    main()
