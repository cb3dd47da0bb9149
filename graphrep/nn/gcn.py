"""``GCN``: a graph convolutional network, or a multilayer perceptron if there is no adjacency."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from graphrep.nn.layers import Linear, evaluating, glorot_linear
from graphrep.nn.sparse import SparseFeatures
from graphrep.ops.adjacency import Adjacency
from graphrep.ops.convolution import propagate

__all__ = ["ACTIVATIONS", "GCN"]

Tensor = torch.Tensor

#: Name of an activation -> constructor of its module for a width; "prelu" learns a slope per column.
ACTIVATIONS: dict[str, Any] = {
    "none": lambda _: nn.Identity(),
    "relu": lambda _: nn.ReLU(),
    "prelu": nn.PReLU,
}


class GCN(nn.Module):
    r"""Graph convolutions :math:`H_{l+1} = \sigma_l(\hat A^k H_l W_l^\top + b_l)`, or a perceptron without a graph.

    :math:`\hat A = \hat D^{-1/2} (A + I) \hat D^{-1/2}`. One layer with :math:`k` hops and no activation is SGC.
    Without an adjacency, :math:`\hat A^k` is omitted and the same weights act on each row independently; StructComp
    trains on cluster means in this way.

    Parameters
    ----------
    in_channels : int
    dimensions : int
        Width of the result.
    hidden : int, optional
        Width of all layers but the last; default: ``dimensions``.
    layers : int
        At least 1.
    hops : int
        Propagations per layer.
    inner_activation, activation : str
        Between the layers and after the last layer; one of :data:`graphrep.nn.ACTIVATIONS`.
    batch_norm : bool
        Batch normalization before each activation.
    init : {"glorot", "linear"}
        Glorot weights and zero bias, as in graph libraries, or torch's initialization of a linear layer.

    References
    ----------
    Kipf, Welling. Semi-Supervised Classification with Graph Convolutional Networks. ICLR 2017, section 2. Wu et al.
    Simplifying Graph Convolutional Networks. ICML 2019, section 2.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> gcn = gr.nn.GCN(4, 8, layers=2)
    >>> path = gr.ops.as_adjacency(gr.as_graph([(0, 1), (1, 2)], directed=False))
    >>> gcn(torch.ones(3, 4), path).shape, gcn(torch.ones(5, 4)).shape
    (torch.Size([3, 8]), torch.Size([5, 8]))
    """

    def __init__(
        self,
        in_channels: int,
        dimensions: int = 512,
        *,
        hidden: int | None = None,
        layers: int = 1,
        hops: int = 1,
        inner_activation: str = "prelu",
        activation: str = "prelu",
        batch_norm: bool = False,
        init: str = "glorot",
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers must be at least 1, got {layers}.")
        if init not in ("glorot", "linear"):
            raise ValueError(f"init must be glorot or linear; got {init!r}.")
        for name, value in (("inner_activation", inner_activation), ("activation", activation)):
            if value not in ACTIVATIONS:
                raise ValueError(f"{name} must be one of {', '.join(ACTIVATIONS)}; got {value!r}.")
        self.hops = hops
        self.linears, self.norms, self.activations = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        width = in_channels
        for layer in range(layers):
            last = layer == layers - 1
            out = dimensions if last else hidden or dimensions
            self.linears.append((glorot_linear if init == "glorot" else Linear)(width, out))
            # torch's momentum is the weight of the new value; 0.99 is the published setting of BGRL.
            self.norms.append(nn.BatchNorm1d(out, momentum=0.99) if batch_norm else nn.Identity())
            self.activations.append(ACTIVATIONS[activation if last else inner_activation](out))
            width = out

    def forward(
        self,
        x: Tensor | SparseFeatures,
        adj: Adjacency | None = None,
        *,
        columns: Tensor | None = None,
        rows: Tensor | None = None,
    ) -> Tensor:
        """Vectors of shape (num_rows, dimensions).

        ``columns``, of shape (in_channels,), multiplies the columns of ``x``: zeros mask features. ``rows`` replaces
        row i of ``x`` by row ``rows[i]``. Neither copies ``x``.
        """
        h: Any = x
        for layer, linear in enumerate(self._linears()):
            weight = linear.weight if layer or columns is None else linear.weight * columns
            product = _product(h, weight.T)
            if layer == 0 and rows is not None:
                product = product.index_select(0, rows)
            h = self._spread(product, adj) + linear.bias
            if len(h) > 1 or not self.training:  # a single row has no statistics
                h = self.norms[layer](h)
            h = self.activations[layer](h)
        out: Tensor = h
        return out

    @torch.no_grad()
    def infer(self, x: Tensor | SparseFeatures, adj: Adjacency | None = None, *, block: int = 64) -> Tensor:
        """As :meth:`forward` in evaluation mode, layer by layer in one buffer.

        Propagation is independent per column and multiplication by weights per row, so the only buffer in addition to
        ``x`` and the result is a block of columns or rows: O(num_rows * (dimensions + block)) memory for any number of
        layers.
        """
        with evaluating(self):
            linears = self._linears()
            rows = int(x.shape[0])
            out = linears[0].weight.new_empty(rows, linears[0].out_features)
            for layer, linear in enumerate(linears):
                if layer:
                    out = _rows_times(out, linear.weight)
                for begin in range(0, linear.out_features, block):
                    part = slice(begin, begin + block)
                    h = _product(x, linear.weight[part].T) if layer == 0 else out[:, part].contiguous()
                    h = self._spread(h, adj) + linear.bias[part]
                    out[:, part] = self._finish(layer, h, part)
        return out

    def _linears(self) -> list[nn.Linear]:
        return [linear for linear in self.linears if isinstance(linear, nn.Linear)]

    def _spread(self, h: Tensor, adj: Adjacency | None) -> Tensor:
        if adj is not None:
            for _ in range(self.hops):
                h = propagate(adj, h)
        return h

    def _finish(self, layer: int, h: Tensor, part: slice) -> Tensor:
        """Normalization and activation of a block of columns."""
        norm, activation = self.norms[layer], self.activations[layer]
        if isinstance(norm, nn.BatchNorm1d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            h = nn.functional.batch_norm(
                h, norm.running_mean[part], norm.running_var[part], norm.weight[part], norm.bias[part], eps=norm.eps
            )
        if isinstance(activation, nn.PReLU):
            return nn.functional.prelu(h, activation.weight[part])
        result: Tensor = activation(h)
        return result


def _product(x: Any, weight: Tensor) -> Tensor:
    product: Tensor = x.matmul(weight.contiguous()) if isinstance(x, SparseFeatures) else x @ weight
    return product


def _rows_times(h: Tensor, weight: Tensor, rows: int = 4096) -> Tensor:
    """``h @ weight.T``, in place if the widths are equal."""
    out = h if weight.shape[0] == h.shape[1] else h.new_empty(len(h), weight.shape[0])
    for begin in range(0, len(h), rows):
        out[begin : begin + rows] = h[begin : begin + rows] @ weight.T
    return out
