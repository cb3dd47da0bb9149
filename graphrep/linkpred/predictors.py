"""Predictors on node vectors: Hadamard products (GAE), common neighbors (NCN) and completion (NCNC)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from graphrep.nn import Dropout, Linear, NormDropoutReLU
from graphrep.nn.generators import random_uniform, using_rows
from graphrep.ops.adjacency import Adjacency, Structure
from graphrep.ops.library import eager, empty
from graphrep.ops.neighbors.sets import (
    intersection_count,
    neighbor_difference,
    neighbor_intersection,
    pool_common_neighbors,
)
from graphrep.ops.sparse_dense import spmm

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CompletionPredictor", "HadamardPredictor", "NeighborPredictor", "ResidualPredictor"]

Tensor = torch.Tensor


def rows_at_a_time(device: torch.device) -> int:
    """Rows that networks process at once: on a CPU, few enough for intermediate results to stay in its cache."""
    return 1 << (17 if device.type == "cuda" else 13)


@dataclass
class PairInputs:
    """Input of a predictor, with a row per pair.

    Attributes
    ----------
    product : tensor of shape (num_pairs, dimensions)
        Hadamard products of the vectors of the two ends.
    pooled : tensor of shape (num_pairs, dimensions) or (len(rows), dimensions), optional
        Sums over neighbors.
    rows : int64 tensor, optional
        Ascending row numbers of the pairs in ``pooled``; the sums of the others are zero.
    """

    product: Tensor
    pooled: Tensor | None = None
    rows: Tensor | None = None

    def tensors(self) -> list[Tensor]:
        """Tensors that have a gradient."""
        return [self.product] if self.pooled is None else [self.product, self.pooled]

    def detached(self) -> PairInputs:
        """The same memory without a gradient."""
        return PairInputs(self.product.detach(), None if self.pooled is None else self.pooled.detach(), self.rows)

    def parts(self, sizes: list[int]) -> Iterator[PairInputs]:
        """Parts of these numbers of pairs, as views."""
        if len(sizes) == 1:
            yield self
            return
        if self.pooled is None:
            yield from map(PairInputs, torch.split(self.product, sizes))
        elif self.rows is None:
            yield from map(PairInputs, torch.split(self.product, sizes), torch.split(self.pooled, sizes))
        else:
            cuts = [0, *accumulate(sizes)]
            ends = torch.searchsorted(self.rows, torch.tensor(cuts, device=self.rows.device)).tolist()
            for i, (begin, end) in enumerate(pairwise(cuts)):
                first, last = ends[i : i + 2]
                yield PairInputs(self.product[begin:end], self.pooled[first:last], self.rows[first:last] - begin)


class _Hadamard(torch.autograd.Function):
    """h_u * h_v, without storing the factors, which are as large as the result."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, pairs: Tensor) -> Tensor:
        ctx.save_for_backward(h, pairs)
        out = empty(h, (pairs.shape[1], h.shape[1]))
        size = rows_at_a_time(h.device)
        for part, ends in zip(torch.split(out, size), torch.split(pairs, size, 1), strict=True):
            torch.mul(h.index_select(0, ends[0]), h.index_select(0, ends[1]), out=part)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        h, pairs = ctx.saved_tensors
        out = torch.zeros_like(h)
        size = rows_at_a_time(h.device)
        for part, ends in zip(torch.split(grad, size), torch.split(pairs, size, 1), strict=True):
            for one, other in (ends, ends.flip(0)):
                out = out.index_add_(0, one, part * h.index_select(0, other))
        return out, None


def hadamard(h: Tensor, pairs: Tensor) -> Tensor:
    """Product of the two vectors of each pair, of shape (num_pairs, dimensions)."""
    if eager():
        out: Tensor = _Hadamard.apply(h, pairs)  # type: ignore[no-untyped-call]
        return out
    return h.index_select(0, pairs[0]) * h.index_select(0, pairs[1])


