"""Degrees, common neighbors and similarities of features as a further part of a neural score."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from graphrep._threads import limited_threads
from graphrep.evaluate.baselines import as_float32, directions, unit_rows
from graphrep.graph import Graph
from graphrep.heuristics.features import pair_features
from graphrep.nn import Linear

__all__ = ["PairColumns", "UntrainedColumns"]

F32 = npt.NDArray[np.float32]
Tensor = torch.Tensor

_HIDDEN = 32
_STEPS, _BATCH, _RATE = 600, 1024, 0.003
_REDUCED = 128  # columns of the features
_ROWS = 1 << 15  # pairs at once


class UntrainedColumns:
    r"""What is known of pairs without training, as if no pair had an edge of its own.

    The columns of :func:`graphrep.heuristics.pair_features`, and for a graph with features x, reduced to unit rows of
    at most 128 columns, the cosines of :math:`x_u, x_v` and of :math:`s_u - x_v, s_v - x_u`, where :math:`s` is the sum
    of x over a node and its neighbors; only the ends of an edge are subtracted.

    Parameters
    ----------
    graph : Graph
        Undirected.
    n_jobs : int or None
    like : UntrainedColumns, optional
        Reduce the features in the directions of these, instead of those of the graph.
    """

    def __init__(self, graph: Graph, n_jobs: int | None = None, *, like: UntrainedColumns | None = None) -> None:
        x = directions_ = None
        if graph.x is not None and graph.x.shape[1]:
            with limited_threads(1):  # the result does not depend on the number of threads
                rows = (unit_rows if graph.x.shape[1] > 1 else as_float32)(graph.x)
                directions_ = directions(rows, _REDUCED, 0) if like is None else like.directions
                x = np.ascontiguousarray(unit_rows(rows @ directions_), dtype=np.float32)
        self._fill(graph, n_jobs, x, directions_)

    def _fill(self, graph: Graph, n_jobs: int | None, x: F32 | None, directions_: F32 | None) -> None:
        self.graph, self.n_jobs, self.x, self.directions = graph, n_jobs, x, directions_
        if x is not None:
            self.sums = x + graph.to_scipy().astype(bool).astype(np.float32) @ x

    @classmethod
    def restored(cls, graph: Graph, n_jobs: int | None, state: dict[str, F32 | None]) -> UntrainedColumns:
        """The columns whose :meth:`state` this is, of the same graph without its features."""
        x, directions_ = state["x"], state["directions"]
        if x is not None and (x.ndim != 2 or len(x) != graph.num_nodes or directions_ is None):
            raise ValueError("graph and features differ in size")
        columns = cls.__new__(cls)
        columns._fill(graph, n_jobs, x, directions_)
        return columns

    def state(self) -> dict[str, F32 | None]:
        """Reduced features, and how they were reduced."""
        return {"x": self.x, "directions": self.directions}

    @property
    def num_columns(self) -> int:
        """Number of columns."""
        return 6 + (0 if self.x is None else 2)

    def __call__(self, pairs: npt.NDArray[np.int64]) -> F32:
        """Float32 array of shape (num_pairs, num_columns)."""
        found = list(pair_features(self.graph, pairs, n_jobs=self.n_jobs).values())
        if self.x is not None:
            found += self._similarities(pairs)
        return np.stack(found, axis=1).astype(np.float32)

    def _similarities(self, pairs: npt.NDArray[np.int64]) -> list[Any]:
        assert self.x is not None
        out = np.empty((2, pairs.shape[1]), dtype=np.float32)
        own = (self.graph.has_edges(*pairs) & (pairs[0] != pairs[1])).astype(np.float32)
        for begin in range(0, pairs.shape[1], _ROWS):
            part = slice(begin, begin + _ROWS)
            (u, v), edge = pairs[:, part], own[part, None]
            x_u, x_v = self.x[u], self.x[v]
            out[0, part] = np.einsum("ij,ij->i", x_u, x_v)
            s_u, s_v = self.sums[u] - edge * x_v, self.sums[v] - edge * x_u
            length = np.linalg.norm(s_u, axis=1) * np.linalg.norm(s_v, axis=1)
            out[1, part] = np.einsum("ij,ij->i", s_u, s_v) / np.where(length > 0, length, 1)
        return list(out)


class PairColumns(nn.Module):
    """A logit of columns: a linear function plus a small network, of columns scaled to mean 0 and variance 1."""

    mean: Tensor
    scale: Tensor

    def __init__(self, num_columns: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_columns))
        self.register_buffer("scale", torch.ones(num_columns))
        self.linear = Linear(num_columns, 1)
        self.network = nn.Sequential(
            Linear(num_columns, _HIDDEN), nn.ReLU(), Linear(_HIDDEN, _HIDDEN), nn.ReLU(), Linear(_HIDDEN, 1)
        )

    def fit(self, edges: Tensor, others: Tensor) -> None:
        """Scale to the columns of edges and of other pairs, then learn to tell them apart."""
        both = torch.cat([edges, others])
        deviation = both.std(0, correction=0)
        self.mean.copy_(both.mean(0))
        self.scale.copy_(torch.where(deviation > 1e-6, 1 / deviation.clamp(min=1e-6), torch.zeros_like(deviation)))
        optimizer = torch.optim.Adam(self.parameters(), lr=_RATE, fused=True)
        rng = np.random.default_rng(0)
        steps = min(_STEPS, max(100, len(edges) // 4))
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = _RATE * (1 - step / steps)
            batch = [of[torch.from_numpy(rng.integers(len(of), size=_BATCH)).to(of.device)] for of in (edges, others)]
            logits = self(torch.cat(batch))
            loss = nn.functional.softplus(-logits[:_BATCH]).mean() + nn.functional.softplus(logits[_BATCH:]).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        self.requires_grad_(requires_grad=False)

    def forward(self, columns: Tensor) -> Tensor:
        """Logits of shape (num_pairs,) of columns of shape (num_pairs, num_columns)."""
        x = (columns - self.mean) * self.scale
        logits: Tensor = self.linear(x) + self.network(x)
        return logits.squeeze(1)
