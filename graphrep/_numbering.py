"""Names of nodes: numbering those of an edge list, and arrays of distinct names."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import numbers
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrep._arrays import detached
from graphrep._checks import is_missing, warn_caller

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

I64 = npt.NDArray[np.int64]
_MANY = 100_000  # names from which on importing pyarrow pays


class Names(NamedTuple):
    """A column of names, none missing: a list, or a pyarrow Array of strings. ``what`` begins messages."""

    values: Any
    what: str


class Numbered(NamedTuple):
    """Edges as row numbers; ``names`` is None if they are the row numbers."""

    source: I64
    target: I64
    num_nodes: int
    names: npt.NDArray[Any] | None


def all_integers(values: Iterable[Any]) -> bool:
    """Whether every value is an integer; a bool is none."""
    return all(issubclass(kind, numbers.Integral) and not issubclass(kind, bool) for kind in set(map(type, values)))


def number_nodes(source: npt.NDArray[Any] | Names, target: npt.NDArray[Any] | Names) -> Numbered:
    """Number the nodes of two columns.

    Integers (arrays) are numbered in ascending order; names by first appearance, edge by edge, source before target.
    If one column holds integers and the other strings, all names are strings, as in a file.
    """
    if not isinstance(source, Names) and not isinstance(target, Names):
        return _number_integers(source, target)
    one, other = (column if isinstance(column, Names) else Names(column.tolist(), "") for column in (source, target))
    count = len(one.values)
    codes, names = _encoded(one.values, other.values)
    kinds = set(map(type, names))
    if len(kinds) > 1 and not all(issubclass(kind, str) for kind in kinds):
        listed = " and ".join(sorted(kind.__name__ for kind in kinds))
        if not all(issubclass(kind, (str, numbers.Integral)) for kind in kinds):
            raise TypeError(f"the nodes of edges must be of one kind, got {listed}.")
        spelled, again = np.unique(np.array(list(map(str, names))), return_inverse=True)  # 1 and "1" are one name
        codes, names = again.ravel()[codes], spelled.tolist()
    if "" in names:
        at = int(np.flatnonzero(codes == names.index(""))[0])
        what = (one if at < count else other).what
        raise ValueError(f"{what} has an empty name in row {at % count}; drop the edges without a name.")
    first = np.empty(len(names), dtype=np.int64)
    first[codes.reshape(2, -1).T.ravel()[::-1]] = np.arange(2 * count)[::-1]  # the last assignment counts
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    rows = rank[codes]
    values = np.fromiter(names, dtype=object, count=len(names))[order]
    return Numbered(rows[:count], rows[count:], len(values), values)


def _encoded(source: Any, target: Any) -> tuple[I64, list[Any]]:
    """Codes of all sources, then all targets, and the distinct names that they stand for."""
    arrow = not (isinstance(source, list) and isinstance(target, list))
    text = all(
        not isinstance(column, list) or all(kind is str for kind in set(map(type, column)))
        for column in (source, target)
    )
    large = text and len(source) > _MANY and importlib.util.find_spec("pyarrow") is not None
    if (arrow and text) or large:
        import pyarrow as pa

        with contextlib.suppress(UnicodeError):  # lone surrogates, which Arrow cannot hold
            columns = [
                pa.array(column, pa.large_string()) if isinstance(column, list) else column.cast(pa.large_string())
                for column in (source, target)
            ]
            found = pa.concat_arrays(columns).dictionary_encode()
            return found.indices.to_numpy().astype(np.int64), found.dictionary.to_pylist()
    values = [*(column if isinstance(column, list) else column.to_pylist() for column in (source, target))]
    flat = values[0] + values[1]
    number = dict(zip(dict.fromkeys(flat), itertools.count(), strict=False))
    return np.fromiter(map(number.__getitem__, flat), dtype=np.int64, count=len(flat)), list(number)


def column_of(values: list[Any], what: str, *, hashable: bool = False) -> npt.NDArray[Any] | Names:
    """A column of Python objects: an integer array if all are integers, else names.

    Integers and strings may be mixed, with a warning if 1 and "1" are among them. With ``hashable``, names of any one
    other type are allowed as well.
    """
    kinds = set(map(type, values))
    if all_integers(values):
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            return np.array(list(map(int, values)), dtype=object)
    strange = {kind for kind in kinds if kind is bool or not issubclass(kind, (str, numbers.Integral))}
    single = hashable and len(kinds) == 1 and not issubclass(next(iter(kinds)), (numbers.Number, bytes, type(None)))
    if strange and not single:
        row = next(i for i, value in enumerate(values) if type(value) in strange)
        value = values[row]
        if is_missing(value):
            raise ValueError(f"{what} has no node in row {row}; drop the edges without one.")
        raise TypeError(f"{what} must hold integers or strings, got {value!r} in row {row}.")
    if not strange:
        return Names(values if kinds == {str} else _spelled(values, what), what)
    try:
        set(values)
    except TypeError as error:
        raise TypeError(f"{what} must be hashable: {error}.") from None
    return Names(values, what)


def _spelled(values: list[Any], what: str) -> list[str]:
    """Integers and strings as strings, with a warning if two names become one."""
    strings = {value for value in values if isinstance(value, str)}
    both = next((value for value in values if not isinstance(value, str) and str(value) in strings), None)
    if both is not None:
        warn_caller(
            f"{what} has the names {both!r} and {str(both)!r}, which are taken for one node; cast it to strings to "
            "confirm, or name the nodes differently."
        )
    return list(map(str, values))


def _number_integers(source: npt.NDArray[Any], target: npt.NDArray[Any]) -> Numbered:
    source, target = _signed(source), _signed(target)
    if {source.dtype.kind, target.dtype.kind} == {"i", "u"}:  # together they would become floats
        source, target = source.astype(object), target.astype(object)
    ends, count = np.concatenate([source, target]), len(source)
    if not len(ends):
        return Numbered(np.zeros(0, np.int64), np.zeros(0, np.int64), 0, None)
    if ends.dtype.kind == "i" and int(ends.max()) - int(ends.min()) < 4 * len(ends) + 1024:  # no need to sort
        low = int(ends.min())
        seen = np.zeros(int(ends.max()) - low + 1, dtype=bool)
        seen[ends - low] = True
        ids = np.flatnonzero(seen) + low
        rows = (np.cumsum(seen) - 1)[ends - low]
    else:
        ids, rows = np.unique(ends, return_inverse=True)
        rows = rows.ravel()
    names = None if ids[0] == 0 and ids[-1] == len(ids) - 1 else ids
    if names is not None and names.dtype != np.int64:  # beyond 63 bits
        names = np.fromiter(names.tolist(), dtype=object, count=len(names))
    return Numbered(rows[:count], rows[count:], len(ids), names)


def _signed(ids: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """As int64 if all fit, else as uint64 or objects."""
    if ids.dtype == object:
        return ids
    if ids.dtype == np.uint64 and len(ids) and int(ids.max()) >= 2**63:
        return ids
    return ids.astype(np.int64, copy=False)


def name_list(nodes: Any) -> list[Any]:
    """The names that a caller gives, as a list."""
    nodes = detached(nodes)
    if isinstance(nodes, (str, bytes, set, frozenset)) or hasattr(type(nodes), "columns"):
        raise TypeError(f"nodes must be a sequence of names, got {type(nodes).__name__}.")
    for method in ("to_pylist", "tolist", "to_list"):  # pyarrow, NumPy and pandas, polars
        if hasattr(nodes, method):
            return list(getattr(nodes, method)())
    return list(nodes)


def name_array(values: Sequence[Any]) -> npt.NDArray[Any] | None:
    """Integers as int64, or None if they equal the row numbers; other names as objects."""
    if all_integers(values):
        try:
            ids = np.array(values, dtype=np.int64)
        except OverflowError:
            pass
        else:
            return None if np.array_equal(ids, np.arange(len(ids))) else ids
    return np.fromiter(values, dtype=object, count=len(values))  # np.array would unpack tuples


def check_distinct(names: Sequence[Any]) -> None:
    """Refuse names that occur twice, or that no dictionary takes."""
    try:
        distinct = len(set(names))
    except TypeError as error:
        raise TypeError(f"nodes must be hashable: {error}.") from None
    if distinct != len(names):
        raise ValueError(f"nodes must be distinct, but only {distinct} of the {len(names)} names are.")
