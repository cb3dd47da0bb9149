"""Link prediction as one would write it in an afternoon: a GCN of torch_geometric and an MLP on Hadamard products.

Two GCNConv layers with ReLU and dropout, new uniform negatives in every epoch, the whole graph encoded for each batch,
Adam, and the epoch with the best validation value. The edges of a batch stay in the graph while they are scored. A
graph without features gets a learned vector per node.
"""

from __future__ import annotations

import copy
import math
import time
from typing import Any

import numpy as np
import torch
from torch import nn
from torch_geometric.nn import GCNConv
from torch_geometric.utils import negative_sampling

import graphrep as gr


class Network(nn.Module):
    def __init__(self, features: int | None, num_nodes: int, dimensions: int, dropout: float) -> None:
        super().__init__()
        self.table = nn.Embedding(num_nodes, dimensions) if features is None else None
        self.first = GCNConv(features or dimensions, dimensions)
        self.second = GCNConv(dimensions, dimensions)
        self.head = nn.Sequential(nn.Linear(dimensions, dimensions), nn.ReLU(), nn.Linear(dimensions, 1))
        self.dropout = dropout

    def encode(self, x: Any, edge_index: torch.Tensor) -> torch.Tensor:
        h = self.first(x if self.table is None else self.table.weight, edge_index).relu()
        return self.second(nn.functional.dropout(h, self.dropout, self.training), edge_index)

    def forward(self, h: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        return self.head(h[pairs[0]] * h[pairs[1]]).squeeze(1)


class PlainGCN:
    """The interface of ``gr.GAE``, as far as the scripts use it."""

    def __init__(
        self,
        *,
        dimensions: int = 256,
        dropout: float = 0.5,
        learning_rate: float = 0.01,
        batch_size: int = 65536,
        epochs: int = 200,
        metric: str = "hits@100",
        callbacks: tuple[Any, ...] = (),
        device: str | None = None,
        random_state: int = 0,
    ) -> None:
        self.dimensions, self.dropout, self.learning_rate = dimensions, dropout, learning_rate
        self.batch_size, self.epochs, self.metric = batch_size, epochs, metric
        self.callbacks, self.device, self.random_state = callbacks, torch.device(device or "cpu"), random_state

    def fit(self, graph: Any, edges: Any = None, *, val: Any, start: None = None) -> PlainGCN:
        assert start is None
        torch.manual_seed(self.random_state)
        np.random.seed(self.random_state)  # noqa: NPY002  # of torch_geometric's negatives
        self.edge_index = torch.tensor(graph.edge_index(), device=self.device)
        x = graph.x if graph.x is None or not hasattr(graph.x, "toarray") else graph.x.toarray()
        self.x = None if x is None else torch.tensor(np.asarray(x, dtype=np.float32), device=self.device)
        positives = torch.tensor(graph.edges() if edges is None else edges, device=self.device)
        features = None if self.x is None else self.x.shape[1]
        self.model_ = model = Network(features, graph.num_nodes, self.dimensions, self.dropout).to(self.device)
        self.num_parameters_ = sum(part.numel() for part in model.parameters())
        optimizer = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        self.history_: list[dict[str, float]] = []
        best, state = -math.inf, None
        for epoch in range(1, self.epochs + 1):
            begin, total = time.perf_counter(), 0.0
            model.train()
            negatives = negative_sampling(self.edge_index, graph.num_nodes, positives.shape[1])
            for rows in torch.randperm(positives.shape[1], device=self.device).split(self.batch_size):
                optimizer.zero_grad()
                h = model.encode(self.x, self.edge_index)
                pairs = torch.cat([positives[:, rows], negatives[:, rows % negatives.shape[1]]], 1)
                labels = (torch.arange(pairs.shape[1], device=self.device) < len(rows)).float()
                loss = nn.functional.binary_cross_entropy_with_logits(model(h, pairs), labels)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
            seconds = time.perf_counter() - begin
            own = self.score_pairs(val.valid_neg.reshape(2, -1)).reshape(val.valid_neg.shape[1:])
            value = gr.evaluate.link_metrics(self.score_pairs(val.valid), own, [self.metric])[self.metric]
            self.history_.append({"loss": total / positives.shape[1], self.metric: value})
            if value > best:
                best, state, self.best_epoch_ = value, copy.deepcopy(model.state_dict()), epoch
            for callback in self.callbacks:
                callback(epoch, self.history_[-1] | {"seconds": seconds}, self)
        model.load_state_dict(state)
        return self

    @torch.no_grad()
    def score_pairs(self, pairs: Any) -> np.ndarray[Any, Any]:
        self.model_.eval()
        h = self.model_.encode(self.x, self.edge_index)
        parts = torch.tensor(np.asarray(pairs), device=self.device).split(1 << 16, 1)
        return torch.cat([self.model_(h, part) for part in parts]).cpu().numpy()
