"""Ranks: who they are, what each of them does, and how they exchange arrays, agree, and end together."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._checks import checked_float, checked_int
from graphrep.distributed.environment import launched

__all__ = ["RankError", "Ranks", "checked_ranks", "connect"]

Array = npt.NDArray[Any]
Range = tuple[int, int]

_SIZE, _SHORT = 8, 1016  # bytes of a message, which most have, that are sent at once
_LARGE = 1 << 28  # bytes of an array, from which on memory may be missing


class RankError(ConnectionError):
    """Another rank failed or cannot be reached, so that this one ends as well."""


@contextmanager
def connect(*, timeout: float = 1800.0) -> Iterator[Ranks]:
    """Connect this process with the other ranks, for a ``with`` block.

    The ranks are those of the process group, if ``torch.distributed`` has one. Otherwise they are those that the
    environment names, as torchrun, TorchDistributor, Ray Train and others set it: ``RANK``, ``WORLD_SIZE``,
    ``MASTER_ADDR`` and ``MASTER_PORT``. Without both, this process is the only rank, so that a script runs alone, too.

    Parameters
    ----------
    timeout : float
        Seconds for which a rank waits for the slowest one.

    Yields
    ------
    Ranks

    Raises
    ------
    RankError
        Another rank raised an error in the block, ended, or did not answer in time. If a process ends, its connections
        are closed, and the others notice at once; a host that vanishes is noticed after ``timeout``.
    ValueError
        The environment is incomplete, or ranks are at different steps of their programs.

    Notes
    -----
    Arrays are exchanged through gloo, also beside an NCCL group, which stays as it is. All ranks must enter the block
    and do the same within it. An error that leaves the block on one rank ends it on all of them.

    Examples
    --------
    >>> import networkx as nx
    >>> import graphrep as gr
    >>> with gr.distributed.connect() as ranks:
    ...     model = gr.FastRP(dimensions=16).fit(nx.karate_club_graph(), ranks=ranks)
    >>> ranks.rank, ranks.world_size, model.embedding_.shape
    (0, 1, (34, 16))
    """
    with _joined(checked_float("timeout", timeout, 0, exclusive=True)) as ranks, ranks.together():
        yield ranks
        ranks.meet("the end of connect")


_meetings: list[tuple[Any, int, int]] = []  # one at most: the store by which ranks find each other, rank and number
_groups = itertools.count()


@contextmanager
def _joined(timeout: float) -> Iterator[Ranks]:
    wait = dt.timedelta(seconds=timeout)
    torch = sys.modules.get("torch")
    own = torch is None or not torch.distributed.is_available() or not torch.distributed.is_initialized()
    if own and launched() == 1:
        yield Ranks()
        return
    import torch.distributed as dist

    if own:
        if not dist.is_available():
            raise ImportError("this build of torch lacks torch.distributed, which several ranks need.")
        from torch.distributed.rendezvous import rendezvous

        try:
            if not _meetings:
                _meetings.append(next(iter(rendezvous("env://", timeout=wait))))
            store, rank, size = _meetings[0]
            # The addresses of an earlier group must not be taken for those of this one.
            own_store = dist.PrefixStore(f"graphrep {next(_groups)}", store)  # type: ignore[attr-defined]
            dist.init_process_group("gloo", store=own_store, rank=rank, world_size=size, timeout=wait)
        except (RuntimeError, OSError) as error:
            raise RankError(f"rank {os.environ['RANK']} could not connect with the other ranks: {error}") from error
    group = dist.group.WORLD if own else dist.new_group(backend="gloo", timeout=wait)
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size(), group)
    finally:
        dist.destroy_process_group(None if own else group)


def checked_ranks(ranks: Ranks | None) -> Ranks:
    """``ranks`` of a learner; None is this process alone."""
    if ranks is None:
        return Ranks()
    if not isinstance(ranks, Ranks):
        raise TypeError(f"ranks must come from graphrep.distributed.connect(), got {type(ranks).__name__}.")
    return ranks


class Ranks:
    """The processes that :func:`connect` connected, as this one sees them.

    Work is divided into blocks whose size does not depend on the number of ranks, and sums are added in the order of
    the blocks, so that the bits of a result do not depend on it either. All ranks must call the methods that exchange
    something, in the same order; whatever goes wrong on one of them is raised on all.

    Attributes
    ----------
    rank : int
        Number of this process, from 0.
    world_size : int
        Number of processes.
    """

    def __init__(self, rank: int = 0, world_size: int = 1, group: Any = None) -> None:
        self.rank, self.world_size, self._group = rank, world_size, group
        self._exchanges = 0
        self._told: BaseException | None = None

    def __repr__(self) -> str:
        return f"Ranks(rank={self.rank}, world_size={self.world_size})"

    def parts(self, count: int, block: int = 1) -> list[Range]:
        """Ranges (begin, end) of the items of each rank: consecutive, and cut at multiples of ``block``.

        Examples
        --------
        >>> from graphrep.distributed import Ranks
        >>> Ranks(rank=0, world_size=3).parts(100, block=16)
        [(0, 32), (32, 64), (64, 100)]
        """
        blocks, size = -(-checked_int("count", count, 0) // checked_int("block", block, 1)), self.world_size
        cuts = [min(count, block * (blocks * i // size)) for i in range(size + 1)]
        return list(itertools.pairwise(cuts))

    def part(self, count: int, block: int = 1) -> Range:
        """The range of this rank."""
        return self.parts(count, block)[self.rank]

    def map(self, function: Callable[[Any], Any], items: Any, *, block: int = 65536) -> Array:
        """``function`` of all items, of which each rank computes a part: for scores of pairs and other evaluation.

        Parameters
        ----------
        function : callable
            From ``items[begin:end]`` to an array with a row per item, whose values do not depend on the other items.
        items : array
            The same on every rank.
        block : int
            Number of items per call.

        Returns
        -------
        array
            Rows of all items in their order, on every rank; the same for any number of ranks.

        Raises
        ------
        ValueError
            The function returns another number of rows, or other shapes or dtypes on other ranks.

        Examples
        --------
        >>> import numpy as np
        >>> import graphrep as gr
        >>> with gr.distributed.connect() as ranks:
        ...     ranks.map(lambda pairs: pairs.sum(axis=1), np.array([[0, 1], [2, 3]]))
        array([1, 5])
        """
        with self.together():
            count = len(items)
            begin, end = self.part(count, block)
            found = []
            # One call for no items at all, so that the result has a dtype and a shape.
            for first in range(begin, end, block) if count else (0,):
                given = items[first : min(first + block, end)]
                rows = np.asarray(function(given))
                if rows.dtype.hasobject or rows.ndim == 0 or len(rows) != len(given):
                    raise ValueError(
                        f"function must return an array with a row per item, {len(given)}; got {rows.dtype} of shape "
                        f"{rows.shape}."
                    )
                found.append(rows)
            form = [found[0].dtype.str, list(found[0].shape[1:])] if found else None
            forms = self.tell("the results of map", [count, form])
            kinds = {json.dumps(form) for _, form in forms if form} | {
                json.dumps([rows.dtype.str, list(rows.shape[1:])]) for rows in found
            }
            if len({size for size, _ in forms}) > 1 or len(kinds) > 1:
                raise ValueError("items, and the shape and dtype of the results, must be the same on every rank.")
            dtype, shape = json.loads(kinds.pop())
            rows = np.concatenate(found) if found else np.empty((0, *shape), dtype)
            return self.gather("rows of map", rows, count, block)

    def scorer(self, scorer: Any, *, block: int = 65536) -> Any:
        """A scorer of which each rank scores a part, for :func:`graphrep.evaluate.link_prediction` and ``ranking``.

        Parameters
        ----------
        scorer : callable, or object with ``score_pairs``, or with ``rank_counts`` for triples
            From int64 pairs of row numbers, shape (2, num_pairs), to scores that do not depend on other pairs.
        block : int
            Number of pairs per call.

        Returns
        -------
        object
            With the method ``score_pairs``, and ``rank_counts`` if ``scorer`` has it, which all ranks must call with
            the same pairs or triples, and otherwise the attributes of ``scorer``.

        Examples
        --------
        >>> import graphrep as gr
        >>> g = gr.as_graph([(0, 1), (1, 2)])
        >>> with gr.distributed.connect() as ranks:
        ...     ranks.scorer(lambda pairs: g.out_degree[pairs[0]]).score_pairs([[0, 1], [1, 2]])
        array([1, 2])
        """
        return _Scorer(self, scorer, checked_int("block", block, 1))

    def agree(self, what: str, values: Mapping[str, Any]) -> None:
        """Raise the same ValueError on every rank if their values, which JSON can hold, are not the same."""
        found = self.tell(what, dict(values))
        for name in sorted(set().union(*found)):
            each = [json.dumps(one.get(name)) for one in found]
            if len(set(each)) > 1:
                other = next(i for i, value in enumerate(each) if value != each[0])
                raise ValueError(
                    f"the ranks disagree on {name} of {what}: rank 0 has {each[0]}, rank {other} has {each[other]}; "
                    "give all of them the same."
                )

    def meet(self, step: str) -> None:
        """Wait for the other ranks; raises what they raised since the last exchange."""
        self.tell(step, None)

    def tell(self, step: str, value: Any) -> list[Any]:
        """A small value of every rank, which JSON can hold, in the order of the ranks."""
        if self.world_size == 1:
            return [value]
        messages = self._exchange({"step": [self._exchanges, step], "value": value})
        for rank, message in enumerate(messages):
            if "error" in message:
                raise RankError(f"rank {rank} failed, so rank {self.rank} ends as well: {message['error']}")
        for rank, message in enumerate(messages):
            if message["step"] != messages[0]["step"]:
                raise RankError(
                    f"the ranks do different things: rank 0 is at {messages[0]['step'][1]!r}, exchange "
                    f"{messages[0]['step'][0]}, and rank {rank} at {message['step'][1]!r}, exchange "
                    f"{message['step'][0]}; all ranks must make the same calls."
                )
        return [message["value"] for message in messages]

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this rank raises within the block is raised on the others at their next exchange."""
        try:
            yield
        except BaseException as error:
            if not isinstance(error, RankError) and error is not self._told and self.world_size > 1:
                self._told = error
                with suppress(RankError):  # the others ended before
                    self._exchange({"error": _sentence(error)})
            raise

    def gather(
        self, step: str, rows: Array, count: int, block: int = 1, *, parts: Sequence[Range] | None = None
    ) -> Array:
        """Rows of all ranks on every rank; their parts are ``parts(count, block)`` unless given."""
        if self.world_size == 1:
            return rows
        import torch
        import torch.distributed as dist

        ranges = parts or self.parts(count, block)
        # What can go wrong here goes wrong before the others wait for these rows.
        begin, end = ranges[self.rank]
        if len(rows) != end - begin:
            raise ValueError(f"{step}: rank {self.rank} has {len(rows)} rows instead of {end - begin}.")
        whole = np.empty((count, *rows.shape[1:]), rows.dtype)
        self.meet(step)
        for rank, (begin, end) in enumerate(ranges):
            if rank == self.rank:
                whole[begin:end] = rows
            part = whole[begin:end].reshape(-1).view(np.uint8)
            if part.size:
                self._call(dist.broadcast, torch.from_numpy(part), src=rank)
        return whole

    def summed(self, step: str, values: Array) -> Array:
        """Sum of the 1-D arrays of all ranks, in the order of the ranks; the same bits on each of them.

        A rank sends 2 (R - 1) / R of its array: to each other rank the part that it adds up, and its own sums to all.
        """
        if self.world_size == 1:
            return values
        import torch
        import torch.distributed as dist

        self.meet(step)
        size = -(-len(values) // self.world_size)
        flat = torch.zeros(size * self.world_size, dtype=torch.from_numpy(values[:0]).dtype)
        flat[: len(values)] = torch.from_numpy(values)
        parts = torch.empty_like(flat)
        self._call(dist.all_to_all_single, parts, flat)
        own, *others = parts.view(self.world_size, size)
        for other in others:
            own += other
        self._call(dist.all_gather, list(flat.view(self.world_size, size)), own)
        return flat[: len(values)].numpy()

    def to_rows(self, step: str, columns: Array, widths: Sequence[int], rows: Sequence[Range]) -> list[Array]:
        """From all rows of the columns of each rank to all columns of the rows of each rank.

        ``columns`` has shape (num_rows, widths[rank]); the result has, for every rank r, its columns of the rows of
        this rank, of shape (end - begin, widths[r]). Each rank sends num_rows * widths[rank] numbers.
        """
        if self.world_size == 1:
            return [columns]
        begin, end = rows[self.rank]
        received = [(end - begin) * width for width in widths]
        sent = [(end - begin) * widths[self.rank] for begin, end in rows]
        out = self.swap(step, np.ascontiguousarray(columns).reshape(-1), sent, received)
        cuts = np.cumsum(received)[:-1]
        return [part.reshape(end - begin, width) for part, width in zip(np.split(out, cuts), widths, strict=True)]

    def to_columns(self, step: str, rows: Array, columns: Sequence[Range], parts: Sequence[Range]) -> Array:
        """From all columns of the rows of each rank, ``parts``, to all rows of the columns of this rank."""
        if self.world_size == 1:
            return rows
        width = columns[self.rank][1] - columns[self.rank][0]
        flat = np.concatenate([rows[:, begin:end].reshape(-1) for begin, end in columns])
        received = [(end - begin) * width for begin, end in parts]
        sent = [len(rows) * (end - begin) for begin, end in columns]
        return self.swap(step, flat, sent, received).reshape(parts[-1][1], width)

    def swap(
        self, step: str, items: Array, sent: Sequence[int], received: Sequence[int], out: Array | None = None
    ) -> Array:
        """Send the first ``sent[0]`` items to rank 0, the next to rank 1, and so on; returns what each of them sent."""
        out = np.empty((sum(received), *items.shape[1:]), items.dtype) if out is None else out
        if self.world_size == 1:
            out[...] = items
            return out
        self._check_sent(step, items, sent)
        self.meet(step)
        self._send(items, out, sent, received)
        return out

    def exchange(self, step: str, items: Array, sent: Sequence[int]) -> tuple[Array, list[int]]:
        """The same where ranks do not know how much they get: what each of them sent, and how many items."""
        if self.world_size == 1:
            return items, list(sent)
        self._check_sent(step, items, sent)
        told = self.tell(step, list(sent))
        received = [counts[self.rank] for counts in told]
        out = np.empty((sum(received), *items.shape[1:]), items.dtype)
        if max(map(sum, zip(*told, strict=True))) * _row_bytes(items) > _LARGE:
            self.meet(step)  # nobody lacks memory
        self._send(items, out, sent, received)
        return out, received

    def _check_sent(self, step: str, items: Array, sent: Sequence[int]) -> None:
        if len(items) != sum(sent):
            raise ValueError(f"{step}: rank {self.rank} has {len(items)} items instead of {sum(sent)}.")

    def _send(self, items: Array, out: Array, sent: Sequence[int], received: Sequence[int]) -> None:
        import torch
        import torch.distributed as dist

        size = _row_bytes(items)
        given, taken = (torch.from_numpy(array.reshape(-1).view(np.uint8)) for array in (items, out))
        self._call(dist.all_to_all_single, taken, given, [size * n for n in received], [size * n for n in sent])

    def of_first(self, step: str, array: Array) -> Array:
        """The array of rank 0, on every rank."""
        if self.world_size == 1:
            return array
        import torch
        import torch.distributed as dist

        dtype, shape = self.tell(step, [array.dtype.str, list(array.shape)])[0]
        out = np.array(array, order="C") if self.rank == 0 else np.empty(shape, dtype)
        if out.size:
            self._call(dist.broadcast, torch.from_numpy(out.reshape(-1).view(np.uint8)), src=0)
        return out

    def _exchange(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """A JSON object of every rank."""
        self._exchanges += 1
        text = json.dumps(message).encode()
        size = len(text).to_bytes(_SIZE, "little")
        parts = self._gathered(size + text[:_SHORT].ljust(_SHORT))
        sizes = [int.from_bytes(part[:_SIZE], "little") for part in parts]
        texts = [part[_SIZE:] for part in parts]
        rest = max(sizes) - _SHORT
        if rest > 0:
            longer = self._gathered(text[_SHORT:].ljust(rest))
            texts = [one + other for one, other in zip(texts, longer, strict=True)]
        return [json.loads(one[:count]) for one, count in zip(texts, sizes, strict=True)]

    def _gathered(self, own: bytes) -> list[bytes]:
        """The bytes of every rank, of which all have as many."""
        import torch
        import torch.distributed as dist

        sent = torch.frombuffer(bytearray(own), dtype=torch.uint8)
        found = [torch.empty_like(sent) for _ in range(self.world_size)]
        self._call(dist.all_gather, found, sent)
        return [bytes(part.numpy()) for part in found]

    def _call(self, collective: Callable[..., Any], *args: Any, **options: Any) -> None:
        if self._group is None:
            raise RankError(f"rank {self.rank} has lost the others; connect again.")
        try:
            collective(*args, group=self._group, **options)
        except RuntimeError as error:
            self._group = None
            raise RankError(
                f"another rank ended or did not answer in time, so rank {self.rank} ends as well."
            ) from error


def _row_bytes(items: Array) -> int:
    return items.dtype.itemsize * math.prod(items.shape[1:])


def _sentence(error: BaseException) -> str:
    text = str(error)
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}".removesuffix(": ")


class _Scorer:
    def __init__(self, ranks: Ranks, scorer: Any, block: int) -> None:
        self._ranks, self._scorer, self._block = ranks, scorer, block

    def score_pairs(self, pairs: Any) -> Array:
        score = getattr(self._scorer, "score_pairs", self._scorer)
        # Rows of pairs, which map divides, are columns of what a scorer takes.
        return self._ranks.map(lambda rows: score(np.ascontiguousarray(rows.T)), np.asarray(pairs).T, block=self._block)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._scorer, name)
        return partial(self._rank_counts, found) if name == "rank_counts" else found

    def _rank_counts(self, function: Callable[..., Any], triples: Array, side: str, known: tuple[Array, Array]) -> Any:
        """Counts of :func:`graphrep.evaluate.ranking`, of which each rank makes those of a part of the triples."""
        begin, end = self._ranks.part(len(triples))
        indptr, ids = known
        with self._ranks.together():
            lists = indptr[begin : end + 1] - indptr[begin], ids[indptr[begin] : indptr[end]]
            part = function(triples[begin:end], side, lists)
            counts = np.stack(list(part), axis=1)
        return type(part)(*np.ascontiguousarray(self._ranks.gather("counts", counts, len(triples)).T))
