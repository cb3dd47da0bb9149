"""Results as plain-text tables, and several results beside untrained baselines."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Comparison", "Row", "format_table"]


class Row(NamedTuple):
    """One result as a row of a table: the title and the header of the table, and the cells."""

    title: str
    header: list[str]
    cells: list[str]


class _Result(Protocol):
    def row(self) -> Row: ...


Result = TypeVar("Result", bound=_Result)


@dataclass(frozen=True, repr=False)
class Comparison(Mapping[str, Result], Generic[Result]):
    """Results by name; print it for one table.

    Attributes
    ----------
    results : mapping of str to LinkPrediction or NodeClassification
        Results of what was compared.
    baselines : mapping of str to the same
        Results of the untrained baselines.
    """

    results: Mapping[str, Result]
    baselines: Mapping[str, Result]

    def __getitem__(self, name: str) -> Result:
        return self.results[name] if name in self.results else self.baselines[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.results
        yield from (name for name in self.baselines if name not in self.results)

    def __len__(self) -> int:
        return len({*self.results, *self.baselines})

    def __repr__(self) -> str:
        named = {**self.results, **{f"{name} (untrained)": result for name, result in self.baselines.items()}}
        if not named:
            return "an empty Comparison"
        title, header, _ = next(iter(named.values())).row()
        return format_table(["", *header], [[name, *result.row().cells] for name, result in named.items()], title)

    def _repr_html_(self) -> str:
        """The same table for Jupyter; baselines, which are not trained, are in italics."""
        rows = [(name, result, "{}") for name, result in self.results.items()]
        rows += [(f"{name} (untrained)", result, "<i>{}</i>") for name, result in self.baselines.items()]
        if not rows:
            return "<p>an empty Comparison</p>"
        title, header, _ = rows[0][1].row()
        head = "".join(f"<th>{html.escape(text)}</th>" for text in ["", *header])
        body = "".join(
            f"<tr><th>{style.format(html.escape(name))}</th>"
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in result.row().cells)
            + "</tr>"
            for name, result, style in rows
        )
        return (
            f"<table><caption>{html.escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> str:
    """Align the first column to the left and the others to the right, under an optional title."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    text = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines]
    text.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join([title, *text] if title else text)
