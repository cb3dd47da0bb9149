"""Names of nodes that come in chunks, and the row numbers that they get in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._convert import names_of_kinds
from graphrep._memory import readable_bytes
from graphrep._types import Codes, encode
from graphrep.io.saved import StoredNames

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["FixedIntegers", "IntegerNames", "KindNames", "StringNames"]

I64 = npt.NDArray[np.int64]
_SMALL = 1 << 22  # a range of integers that is always marked in an array
_PER_NAME = 160  # bytes of Python per string, beside its characters


class _Limit:
    def __init__(self, most: int) -> None:
        self.most = most

    def check(self, needed: int) -> None:
        if needed > self.most:
            raise MemoryError(
                f"the names of the nodes need {readable_bytes(needed)} or more, and half of memory= is "
                f"{readable_bytes(self.most)}; give more memory, or name the nodes 0 … n - 1 and give num_nodes=n."
            )


class IntegerNames:
    """Distinct integers: marks in an array while their range is small, else sorted runs.

    Memory: a byte per integer of the range, and, unless they are 0 … n - 1, 4 more and 8 per distinct integer; in runs,
    32 per distinct integer while runs are merged.
    """

    def __init__(self, memory: int) -> None:
        self._limit = _Limit(memory)
        self._low = 0
        self._seen: npt.NDArray[np.bool_] | None = np.zeros(0, dtype=bool)
        self._runs: list[I64] = []
        self._ids: I64 | None = None
        self._rank: Any = None
        self.count = 0

    def add(self, values: npt.NDArray[Any]) -> None:
        """Integers in any order, as often as they come."""
        if not len(values):
            return
        low, high = int(values.min()), int(values.max()) + 1
        if self._seen is not None:
            begin, end = (low, high) if not len(self._seen) else (self._low, self._low + len(self._seen))
            if low < begin or high > end or not len(self._seen):
                self._reach(min(low, begin), max(high, end))
        if self._seen is not None:
            self._seen[values - self._low] = True
            return
        self._runs.append(np.unique(values).astype(np.int64))
        while len(self._runs) > 1 and 2 * len(self._runs[-1]) > len(self._runs[-2]):  # as in a merge sort
            last = self._runs.pop()
            self._runs[-1] = np.union1d(self._runs[-1], last)
        self._limit.check(32 * sum(map(len, self._runs)))

    def _reach(self, low: int, high: int) -> None:
        """Make room for marks in [low, high), or go over to runs."""
        assert self._seen is not None
        if high - low > max(_SMALL, self._limit.most // 10):
            ids = np.flatnonzero(self._seen) + self._low
            self._seen = None
            if len(ids):
                self._runs = [ids]
            return
        high = max(high, min(low + 2 * len(self._seen), low + max(_SMALL, self._limit.most // 10)))
        wider = np.zeros(high - low, dtype=bool)
        wider[self._low - low : self._low - low + len(self._seen)] = self._seen
        self._low, self._seen = low, wider

    @classmethod
    def of(cls, ids: I64 | None, *, ranked: bool) -> IntegerNames:
        """What :meth:`finish` left, of what it returned."""
        names = cls(0)
        names._seen, names._ids = None, ids
        if ids is not None:
            names.count, names._low = len(ids), int(ids[0])
            if ranked:
                seen = np.zeros(int(ids[-1]) - names._low + 1, dtype=bool)
                seen[ids - names._low] = True
                names._set_rank(seen)
        return names

    @property
    def is_ranked(self) -> bool:
        """Whether rows are looked up in a table by integer, and not searched for."""
        return self._rank is not None

    def _set_rank(self, seen: npt.NDArray[np.bool_]) -> None:
        self._rank = np.cumsum(seen, dtype=np.int32 if self.count < 2**31 else np.int64)
        self._rank -= 1

    def finish(self, folder: Path | None = None) -> npt.NDArray[Any] | None:  # noqa: ARG002
        """All integers, ascending; None if they are 0 … n - 1."""
        if self._seen is not None:
            self.count = count = int(np.count_nonzero(self._seen))
            if count and not (self._low == 0 and self._seen[:count].all()):
                ranked = 5 * len(self._seen) + 8 * count <= self._limit.most
                self._limit.check(0 if ranked else 16 * count)
                self._ids = np.flatnonzero(self._seen)
                self._ids += self._low
                if ranked:  # else they are searched for
                    self._set_rank(self._seen)
            self._seen = None
            return self._ids
        while len(self._runs) > 1:
            last = self._runs.pop()
            self._runs[-1] = np.union1d(self._runs[-1], last)
        self._ids, self._runs = self._runs[0], []  # they are far apart, so not 0 … n - 1
        self.count = len(self._ids)
        return self._ids

    def rows(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Row numbers of integers that were added."""
        if self._ids is None:
            return values
        if self._rank is not None:
            return np.asarray(self._rank[values - self._low])
        return np.searchsorted(self._ids, values)

    def release(self) -> None:
        """Drop what look-ups need."""
        self._rank = None


def _lacks(name: Any) -> str:
    return (
        f"nodes lacks {name!r}, which is a node of the graph; nodes= sets the order and may add nodes, but it does not "
        "rename them."
    )