class PairPredictor(nn.Module):
    """Base class of networks that score rows of :class:`PairInputs`.

    Rows are scored independently, so that scoring and training can process any number of rows at once.
    """

    def shared(
        self,
        h: Tensor,  # noqa: ARG002
        adj: Adjacency | None,
        num_pairs: int,  # noqa: ARG002
    ) -> tuple[Adjacency | None, Tensor | None]:
        """Values shared by several calls of :meth:`inputs` for ``num_pairs`` pairs in total.

        The adjacency, with entries dropped in training, and the vectors to pool; None if :meth:`inputs` should compute
        them for its pairs.
        """
        return adj, None

    def inputs(
        self,
        h: Tensor,
        seen: Adjacency | None,  # noqa: ARG002
        wide: Tensor | None,  # noqa: ARG002
        pairs: Tensor,
        removed: Tensor | None = None,  # noqa: ARG002
        own: Tensor | None = None,
    ) -> PairInputs:
        """Input of :meth:`logits`; ``seen`` and ``wide`` come from :meth:`shared`.

        With ``own``, ascending positions of some of the pairs, that of these alone, as it would be among all.
        """
        return PairInputs(hadamard(h, chosen(pairs, own)))

    def logits(self, inputs: PairInputs) -> Tensor:
        """Scores of shape (num_pairs,)."""
        raise NotImplementedError

    def silence(self) -> None:
        """Set the last layer to zero, so that training starts from the scores that are added to these."""
        last: Any = self.last_layer()
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def last_layer(self) -> nn.Module:
        """The layer that gives the logit."""
        raise NotImplementedError

    def forward(self, h: Tensor, adj: Adjacency | None, pairs: Tensor, removed: Tensor | None = None) -> Tensor:
        """Logits of shape (num_pairs,).

        Parameters
        ----------
        h : tensor of shape (num_nodes, dimensions)
        adj : Adjacency
            Columns ascending within rows; its values are ignored. None for predictors that use only the two ends.
        pairs : int64 tensor of shape (2, num_pairs)
        removed : int64 tensor of shape (2, num_removed), optional
            Edges to ignore.
        """
        return self.logits(self.inputs(h, *self.shared(h, adj, pairs.shape[1]), pairs, removed))

    @torch.no_grad()
    def scores(self, h: Tensor, adj: Adjacency | None, pairs: Tensor, batch: int) -> Tensor:
        """Float32 logits without a gradient; neighbors are found for ``batch`` pairs at a time."""
        seen, wide = self.shared(h, adj, pairs.shape[1])
        out = torch.empty(pairs.shape[1], dtype=torch.float32, device=h.device)
        for place, ends in zip(torch.split(out, batch), torch.split(pairs, batch, 1), strict=True):
            size = rows_at_a_time(h.device)
            parts = self.inputs(h, seen, wide, ends).parts([len(rows) for rows in torch.split(place, size)])
            for rows, part in zip(torch.split(place, size), parts, strict=True):
                rows.copy_(self.logits(part))
        return out


def _block(width: int, norm: bool, dropout: float) -> nn.Module:  # noqa: FBT001
    """Optional layer norm, dropout, activation."""
    return NormDropoutReLU(width, dropout) if norm else Dropout(dropout, relu=True)


class HadamardPredictor(PairPredictor):
    r"""Score a pair by the Hadamard product of its vectors: :math:`\mathrm{head}(\mathrm{MLP}(h_u \odot h_v))`.

    Parameters
    ----------
    dimensions : int
    dropout : float
    layer_norm : bool
    tail_activation : bool
        Whether the inner networks end with an activation instead of another linear layer.
    two_layer_head : bool

    Examples
    --------
    >>> import torch
    >>> from graphrep.linkpred.predictors import HadamardPredictor
    >>> HadamardPredictor(8)(torch.ones(3, 8), None, torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([2])
    """

    def __init__(
        self,
        dimensions: int,
        *,
        dropout: float = 0.0,
        layer_norm: bool = True,
        tail_activation: bool = True,
        two_layer_head: bool = False,
    ) -> None:
        super().__init__()
        d = dimensions
        tail = [] if tail_activation else [Linear(d, d)]
        self.pair = nn.Sequential(Linear(d, d), _block(d, layer_norm, dropout), *tail)
        middle = [Linear(d, d), _block(d, layer_norm, dropout)] if two_layer_head else []
        self.head = nn.Sequential(Linear(d, d), _block(d, layer_norm, dropout), *middle, Linear(d, 1))

    def logits(self, inputs: PairInputs) -> Tensor:
        """See :meth:`PairPredictor.logits`."""
        logits: Tensor = self.head(self.pair(inputs.product))
        return logits.squeeze(1)

    def last_layer(self) -> nn.Module:
        """See :meth:`PairPredictor.last_layer`."""
        return self.head[-1]


