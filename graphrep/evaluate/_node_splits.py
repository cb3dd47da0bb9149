"""Which nodes are trained on and which are tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphrep.evaluate._checks import I64, to_numpy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def random_splits(
    labelled: I64, ratios: Sequence[float], repeats: int, seed: int
) -> tuple[list[float], Iterator[tuple[I64, I64]]]:
    """Shares of the labelled nodes, and for each share ``repeats`` pairs of training and test rows."""
    shares = [float(ratio) for ratio in np.atleast_1d(np.asarray(ratios))]
    for share in shares:
        if not 0 < share < 1:
            raise ValueError(f"ratios must lie in (0, 1), got {share}.")
    if not shares or repeats < 1:
        raise ValueError(f"ratios and repeats must ask for at least one split, got {shares} and {repeats}.")

    def splits() -> Iterator[tuple[I64, I64]]:
        for share in shares:
            cut = round(share * len(labelled))
            for repeat in range(repeats):
                order = labelled[np.random.default_rng([seed, repeat]).permutation(len(labelled))]
                yield order[:cut], order[cut:]

    return shares, splits()


def fixed_splits(train: Any, test: Any, labelled: I64, num_nodes: int) -> list[tuple[I64, I64]]:
    """Pairs of disjoint training and test rows, labelled ones only, from row numbers or masks."""
    train_sets = _row_sets("train", train, num_nodes)
    if test is None:
        test_sets = [np.setdiff1d(labelled, rows) for rows in train_sets]
    else:
        test_sets = _row_sets("test", test, num_nodes)
        test_sets = test_sets * len(train_sets) if len(test_sets) == 1 else test_sets
    if len(test_sets) != len(train_sets):
        raise ValueError(f"train has {len(train_sets)} splits, but test has {len(test_sets)}.")
    for fit_rows, test_rows in zip(train_sets, test_sets, strict=True):
        shared = np.intersect1d(fit_rows, test_rows)
        if len(shared):
            raise ValueError(f"train and test share {len(shared)} nodes, row {shared[0]} among them.")
    return [
        (np.intersect1d(a, labelled), np.intersect1d(b, labelled)) for a, b in zip(train_sets, test_sets, strict=True)
    ]


def _row_sets(name: str, value: Any, num_nodes: int) -> list[I64]:
    rows = to_numpy(value)
    if rows.dtype == bool:
        if len(rows) != num_nodes or rows.ndim not in (1, 2):
            raise ValueError(f"{name} must be a mask of {num_nodes} rows, got shape {rows.shape}.")
        return [np.flatnonzero(mask) for mask in rows.reshape(num_nodes, -1).T]
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise ValueError(f"{name} must hold row numbers in one dimension, got {rows.dtype} {rows.shape}.")
    if rows.size and (rows.min() < 0 or rows.max() >= num_nodes):
        raise IndexError(f"{name} must lie in [0, {num_nodes}), got {rows.min()} … {rows.max()}.")
    return [np.unique(rows).astype(np.int64)]