class FixedIntegers:
    """Distinct integers in the order in which they come. Memory: none if they are 0 … n - 1, else 32 bytes each."""

    def __init__(self, folder: Path, memory: int) -> None:
        self._limit, self._path = _Limit(memory), folder / "ids"
        self._path.write_bytes(b"")
        self._plain = True
        self._order: I64 | None = None
        self._sorted: Any = None
        self.count = 0

    def append(self, values: I64) -> None:
        """Integers in order."""
        self._plain = self._plain and bool((values == np.arange(self.count, self.count + len(values))).all())
        self.count += len(values)
        if not self._plain:
            self._limit.check(32 * self.count)
        with self._path.open("ab") as file:
            file.write(values.data)

    def close(self) -> int | None:
        """Get ready for look-ups; returns an integer that came twice, if there is one."""
        if self._plain:
            return None
        values = np.fromfile(self._path, dtype=np.int64)
        self._order = np.argsort(values, kind="stable")
        self._sorted = values[self._order]
        twice = np.flatnonzero(self._sorted[1:] == self._sorted[:-1])
        return int(self._sorted[twice[0]]) if len(twice) else None

    def find(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Row numbers of integers."""
        if not len(values):
            return values
        if self._plain:
            bad = (values < 0) | (values >= self.count)
            rows = values
        else:
            at = np.minimum(np.searchsorted(self._sorted, values), max(0, self.count - 1))
            bad = self._sorted[at] != values
            assert self._order is not None
            rows = self._order[at]
        if bad.any():
            raise ValueError(_lacks(int(values[int(bad.argmax())])))
        return rows

    def finish(self, folder: Path) -> npt.NDArray[Any] | None:  # noqa: ARG002
        """The integers, mapped from a file; None if they are 0 … n - 1. Nothing is looked up any more."""
        from graphrep._mapped import mapped_array

        self._order = self._sorted = None
        if self._plain:
            return None
        with self._path.open("rb") as file:
            return mapped_array(file, np.int64, (self.count,), 0)


class StringNames:
    """Distinct strings in UTF-8, numbered as they come. Memory: about 160 bytes each beside their characters."""

    def __init__(self, memory: int) -> None:
        self._limit = _Limit(memory)
        self._number: dict[bytes, int] = {}
        self._bytes = 0
        self.complete = False  # whether names that are not there are wrong
        self.count = 0

    def add(self, names: Iterable[bytes]) -> I64:
        """Row numbers of names; those that are new get the next ones."""
        number, before = self._number, len(self._number)
        rows = np.fromiter((number.setdefault(name, len(number)) for name in names), dtype=np.int64)
        self.count = len(number)
        if len(number) > before:
            latest = zip(reversed(number), range(len(number) - before), strict=False)
            self._bytes += sum(len(name) + _PER_NAME for name, _ in latest)
            self._limit.check(self._bytes)
        return rows

    def find(self, names: Iterable[bytes]) -> I64:
        """Row numbers of names that were added."""
        number = self._number
        listed = list(names)
        try:
            return np.fromiter((number[name] for name in listed), dtype=np.int64, count=len(listed))
        except KeyError as error:
            raise ValueError(_lacks(error.args[0].decode())) from None

    def __iter__(self) -> Any:
        return iter(self._number)

    def finish(self, folder: Path) -> StoredNames:
        """Write the names, in their order, to files that are mapped."""
        from graphrep._mapped import mapped_array

        places = folder / "node_names", folder / "node_offsets"
        total = 0
        with places[0].open("wb") as text, places[1].open("wb") as offsets:
            offsets.write(np.zeros(1, dtype=np.int64).data)
            block: list[bytes] = []

            def flush() -> None:
                nonlocal total
                text.write(b"".join(block))
                ends = total + np.cumsum([len(name) for name in block], dtype=np.int64)
                offsets.write(ends.data)
                total = int(ends[-1])
                block.clear()

            for name in self._number:
                block.append(name)
                if len(block) == 1 << 16:
                    flush()
            if block:
                flush()
        count, self._number = len(self._number), {}
        with places[0].open("rb") as first, places[1].open("rb") as second:
            parts = mapped_array(first, np.uint8, (total,), 0), mapped_array(second, np.int64, (count + 1,), 0)
        return StoredNames(places[0], *parts, None)


class KindNames:
    """Distinct types of edges or nodes, numbered as they come. Memory: as :class:`StringNames`."""

    def __init__(self, memory: int, what: str, *, numbers: bool = True) -> None:
        self._limit, self.what, self.numbers = _Limit(memory), what, numbers  # whether "1" is the code 1
        self._number: dict[Any, int] = {}
        self._text: bool | None = None
        self.items = 0

    def add(self, codes: npt.NDArray[Any], names: Sequence[bytes] | npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """Numbers of types that are given as positions in ``names``: text, or an array of integers."""
        text, before = not isinstance(names, np.ndarray), len(self._number)
        if len(names) and text is not (text if self._text is None else self._text):
            raise ValueError(f"{self.what} is an integer in some parts of the input and a string in others.")
        self._text = text if len(names) else self._text
        self.items += len(codes)
        number = self._number
        listed = names.tolist() if isinstance(names, np.ndarray) else names
        rows = np.fromiter((number.setdefault(one, len(number)) for one in listed), dtype=np.int32, count=len(listed))
        if len(number) > before:
            self._limit.check(_PER_NAME * len(number))
        return np.asarray(rows[codes])

    def finish(self, given: Sequence[str] | None) -> tuple[Codes, tuple[str, ...]]:
        """Code of each number, and the names of the codes, as those of all types that were added."""
        listed = list(self._number)
        if self._text:
            spelled = [name.decode() for name in listed]
            values = names_of_kinds(spelled) if self.numbers else np.array(spelled, dtype=object)
        else:
            values = np.array(listed, dtype=np.int64)
        return encode(values, given, len(values), self.what, among=self.items)