class ResidualPredictor(PairPredictor):
    r"""Score a pair by a deep network on the Hadamard product, which is an input of every layer.

    .. math:: x_0 = h_u \odot h_v, \qquad
              x_{l+1} = \max\bigl(0, \mathrm{dropout}(\mathrm{norm}(W_l x_l + b_l + x_0))\bigr), \qquad
              s_{uv} = w^\top x_L + b

    Parameters
    ----------
    dimensions : int
    layers : int
    dropout : float
    layer_norm : bool
        Whether there is a norm.
    residual : bool
        Whether :math:`x_0` is added.

    References
    ----------
    Ma et al. Reconsidering the Performance of GAE in Link Prediction. CIKM 2025.

    Examples
    --------
    >>> import torch
    >>> from graphrep.linkpred import ResidualPredictor
    >>> ResidualPredictor(8, layers=2)(torch.ones(3, 8), None, torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([2])
    """

    def __init__(
        self,
        dimensions: int,
        *,
        layers: int = 4,
        dropout: float = 0.0,
        layer_norm: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.linears = nn.ModuleList(Linear(dimensions, dimensions) for _ in range(layers))
        self.blocks = nn.ModuleList(_block(dimensions, layer_norm, dropout) for _ in range(layers))
        self.last = Linear(dimensions, 1)
        self.residual = residual

    def logits(self, inputs: PairInputs) -> Tensor:
        """See :meth:`PairPredictor.logits`."""
        x = product = inputs.product
        for linear, block in zip(self.linears, self.blocks, strict=True):
            x = linear(x)
            x = block(x + product if self.residual else x)
        logits: Tensor = self.last(x)
        return logits.squeeze(1)

    def last_layer(self) -> nn.Module:
        """See :meth:`PairPredictor.last_layer`."""
        return self.last


class NeighborPredictor(HadamardPredictor):
    r"""Neural Common Neighbor: Hadamard product and pooled common neighbors.

    .. math:: s_{uv} = \mathrm{head}\Bigl(\beta\,\mathrm{MLP}_1\Bigl(\sum_{z \in N(u) \cap N(v)} \tilde h_z\Bigr)
              + \mathrm{MLP}_2(h_u \odot h_v)\Bigr), \qquad \tilde h = h + \mathrm{MLP}_0(h)

    The released code adds the two parts, whereas the paper's equation concatenates them; the published results and
    parameter counts are those of the sum.

    Parameters
    ----------
    dimensions, dropout, layer_norm, tail_activation, two_layer_head
        As in :class:`HadamardPredictor`.
    edge_dropout : float
        Fraction of adjacency entries dropped in training; entries are independent, so that a common neighbor is kept
        with probability (1 - edge_dropout)^2.
    node_transform : bool
        Whether to use :math:`\mathrm{MLP}_0`.
    beta : float
        Initial value of the learned scalar.

    References
    ----------
    Wang, Yang, Zhang. Neural Common Neighbor with Completion for Link Prediction. ICLR 2024, section 4.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> square = gr.ops.as_adjacency(gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False))
    >>> predictor = gr.linkpred.NeighborPredictor(8)
    >>> predictor(torch.ones(4, 8), square, torch.tensor([[0], [2]])).shape
    torch.Size([1])
    """

    def __init__(
        self,
        dimensions: int,
        *,
        dropout: float = 0.0,
        edge_dropout: float = 0.0,
        layer_norm: bool = True,
        node_transform: bool = True,
        tail_activation: bool = True,
        two_layer_head: bool = False,
        beta: float = 1.0,
    ) -> None:
        super().__init__(
            dimensions,
            dropout=dropout,
            layer_norm=layer_norm,
            tail_activation=tail_activation,
            two_layer_head=two_layer_head,
        )
        d = dimensions

        def inner() -> list[nn.Module]:
            first = [Linear(d, d), Dropout(dropout, relu=True)]
            return [*first, Linear(d, d), _block(d, layer_norm, dropout)]

        self.node = nn.Sequential(*inner()) if node_transform else None
        self.common = nn.Sequential(*inner(), *([] if tail_activation else [Linear(d, d)]))
        self.beta = nn.Parameter(torch.tensor([float(beta)]))
        self.edge_dropout = edge_dropout

    def shared(self, h: Tensor, adj: Adjacency | None, num_pairs: int) -> tuple[Adjacency | None, Tensor | None]:
        """See :meth:`PairPredictor.shared`."""
        assert adj is not None
        seen = hide_entries(adj, self.edge_dropout if self.training else 0.0)
        # With more nodes than ends of pairs, few nodes are common neighbors.
        return seen, self.widened(h) if self.node is None or 2 * h.shape[0] < num_pairs else None

    def inputs(
        self,
        h: Tensor,
        seen: Adjacency | None,
        wide: Tensor | None,
        pairs: Tensor,
        removed: Tensor | None = None,
        own: Tensor | None = None,
    ) -> PairInputs:
        """See :meth:`PairPredictor.inputs`."""
        assert seen is not None
        ends = chosen(pairs, own)
        if wide is not None:
            return PairInputs(hadamard(h, ends), *pooled_rows(seen, ends, wide, removed))
        common = neighbor_intersection(seen, ends, removed=removed, directed=False)
        if own is None:
            return self.pooled_inputs(h, ends, common)
        # The place of each node among the common neighbors of all pairs.
        every = neighbor_intersection(seen, pairs, removed=removed, directed=False)
        used = torch.zeros(len(h), dtype=torch.bool, device=h.device)
        used[every.indices.long()] = True
        return self.pooled_inputs(h, ends, common, used.cumsum(0) - 1, int(used.sum()))

    def pooled_inputs(
        self, h: Tensor, pairs: Tensor, common: Adjacency, numbers: Tensor | None = None, count: int | None = None
    ) -> PairInputs:
        """Input of :meth:`logits`, given the common neighbors: a row per pair, a column per row of ``h``.

        ``numbers`` are those of the rows of ``h`` among ``count``, on which their dropout depends; None: the places of
        those that are common neighbors.
        """
        # Transform only nodes that are common neighbors; pool only pairs that have some.
        nodes, place = _distinct(common.indices.long(), len(h))
        rows = common.degree().nonzero().squeeze(1)
        indptr = torch.cat([common.indptr.index_select(0, rows), common.indptr[-1:]])
        few = Adjacency._of(Structure(indptr, place, len(nodes)), None, None)
        with using_rows(None if numbers is None else numbers.index_select(0, nodes), count):
            pooled = spmm(few, self.widened(h.index_select(0, nodes)))
        return PairInputs(hadamard(h, pairs), pooled, rows)

    def widened(self, h: Tensor) -> Tensor:
        """Vectors to pool."""
        if self.node is None:
            return h
        size = rows_at_a_time(h.device)
        if torch.is_grad_enabled() or len(h) <= size:
            wide: Tensor = h + self.node(h)
            return wide
        out = torch.empty_like(h)
        for place, rows in zip(torch.split(out, size), torch.split(h, size), strict=True):
            torch.add(rows, self.node(rows), out=place)
        return out

    def logits(self, inputs: PairInputs) -> Tensor:
        """See :meth:`PairPredictor.logits`."""
        product, pooled, rows = inputs.product, inputs.pooled, inputs.rows
        assert pooled is not None
        if torch.is_grad_enabled() or self.training:
            common = self.common(pooled) if rows is None else self._common_of(pooled, rows, len(product))
            mixed = torch.addcmul(self.pair(product), self.beta, common)
        elif rows is None:
            mixed = self.pair(product).addcmul_(self.beta, self.common(pooled))
        else:  # all zero rows have the same result
            zero = self.common(pooled.new_zeros(1, pooled.shape[1]))
            mixed = self.pair(product).addcmul_(self.beta, zero)
            mixed.index_add_(0, rows, (self.common(pooled) - zero).mul_(self.beta))
        logits: Tensor = self.head(mixed)
        return logits.squeeze(1)

    def _common_of(self, pooled: Tensor, rows: Tensor, num_pairs: int) -> Tensor:
        """``common`` of pooled rows that are zero except at ``rows``; the first layer skips the zeros."""
        first: Any = self.common[0]
        part = first(pooled)
        out: Tensor = first.bias.to(part.dtype).expand(num_pairs, -1).index_copy(0, rows, part)
        for layer in list(self.common)[1:]:
            out = layer(out)
        return out


class CompletionPredictor(NeighborPredictor):
    r"""Neural Common Neighbor with Completion.

    A neighbor :math:`z` of only one end is pooled with the weight :math:`p`, the probability that the missing edge to
    the other end exists. A Neural Common Neighbor with the same parameters computes it without a gradient from its
    logit :math:`l`:

    .. math:: p_0 = \sigma(\mathrm{scale}\,(l - \mathrm{offset})), \qquad
              p = \alpha \frac{\pi p_0}{\pi p_0 + 1 - p_0}

    Parameters
    ----------
    dimensions : int
    scale, offset, prior, alpha : float
        Parameters of the formula; ``prior`` is :math:`\pi`.
    depth : int
        Rounds of completion: 0 is Neural Common Neighbor, 2 also completes the inner sets.
    max_neighbors : int or None
        Of the neighbors of only one end, complete at most this many: of more, so many are drawn with replacement and
        weighted to keep the expected sum, by random numbers that depend on the pair alone. At most
        2 * max_neighbors inner scores per pair and round of completion; None: all, which a hub makes very many.
    chunk : int, optional
        Pairs per block of inner scores; changes only memory. Default: 2**14, which fits a CPU's cache, or 2**17 on a
        GPU.
    inner_transform_twice : bool
        As in the released code, the input of the inner scorer already includes :math:`\mathrm{MLP}_0`, which it applies
        again. With False, its input is the node vectors.
    **options
        As in :class:`NeighborPredictor`.

    References
    ----------
    Wang, Yang, Zhang. Neural Common Neighbor with Completion for Link Prediction. ICLR 2024, section 5.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> square = gr.ops.as_adjacency(gr.as_graph([[0, 1, 2, 3], [1, 2, 3, 0]], directed=False))
    >>> predictor = gr.linkpred.CompletionPredictor(8)
    >>> predictor(torch.ones(4, 8), square, torch.tensor([[0], [1]])).shape
    torch.Size([1])
    """

    def __init__(
        self,
        dimensions: int,
        *,
        scale: float = 4.3,
        offset: float = 2.8,
        prior: float = 0.75,
        alpha: float = 1.0,
        depth: int = 1,
        max_neighbors: int | None = 256,
        chunk: int | None = None,
        inner_transform_twice: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(dimensions, **options)
        self.scale, self.offset, self.prior, self.alpha = scale, offset, prior, alpha
        self.depth, self.max_neighbors, self.chunk = depth, max_neighbors, chunk
        self.inner_transform_twice = inner_transform_twice

    def shared(self, h: Tensor, adj: Adjacency | None, num_pairs: int) -> tuple[Adjacency, Tensor]:  # noqa: ARG002
        """See :meth:`PairPredictor.shared`."""
        assert adj is not None
        return hide_entries(adj, self.edge_dropout if self.training else 0.0), self.widened(h)

    def inputs(
        self,
        h: Tensor,
        seen: Adjacency | None,
        wide: Tensor | None,
        pairs: Tensor,
        removed: Tensor | None = None,
        own: Tensor | None = None,
    ) -> PairInputs:
        """See :meth:`PairPredictor.inputs`."""
        assert seen is not None
        assert wide is not None
        return self._inputs(h, seen, wide, pairs, removed, own, self.depth)

    def _inputs(
        self,
        h: Tensor,
        seen: Adjacency,
        wide: Tensor,
        pairs: Tensor,
        removed: Tensor | None,
        own: Tensor | None,
        depth: int,
    ) -> PairInputs:
        mine = chosen(pairs, own)
        if depth == 0:
            return PairInputs(hadamard(h, mine), *pooled_rows(seen, mine, wide, removed))
        pooled = pool_common_neighbors(seen, mine, wide, removed=removed, directed=False)
        source = (wide if self.inner_transform_twice else h).detach()
        with torch.no_grad():  # in training, each call draws new dropout masks
            inner = None if self.training else self.shared(source, seen, 0)
        for ends, every in ((mine, pairs), (mine.flip(0), pairs.flip(0))):
            rest, missing = self._missing(seen, ends, removed)
            with torch.no_grad():
                # Several pairs can need the same missing edge, which is scored once.
                wanted, place = unique_pairs(missing, seen.num_rows)
                needed = None
                if own is not None:  # among the missing edges of all pairs, whose positions decide on dropout
                    keys = pair_keys(wanted, seen.num_rows)
                    wanted, _ = unique_pairs(self._missing(seen, every, removed)[1], seen.num_rows)
                    needed = torch.searchsorted(pair_keys(wanted, seen.num_rows), keys)
                logits = self._scores_of(source, seen, inner, wanted, removed, needed, depth - 1).index_select(0, place)
                p0 = torch.sigmoid(self.scale * (logits - self.offset))
                p = self.alpha * self.prior * p0 / (self.prior * p0 + 1 - p0)
                weight = p if rest.values is None else p * rest.values.to(p.dtype)
            pooled = pooled + spmm(rest.with_values(weight.to(wide.dtype)), wide)
        return PairInputs(hadamard(h, mine), pooled)

    def _missing(self, seen: Adjacency, ends: Tensor, removed: Tensor | None) -> tuple[Adjacency, Tensor]:
        """Neighbors of the first ends alone, and their pairs with the second ends."""
        rest = neighbor_difference(seen, ends, removed=removed, directed=False, max_neighbors=self.max_neighbors)
        other = ends[1].index_select(0, rest.rows().long())
        return rest, torch.stack([other, rest.indices.long()])

    def _scores_of(
        self,
        source: Tensor,
        seen: Adjacency,
        inner: tuple[Adjacency, Tensor] | None,
        wanted: Tensor,
        removed: Tensor | None,
        needed: Tensor | None,
        depth: int,
    ) -> Tensor:
        """Logits of the pairs ``wanted``, or of those at the ascending positions ``needed``."""
        scores, begin = [source.new_zeros(0)], 0
        for part in torch.split(wanted, self.chunk or (1 << (17 if source.is_cuda else 14)), 1):
            end = begin + part.shape[1]
            at = None if needed is None else needed[(needed >= begin) & (needed < end)] - begin
            inputs = self._inputs(source, *(inner or self.shared(source, seen, 0)), part, removed, at, depth)
            with using_rows(at, end - begin):
                scores.append(self.logits(inputs))
            begin = end
        return torch.cat(scores[1:] or scores)


def pooled_rows(seen: Adjacency, pairs: Tensor, wide: Tensor, removed: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Sums over common neighbors of the pairs that have any, and the row numbers of these pairs; None means all."""
    rows = intersection_count(seen, pairs, removed=removed, directed=False).nonzero().squeeze(1)
    some = len(rows) < pairs.shape[1]  # most random pairs have no common neighbors
    ends = pairs.index_select(1, rows) if some else pairs
    return pool_common_neighbors(seen, ends, wide, removed=removed, directed=False), rows if some else None


def hide_entries(adj: Adjacency, share: float) -> Adjacency:
    """Adjacency without a random fraction of its entries; columns remain in order."""
    if not share:
        return adj
    return kept_entries(adj, random_uniform(adj.num_entries, adj.device) >= share)


def kept_entries(adj: Adjacency, kept: Tensor) -> Adjacency:
    """Adjacency with the entries where ``kept`` is True, without values."""
    counts = torch.zeros(adj.num_entries + 1, dtype=torch.int64, device=adj.device)
    torch.cumsum(kept, 0, out=counts[1:])
    structure = Structure(counts.index_select(0, adj.indptr), adj.indices[kept], adj.num_cols)
    return Adjacency._of(structure, None, None)


def chosen(pairs: Tensor, own: Tensor | None) -> Tensor:
    """The pairs at the positions ``own``; None: all."""
    return pairs if own is None else pairs.index_select(1, own)


def _distinct(nodes: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Distinct ``nodes``, ascending, and the position of each node among them."""
    used = torch.zeros(num_nodes, dtype=torch.bool, device=nodes.device)
    used[nodes] = True
    return used.nonzero().squeeze(1), (used.cumsum(0) - 1).index_select(0, nodes)


def pair_keys(pairs: Tensor, num_nodes: int) -> Tensor:
    """A number for each pair, ascending as the pairs are."""
    return pairs[0] * num_nodes + pairs[1]


def unique_pairs(pairs: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Distinct columns of ``pairs``, and the position of each column among them."""
    keys, place = torch.unique(pair_keys(pairs, num_nodes), return_inverse=True)
    return torch.stack([keys // num_nodes, keys % num_nodes]), place
