"""Tables of the benchmark results, for the README and for the documentation.

    python experiments/bench/readme_table.py

writes one table between the ``<!-- benchmarks -->`` markers of README.md. The documentation shows every file in full.
A table is any ``{name: {"median": ..., ...}}`` in a file of ``experiments/results``, wherever it lies: rows with
``ratio`` hold seconds, rows with ``ours_times`` hold work per second. Files without one are passed over.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "experiments" / "results"
MARKER = "<!-- benchmarks -->"
# Files with many tables: those that stand for the rest in the README.
EXCERPTS = {
    "spmm": ("sum, forward, 100k/2M uniform, 128 columns", "sum, forward + backward, 100k/2M uniform, 64 columns"),
    "scatter": (
        "scatter sum, forward",
        "scatter max, forward",
        "fused sum, forward and backward",
        "fused max, forward",
    ),
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
    readme = ROOT / "README.md"
    parts = readme.read_text(encoding="utf-8").split(MARKER)
    if len(parts) != 3:
        raise SystemExit(f"README.md must hold the marker {MARKER} twice.")
    parts[1] = f"\n{short_table(RESULTS)}\n"
    readme.write_text(MARKER.join(parts), encoding="utf-8")


def short_table(folder: Path) -> str:
    """Ours first in each table, then the peers and how many times faster than each ours is."""
    lines = []
    for table in (table for path in sorted(folder.glob("*.json")) for table in tables(path)):
        # Of several runs of ours (one thread, all threads) the one that the ratios refer to.
        ours = [name for name, row in table.rows.items() if name.startswith(OURS) and _factor(row) == 1]
        peers = [name for name in table.rows if not name.startswith(OURS)]
        title = table.title.split(";")[0]
        file, _, rest = title.partition(", results, ")
        if file in EXCERPTS and rest not in EXCERPTS[file]:
            continue
        for name in (ours + peers) if ours and peers else ():
            row = table.rows[name]
            faster = f"{_factor(row):.3g} times" if name in peers else ""
            lines.append(f"| {title} | {name} | {_quantity(table, row)} | {faster} |")
            title = ""
    if not lines:
        return "Nothing has been measured yet."
    return "\n".join(["| | | median | graphrep is faster |", "|---|---|---:|---:|", *lines])


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
