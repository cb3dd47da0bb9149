"""Splits of the nodes into training, validation and test rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import check_rows, to_numpy
from graphrep._checks import checked_float
from graphrep.evaluate.checks import I64

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


Split = tuple[I64, I64, I64]  # training, validation and test rows


def random_splits(
    labeled: I64, ratios: Sequence[float], repeats: int, seed: int, num_valid: float = 0
) -> tuple[list[float], Iterator[Split]]:
    """Shares of the labeled nodes, and for each share ``repeats`` splits; validation as in :func:`held_out`."""
    shares = [checked_float("ratios", ratio) for ratio in np.atleast_1d(np.asarray(ratios)).tolist()]
    for share in shares:
        if not 0 < share < 1:
            raise ValueError(f"ratios must lie in (0, 1), got {share}.")
    if not shares or repeats < 1:
        raise ValueError(f"ratios and repeats must ask for at least one split, got {shares} and {repeats}.")

    def splits() -> Iterator[Split]:
        for share in shares:
            cut = round(share * len(labeled))
            for repeat in range(repeats):
                order = labeled[np.random.default_rng([seed, repeat]).permutation(len(labeled))]
                yield held_out(order[:cut], order[cut:], num_valid, len(labeled))

    return shares, splits()


def per_class_splits(
    Y: npt.NDArray[np.bool_], labeled: I64, per_class: int, repeats: int, seed: int, num_valid: float = 0
) -> Iterator[Split]:
    """Splits with ``per_class`` random training nodes of each class, or all nodes of a smaller class."""
    if per_class < 1 or repeats < 1:
        raise ValueError(f"per_class and repeats must be at least 1, got {per_class} and {repeats}.")
    codes = Y[labeled].argmax(axis=1)
    for repeat in range(repeats):
        order = np.random.default_rng([seed, repeat]).permutation(len(labeled))
        # The first nodes of each class in random order, which a stable sort by class preserves.
        by_class = order[np.argsort(codes[order], kind="stable")]
        starts = np.searchsorted(codes[by_class], codes[by_class])
        first = np.zeros(len(labeled), dtype=bool)
        first[by_class[np.arange(len(by_class)) - starts < per_class]] = True
        yield held_out(labeled[order[first[order]]], labeled[order[~first[order]]], num_valid, len(labeled))


def held_out(train: I64, rest: I64, num_valid: float, num_labeled: int) -> Split:
    """Take the first ``num_valid`` of the other nodes for validation; below 1 it is a share of the labeled nodes."""
    count = round(num_valid * num_labeled) if 0 < num_valid < 1 else int(num_valid)
    if count < 0 or (count and count >= len(rest)):
        raise ValueError(f"num_valid asks for {count} validation nodes, but only {len(rest)} are not trained on.")
    return train, rest[:count], rest[count:]


def dealt_folds(Y: npt.NDArray[np.bool_], rows: I64, folds: int, seed: int) -> npt.NDArray[np.intp]:
    """Fold of each of the rows: in random order, but sorted by their rarest label, they are dealt out in turn.

    With one label per node, every class is spread evenly; a rare label of a label matrix is, too.
    """
    order = np.random.default_rng([seed, len(rows)]).permutation(len(rows))
    counts = np.where(Y[rows], Y[rows].sum(axis=0), len(rows) + 1)
    rarest = np.where(counts.min(axis=1) <= len(rows), counts.argmin(axis=1), Y.shape[1])
    fold = np.empty(len(rows), dtype=np.intp)
    fold[order[np.argsort(rarest[order], kind="stable")]] = np.arange(len(rows)) % folds
    return fold


def fixed_splits(train: Any, valid: Any, test: Any, labeled: I64, num_nodes: int) -> list[Split]:
    """Disjoint training, validation and test rows, labeled ones only, from row numbers or masks."""
    parts = {"train": _row_sets("train", train, num_nodes)}
    count = len(parts["train"])
    for name, value in (("valid", valid), ("test", test)):
        if value is None:
            known = [np.concatenate([part[i] for part in parts.values()]) for i in range(count)]
            empty = [labeled[:0]] * count
            parts[name] = empty if name == "valid" else [np.setdiff1d(labeled, rows) for rows in known]
            continue
        sets = _row_sets(name, value, num_nodes)
        parts[name] = sets * count if len(sets) == 1 else sets
        if len(parts[name]) != count:
            raise ValueError(f"train has {count} splits, but {name} has {len(sets)}.")
    for first, second in (("train", "test"), ("train", "valid"), ("valid", "test")):
        for one, other in zip(parts[first], parts[second], strict=True):
            shared = np.intersect1d(one, other)
            if len(shared):
                raise ValueError(f"{first} and {second} share {len(shared)} nodes, row {shared[0]} among them.")
    kept = {name: [np.intersect1d(rows, labeled) for rows in sets] for name, sets in parts.items()}
    return list(zip(kept["train"], kept["valid"], kept["test"], strict=True))


def _row_sets(name: str, value: Any, num_nodes: int) -> list[I64]:
    rows = to_numpy(value)
    if rows.dtype == bool:
        if len(rows) != num_nodes or rows.ndim not in (1, 2):
            raise ValueError(f"{name} must be a mask of {num_nodes} rows, got shape {rows.shape}.")
        return [np.flatnonzero(mask) for mask in rows.reshape(num_nodes, -1).T]
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise ValueError(f"{name} must hold row numbers in one dimension, got {rows.dtype} {rows.shape}.")
    check_rows(name, rows, num_nodes)
    return [np.unique(rows).astype(np.int64)]
