"""Message-passing encoders for link prediction, with or without weights in the convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from graphrep.nn.blocks import Block, row_blocks
from graphrep.nn.generators import current_generator, using_rows
from graphrep.nn.layers import Dropout, Linear, NormDropoutReLU, drop, dropped_linear, evaluating, glorot_linear, linear
from graphrep.nn.sparse import SparseFeatures, feature_rows
from graphrep.ops.adjacency import Adjacency
from graphrep.ops.convolution import propagate

__all__ = ["CONVOLUTIONS", "Encoder"]

Tensor = torch.Tensor

#: Name of a convolution -> normalization of its propagation, and whether layers have weights.
CONVOLUTIONS = {
    "puregcn": ("gcn", False),
    "puresum": ("sum", False),
    "puremean": ("mean", False),
    "puremax": ("max", False),
    "gcn": ("gcn", True),
    "sum": ("sum", True),
    "mean": ("mean", True),
    "max": ("max", True),
}

JUMPING_WEIGHTS = ("normal", "softmax", "mean")

_ROWS = 1 << 14  # that inference multiplies at a time


def _added(x: Tensor, y: Tensor) -> Tensor:
    """``x + y``, computed in place in ``x`` unless a derivative may need it."""
    return x + y if torch.is_grad_enabled() else x.add_(y)


class Encoder(nn.Module):
    """An input layer for node features or learned node vectors, followed by convolutions.

    Parameters
    ----------
    in_channels : int or None
        Number of features. With None, ``num_embeddings`` vectors are learned, with orthogonal initialization.
    dimensions : int
        Width of the layers and of the result.
    layers : int
        Number of convolutions; 0 means only the input layer.
    convolution : str
        One of ``CONVOLUTIONS``. Those that begin with "pure" have no weights and no activation.
    num_embeddings : int
    feature_dropout, dropout, edge_dropout, output_dropout : float
        Dropout of the features, between layers, of adjacency entries (drawn in every layer, independently for the two
        directions of an edge), and after the last convolution without weights.
    layer_norm, residual, jumping_knowledge : bool
        Layer norm after convolutions with weights; skip connections between layers of equal width; the result as a
        weighted sum over layers with scalar weights.
    jumping_weights : {"normal", "softmax", "mean"}
        The scalar weights. "normal": learned without constraints from a standard normal initialization, where even the
        sign is random, as in the released NCN code. "softmax": learned, positive with sum 1, initially equal. "mean":
        equal and fixed, including the input layer, as in LightGCN.
    shared_convolution : bool
        All layers but the first share the weights of one convolution, and no layer has a norm or an activation.
    initial_residual : float
        Factor of the input layer's result that is added to every layer.

    References
    ----------
    Wang, Yang, Zhang. Neural Common Neighbor with Completion for Link Prediction. ICLR 2024, section 4. He et al.
    LightGCN. SIGIR 2020, section 3.1. Ma et al. Reconsidering the Performance of GAE in Link Prediction. CIKM 2025.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> encoder = gr.nn.Encoder(4, dimensions=8)
    >>> path = gr.ops.as_adjacency(gr.as_graph([(0, 1), (1, 2)], directed=False))
    >>> encoder(torch.ones(3, 4), path).shape
    torch.Size([3, 8])
    """

    def __init__(
        self,
        in_channels: int | None,
        *,
        dimensions: int = 256,
        layers: int = 1,
        convolution: str = "puregcn",
        num_embeddings: int = 0,
        feature_dropout: float = 0.0,
        dropout: float = 0.0,
        edge_dropout: float = 0.0,
        output_dropout: float = 0.0,
        layer_norm: bool = False,
        residual: bool = False,
        jumping_knowledge: bool = False,
        jumping_weights: str = "normal",
        shared_convolution: bool = False,
        initial_residual: float = 0.0,
    ) -> None:
        super().__init__()
        if convolution not in CONVOLUTIONS:
            raise ValueError(f"convolution must be one of {', '.join(CONVOLUTIONS)}; got {convolution!r}.")
        if jumping_weights not in JUMPING_WEIGHTS:
            raise ValueError(f"jumping_weights must be one of {', '.join(JUMPING_WEIGHTS)}; got {jumping_weights!r}.")
        self.jumping_weights = jumping_weights if jumping_knowledge and layers else None
        self.initial_residual = initial_residual
        self.kind, self.weighted = CONVOLUTIONS[convolution]
        self.feature_dropout, self.dropout, self.edge_dropout = feature_dropout, dropout, edge_dropout
        self.output_dropout, self.residual, self.layers = output_dropout, residual, layers
        self.embedding: nn.Embedding | None = None
        self.input: nn.Linear | None = None
        width = dimensions
        if in_channels is None:
            table = nn.init.orthogonal_(torch.empty(num_embeddings, dimensions), generator=current_generator())
            self.embedding = nn.Embedding(num_embeddings, dimensions, _weight=table)
        elif not self.weighted or layers == 0 or initial_residual:
            self.input = Linear(in_channels, dimensions)
        else:
            width = in_channels
        self.linears, self.norms = nn.ModuleList(), nn.ModuleList()
        if self.weighted:
            for layer in range(min(layers, 2) if shared_convolution else layers):
                self.linears.append(glorot_linear(width if layer == 0 else dimensions, dimensions))
                if not shared_convolution and (layer < layers - 1 or layers == 1):
                    block = NormDropoutReLU(dimensions, dropout) if layer_norm else Dropout(dropout, relu=True)
                    self.norms.append(block)
        self.jump: nn.Parameter | None = None
        if self.jumping_weights == "normal":
            self.jump = nn.Parameter(torch.randn(layers, generator=current_generator()))
        elif self.jumping_weights == "softmax":
            self.jump = nn.Parameter(torch.zeros(layers))

    def forward(self, x: Tensor | SparseFeatures | None, adj: Adjacency | Sequence[Block]) -> Tensor:
        """Vectors of shape (num_nodes, dimensions).

        ``x`` has shape (num_nodes, in_channels), or is None to use the first num_nodes learned vectors. With the blocks
        of :func:`graphrep.nn.sample_blocks` in place of ``adj``, ``x`` holds the rows of the nodes that the
        first of them reads, or, for learned vectors, their numbers; the result has a row for each node of the last.
        """
        num_nodes, nodes = (adj.num_rows, None) if isinstance(adj, Adjacency) else (0, adj[0].nodes if adj else None)
        with using_rows(nodes, None):
            h, first = self._start(x, num_nodes)
            product = self._product(0, h, first) if self.layers else h
        initial, steps = h, []
        for layer in range(self.layers):
            product = self._product(layer, h, None) if layer else product
            if isinstance(adj, Adjacency):
                new = propagate(self._drop_edges(adj), product, self.kind)
            else:
                new, nodes = adj[layer].propagate(product), adj[layer].nodes
                h, initial = (None if part is None else adj[layer].rows_of(part) for part in (h, initial))
            with using_rows(None if nodes is None else nodes[: len(new)], None):
                h = self._finish(layer, new, h, initial)
            steps.append(h)
        result: Tensor = h if self.jumping_weights is None else self._mixed(initial, [step[: len(h)] for step in steps])
        return result

    @torch.no_grad()
    def infer(self, x: Tensor | SparseFeatures | None, adj: Adjacency) -> Tensor:
        """As :meth:`forward` in evaluation mode, layer by layer in blocks of rows, and equal up to rounding.

        Besides ``x`` and the result, there are at most three tables of shape (num_nodes, dimensions), one more with
        ``initial_residual`` or ``jumping_weights="mean"``, and a block of about four million entries of the adjacency.
        """
        with evaluating(self):
            return self._inferred(x, adj) if adj.num_rows else self.forward(x, adj)

    def _inferred(self, x: Tensor | SparseFeatures | None, adj: Adjacency) -> Tensor:
        """:meth:`infer`, of at least one node."""
        n = adj.num_rows
        parts = [torch.arange(begin, min(begin + _ROWS, n), device=adj.device) for begin in range(0, n, _ROWS)]
        multiplied = x is not None and self._multiplies(x)

        def inputs() -> Iterator[tuple[int, Tensor]]:
            for ids in parts:
                h, first = self._start(ids if x is None else feature_rows(x, ids), 0)
                yield int(ids[0]), self._product(0, h, first) if multiplied else h

        def products(layer: int, h: Tensor) -> Iterator[tuple[int, Tensor]]:
            for ids in parts:
                yield int(ids[0]), self._product(layer, h[ids[0] : ids[-1] + 1], None)

        def results(layer: int, product: Tensor, *before: Tensor | None) -> Iterator[tuple[int, Tensor]]:
            for block in row_blocks(adj, self.kind):
                own = (None if part is None else block.rows_of(part) for part in before)
                yield block.begin, self._finish(layer, block.propagate(product), *own)

        start = _table(n, inputs())
        h = None if multiplied else start
        initial = h if self.initial_residual or self.jumping_weights == "mean" else None
        mixed = None if self.jumping_weights != "mean" or h is None else h.clone()
        factors = None if self.jump is None else self._factors(self.jump)
        for layer in range(self.layers):
            product = start if h is None or not self.weighted else _table(n, products(layer, h))
            h = start = _table(n, results(layer, product, h, initial))
            del product
            if self.jumping_weights is not None:
                step = h if factors is None else h * factors[layer]
                mixed = step.clone() if mixed is None else mixed.add_(step)
        if mixed is None:
            assert h is not None
            return h
        return mixed if factors is not None else mixed.div_(self.layers + (not multiplied))

    def _factors(self, jump: Tensor) -> Tensor:
        """Weights of the layers in the result."""
        return jump.softmax(0) if self.jumping_weights == "softmax" else jump

    def _product(self, layer: int, h: Any, first: _Dropped | None) -> Tensor:
        """What the convolution of a layer propagates."""
        if not self.weighted:
            return h  # type: ignore[no-any-return]
        weights: Any = self.linears[min(layer, len(self.linears) - 1)]
        return first.linear(weights.weight) if first is not None else linear(h, weights.weight)

    def _finish(self, layer: int, new: Tensor, h: Tensor | None, initial: Tensor | None) -> Tensor:
        """The result of a layer, of what was propagated and of the rows before it and at the beginning."""
        if self.weighted:
            weights: Any = self.linears[min(layer, len(self.linears) - 1)]
            new = _added(new, weights.bias)
            if layer < len(self.norms):
                new = self.norms[layer](new)
        elif layer == self.layers - 1:
            new = drop(new, self.output_dropout, training=self.training)
        new = _added(new, h) if self.residual and h is not None and h.shape == new.shape else new
        return torch.add(new, initial, alpha=self.initial_residual) if self.initial_residual else new  # type: ignore[arg-type]

    def _mixed(self, initial: Tensor | None, steps: list[Tensor]) -> Tensor:
        """Weighted sum over layers."""
        if self.jump is None:
            if initial is not None and initial.shape == steps[0].shape:
                steps = [initial, *steps]
            return torch.stack(steps).mean(0)
        weights = self._factors(self.jump)
        mixed = weights[0] * steps[0]
        for weight, step in zip(weights[1:], steps[1:], strict=True):
            mixed = torch.addcmul(mixed, weight, step)
        return mixed

    def _start(self, x: Any, num_nodes: int) -> tuple[Any, _Dropped | None]:
        """Input of the first convolution: vectors, or features to multiply by its weights."""
        if self.embedding is not None:
            table = self.embedding.weight
            rows = table[:num_nodes] if x is None else table.index_select(0, x)
            return drop(rows, self.dropout, training=self.training), None
        late = _Dropped(x, self.feature_dropout, self.training)
        if self.input is not None:
            return drop(late.linear(self.input.weight, self.input.bias), self.dropout, training=self.training), None
        if self._multiplies(x):
            return None, late
        # Of the same width as the first layer, and thus available for its skip connection.
        return drop(x, self.feature_dropout, training=self.training), None

    def _multiplies(self, x: Any) -> bool:
        """Whether the first convolution multiplies the features, which nothing else reads."""
        if self.embedding is not None or self.input is not None:
            return False
        return isinstance(x, SparseFeatures) or x.shape[1] != self.linears[0].out_features

    def _drop_edges(self, adj: Adjacency) -> Adjacency:
        if not self.training or not self.edge_dropout:
            return adj
        dtype = next(self.parameters()).dtype
        values = torch.ones(adj.num_entries, dtype=dtype, device=adj.device) if adj.values is None else adj.values
        return adj.with_values(drop(values, self.edge_dropout, training=True))


def _table(num_rows: int, parts: Iterator[tuple[int, Tensor]]) -> Tensor:
    """A tensor from parts of its rows with the numbers of their first rows."""
    out: Tensor | None = None
    for begin, part in parts:
        out = part.new_empty(num_rows, part.shape[1]) if out is None else out
        out[begin : begin + len(part)] = part
    assert out is not None
    return out


class _Dropped:
    """Features with dropout that is applied when they are multiplied."""

    def __init__(self, x: Tensor | SparseFeatures, dropout: float, training: bool) -> None:  # noqa: FBT001
        self.x, self.dropout, self.training = x, dropout, training

    def linear(self, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if not isinstance(self.x, SparseFeatures):
            return dropped_linear(self.x, weight, bias, self.dropout, training=self.training)
        product = self.x.matmul(weight.T.contiguous(), dropout=self.dropout, training=self.training)
        return product if bias is None else product + bias
