"""An autoencoder of node features, which initializes the clustering."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from graphrep._checks import checked_features, checked_float, checked_int, checked_ints
from graphrep._random import resolve_seed
from graphrep._threads import limited_threads
from graphrep.learn.loop import Loop
from graphrep.nn import Linear, SparseFeatures
from graphrep.nn.generators import current_generator, make_generator, using_generator

__all__ = ["AutoEncoder", "FeatureTable", "pretrain_autoencoder"]

Tensor = torch.Tensor


class AutoEncoder(nn.Module):
    r"""Symmetric encoder and decoder: linear layers with ReLU between them, and a linear last layer in each half.

    Parameters
    ----------
    in_channels : int
        Number of features.
    hidden : sequence of int
        Widths of the hidden layers of the encoder, reversed in the decoder.
    dimensions : int
        Width of the code.

    References
    ----------
    Bo et al. Structural Deep Clustering Network. WWW 2020, section 4.1.

    Examples
    --------
    >>> import torch
    >>> from graphrep.cluster import AutoEncoder
    >>> z, x_hat = AutoEncoder(6, hidden=(8, 4), dimensions=2)(torch.ones(3, 6))
    >>> z.shape, x_hat.shape
    (torch.Size([3, 2]), torch.Size([3, 6]))
    """

    def __init__(self, in_channels: int, *, hidden: Sequence[int] = (500, 500, 2000), dimensions: int = 10) -> None:
        super().__init__()
        widths = [in_channels, *checked_ints("hidden", hidden, 1), dimensions]
        self.encoder = nn.ModuleList(Linear(a, b) for a, b in pairwise(widths))
        self.decoder = nn.ModuleList(Linear(a, b) for a, b in pairwise(widths[::-1]))

    def encode(self, x: Tensor | SparseFeatures) -> Tensor:
        """Codes of shape (num_nodes, dimensions)."""
        first: Any = self.encoder[0]
        h: Tensor = x.matmul(first.weight.T.contiguous()) + first.bias if isinstance(x, SparseFeatures) else first(x)
        for layer in self.encoder[1:]:
            h = layer(h.relu())
        return h

    def decode(self, z: Tensor) -> Tensor:
        """Features of shape (num_nodes, in_channels) from codes."""
        for index, layer in enumerate(self.decoder):
            z = layer(z.relu() if index else z)
        return z

    def forward(self, x: Tensor | SparseFeatures) -> tuple[Tensor, Tensor]:
        """Codes and reconstructed features."""
        z = self.encode(x)
        return z, self.decode(z)


def pretrain_autoencoder(
    x: Any,
    *,
    hidden: Sequence[int] = (500, 500, 2000),
    dimensions: int = 10,
    epochs: int = 30,
    batch_size: int = 256,
    learning_rate: float = 0.001,
    device: str | None = None,
    n_jobs: int | None = 1,
    random_state: Any = 0,
    progress: bool | None = None,
) -> AutoEncoder:
    r"""Train an :class:`AutoEncoder` on the mean squared error of the features, with Adam on batches of rows.

    Parameters
    ----------
    x : array, tensor or scipy.sparse matrix of shape (num_nodes, num_features)
        Sparse features are made dense one batch at a time.
    hidden, dimensions
        As in :class:`AutoEncoder`.
    epochs, batch_size : int
    learning_rate : float
    device, n_jobs, random_state, progress
        As in :class:`graphrep.PamC`.

    Returns
    -------
    AutoEncoder

    Raises
    ------
    ValueError
        ``x`` is not a table of finite numbers, or a setting is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.cluster import pretrain_autoencoder
    >>> x = np.eye(6, dtype=np.float32)
    >>> pretrain_autoencoder(x, hidden=(8,), dimensions=2, epochs=2).decoder[-1].out_features
    6
    """
    table = FeatureTable(x, device)
    seed = resolve_seed(random_state)
    with limited_threads(n_jobs), using_generator(make_generator(seed)):
        model = AutoEncoder(table.shape[1], hidden=hidden, dimensions=dimensions).to(table.device, torch.float32)
        reconstruction_loop(
            model,
            table,
            epochs=checked_int("epochs", epochs, 0),
            batch_size=checked_int("batch_size", batch_size, 1),
            learning_rate=checked_float("learning_rate", learning_rate, 0.0),
            seed=seed,
            progress=progress,
        ).run()
    return model


def reconstruction_loop(
    model: AutoEncoder, table: FeatureTable, *, batch_size: int, learning_rate: float, **options: Any
) -> Loop:
    """Training of an autoencoder on shuffled batches of rows; options as in :class:`graphrep.learn.Loop`."""

    def batches(_: int) -> tuple[Tensor, ...]:
        return torch.split(torch.randperm(table.shape[0], generator=current_generator()), batch_size)

    def loss(rows: Tensor) -> Tensor:
        target = table.batch(rows)
        return nn.functional.mse_loss(model(target)[1], target)

    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    return Loop(model, loss, batches, optimizer, stage="pre-training", name="pre-training", **options)


class FeatureTable:
    """Features as a dense tensor or CSR matrix, read as a whole by a linear layer or in batches of rows.

    A table is sparse if less than a fifth of its entries are non-zero, regardless of its input format.
    """

    def __init__(self, x: Any, device: str | torch.device | None = None) -> None:
        self.device = torch.device(device or "cpu")
        table = checked_features("x", x)
        self.shape = (int(table.shape[0]), int(table.shape[1]))
        if not self.shape[0]:
            raise ValueError(f"x must have at least one row, got shape {self.shape}.")
        share = (table.nnz if sp.issparse(table) else np.count_nonzero(table)) / (self.shape[0] * self.shape[1])
        self.rows: Any = None
        self.full: Tensor | SparseFeatures
        if share < 0.2:
            self.rows = sp.csr_array(table)
            self.full = SparseFeatures(self.rows).to(self.device)
        else:
            dense = table.toarray() if sp.issparse(table) else np.array(table, order="C")
            self.full = torch.from_numpy(dense).to(self.device)

    def batch(self, rows: Tensor | slice) -> Tensor:
        """Some rows, dense."""
        if self.rows is None:
            part: Tensor = self.full[rows]  # type: ignore[index]
            return part
        chosen = rows.numpy() if isinstance(rows, torch.Tensor) else rows
        return torch.from_numpy(self.rows[chosen].toarray()).to(self.device)

    def squared_error(self, x_hat: Tensor) -> Tensor:
        """Mean squared error over all rows; sparse features stay sparse."""
        if isinstance(self.full, torch.Tensor):
            return nn.functional.mse_loss(x_hat, self.full)
        # |x_hat - x|^2 = |x_hat|^2 - 2 <x_hat, x> + |x|^2
        at = self.rows.tocoo()
        rows, cols = (torch.from_numpy(ids.astype(np.int64)).to(self.device) for ids in at.coords)
        values = torch.from_numpy(at.data).to(self.device)
        inner = (x_hat[rows, cols] * values).sum()
        return (x_hat.square().sum() - 2 * inner + values.square().sum()) / x_hat.numel()

    def encoded(self, encode: Callable[[Any], Tensor], size: int = 65536) -> Tensor:
        """``encode`` of all rows, without gradient, in blocks of at most ``size`` rows."""
        with torch.no_grad():
            if self.shape[0] <= size:
                return encode(self.full)
            parts = [slice(begin, begin + size) for begin in range(0, self.shape[0], size)]
            if isinstance(self.full, torch.Tensor):
                return torch.cat([encode(self.full[part]) for part in parts])
            return torch.cat([encode(SparseFeatures(self.rows[part]).to(self.device)) for part in parts])
