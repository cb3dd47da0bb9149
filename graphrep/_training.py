"""What estimators that train share: seeded blocks, checkpoints, node features as tensors."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from graphrep._checks import check_finite
from graphrep.nn.sparse import SparseFeatures

__all__ = ["as_features", "load_state", "refuse_other_fit", "save_state", "seeded"]

Tensor = torch.Tensor

_SPARSE_BELOW = 0.2  # share of non-zeros up to which features are multiplied as a sparse matrix


class seeded:  # noqa: N801
    """A block with torch's random numbers seeded, and as they were afterwards."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __enter__(self) -> None:
        self.before = torch.get_rng_state()
        torch.manual_seed(self.seed)

    def __exit__(self, *_: object) -> None:
        torch.set_rng_state(self.before)


def save_state(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all."""
    target = Path(path)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name, delete=False) as file:
        torch.save(state, file)
    os.replace(file.name, target)


def load_state(path: str | os.PathLike[str], device: torch.device) -> dict[str, Any]:
    """Read a checkpoint; nothing of it is executed."""
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
        state["fingerprint"]
    except Exception as error:
        raise ValueError(f"checkpoint {os.fspath(path)} cannot be read: {error}") from error
    return state


def refuse_other_fit(path: str | os.PathLike[str], *, same: bool) -> None:
    """A checkpoint is gone on with by the fit that wrote it alone."""
    if not same:
        raise ValueError(f"checkpoint {os.fspath(path)} is of another fit: its settings, seed or graph differ.")


def as_features(x: Any, device: torch.device) -> Any:
    """Features as :class:`SparseFeatures` if few are non-zero, else as a float32 tensor; ValueError if not finite."""
    dense = not sp.issparse(x)
    share = np.count_nonzero(x) / max(1, np.size(x)) if dense else x.nnz / max(1, x.shape[0] * x.shape[1])
    if share < _SPARSE_BELOW:
        return SparseFeatures(x).to(device)
    table = np.asarray(x if dense else x.toarray(), dtype=np.float32)
    check_finite("x", table)
    return torch.as_tensor(table).to(device)
