"""Mini-batches of sampled subgraphs, shaped like those of PyG's loaders, without pyg-lib or torch-sparse.

A batch is a function of (seed, epoch, number of the batch) only. The number of workers and threads and the way in which
workers are started do not change it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.utils.data

from graphrep._arrays import check_rows
from graphrep._checks import checked_int
from graphrep._random import resolve_seed, stream_key
from graphrep.ops.adjacency import Adjacency, describe
from graphrep.ops.sampling import NeighborSample, sample_neighbors

__all__ = ["LinkNeighborLoader", "NeighborLoader"]

Tensor = torch.Tensor


class _Batch(NamedTuple):
    """Message from the main process to a worker: the number of a batch and its examples."""

    number: int  # differs between all batches of all epochs
    examples: Tensor


class _Batches(torch.utils.data.Sampler[_Batch]):
    """Cut the examples of an epoch into batches; the order of a shuffled epoch is a function of (seed, epoch)."""

    def __init__(self, size: int, batch_size: int, seed: int, *, shuffle: bool, drop_last: bool, order: Any) -> None:
        self.size, self.batch_size, self.seed = size, batch_size, seed
        self.shuffle, self.drop_last, self.order = shuffle, drop_last, order
        self.epoch = 0

    def __len__(self) -> int:
        size = self.size if self.order is None else len(self.order)
        return size // self.batch_size if self.drop_last else math.ceil(size / self.batch_size)

    def __iter__(self) -> Iterator[_Batch]:
        epoch = self.epoch  # counted by the loader, since workers ask twice
        if self.order is not None:
            order = torch.as_tensor(list(self.order), dtype=torch.int64)
        elif self.shuffle:
            order = torch.randperm(self.size, generator=_generator(self.seed, 2 * epoch))
        else:
            order = torch.arange(self.size)
        starts = range(0, self.batch_size * len(self), self.batch_size)
        return (_Batch(epoch << 32 | i, order[start : start + self.batch_size]) for i, start in enumerate(starts))


class _Negatives(NamedTuple):
    """Number of negatives per edge, and whether only their targets are drawn."""

    triplets: bool
    amount: float
    src_weight: Tensor | None
    dst_weight: Tensor | None


class _Examples:
    """Map-style data set behind a loader, from a batch to its subgraph; pickled for workers."""

    def __init__(
        self,
        data: Any,
        num_neighbors: Sequence[int],
        *,
        replace: bool,
        weight_attr: str | None,
        seed: int,
        transform: Callable[[Any], Any] | None,
        filter_per_worker: bool | None,
    ) -> None:
        self.data, self.replace, self.weighted, self.seed = data, bool(replace), weight_attr is not None, seed
        self.num_neighbors = [checked_int("num_neighbors", k, -1) for k in num_neighbors]
        self.transform = transform
        self.adj = _adjacency(data, weight_attr)
        self.filter_per_worker = not data.is_cuda if filter_per_worker is None else bool(filter_per_worker)

    def sample(self, seeds: Tensor, batch: _Batch) -> NeighborSample:
        return sample_neighbors(
            self.adj,
            seeds,
            self.num_neighbors,
            replace=self.replace,
            weighted=self.weighted,
            seed=self.seed,
            batch=batch.number,
        )

    def draw(self, batch: _Batch) -> tuple[NeighborSample, dict[str, Any]]:
        """Sampled subgraph of a batch, and further attributes of the batch."""
        raise NotImplementedError

    def __getitem__(self, batch: _Batch) -> Any:
        drawn = self.draw(batch)
        return self.assemble(drawn) if self.filter_per_worker else drawn

    def assemble(self, drawn: tuple[NeighborSample, dict[str, Any]]) -> Any:
        """Features, labels and edge attributes of a sample, as Data."""
        sample, attributes = drawn
        out = _subgraph(self.data, sample)
        for name, value in attributes.items():
            out[name] = value
        return out if self.transform is None else self.transform(out)


class _Loader(torch.utils.data.DataLoader[Any]):
    """A DataLoader whose sampler gives whole batches."""

    def __init__(
        self,
        examples: _Examples,
        size: int,
        *,
        batch_size: int,
        shuffle: bool,
        drop_last: bool,
        sampler: Any,
        options: dict[str, Any],
    ) -> None:
        for name in ("dataset", "collate_fn", "batch_sampler"):
            if name in options:
                raise TypeError(f"{name} must not be given; {type(self).__name__} makes its own.")
        if shuffle and sampler is not None:
            raise ValueError("shuffle must be False if a sampler is given.")
        batch_size = checked_int("batch_size", batch_size, 1)
        batches = _Batches(size, batch_size, examples.seed, shuffle=shuffle, drop_last=drop_last, order=sampler)
        super().__init__(examples, batch_size=None, sampler=batches, **options)  # type: ignore[arg-type]
        self.data, self.transform = examples.data, examples.transform
        # The values that the user gave; the DataLoader itself only sees complete batches.
        self.__dict__.update(batch_size=batch_size, drop_last=drop_last)

    @property
    def epoch(self) -> int:
        """Number of the next epoch; set it to continue a run or to repeat an epoch."""
        return int(self.sampler.epoch)  # type: ignore[attr-defined]

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self.sampler.epoch = checked_int("epoch", epoch, 0, 2**30)  # type: ignore[attr-defined]

    def __iter__(self) -> Any:
        batches = super().__iter__()
        self.epoch += 1
        examples: Any = self.dataset
        return batches if examples.filter_per_worker else map(examples.assemble, batches)

    def __call__(self, index: Any) -> Any:
        """Return the batch of these examples, drawn as the first batch of epoch 0."""
        examples: Any = self.dataset
        return examples.assemble(examples.draw(_Batch(0, torch.as_tensor(index))))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class NeighborLoader(_Loader):
    r"""Batches of nodes, each with a sample of its neighborhood, as ``torch_geometric.data.Data``.

    Parameters
    ----------
    data : torch_geometric.data.Data
        Has ``edge_index`` and the attributes that the batches should have.
    num_neighbors : sequence of int
        Number of in-neighbors sampled per node in each hop; -1 takes all.
    input_nodes : int or bool tensor, optional
        Seed nodes of the batches; default all nodes.
    batch_size : int
    replace : bool
        Sample with replacement.
    weight_attr : str, optional
        Edge attribute of ``data``; edges are sampled in proportion to it.
    shuffle, drop_last : bool
        Change the order in every epoch; leave out the last batch if it is smaller.
    sampler : iterable with a length, optional
        Order of the examples (positions in ``input_nodes``).
    transform : callable, optional
        Applied to every batch.
    filter_per_worker : bool, optional
        Gather features in the worker; default: unless ``data`` is on a GPU.
    random_state : int, RandomState, Generator or None
        None asks for different batches each time; ``torch.manual_seed`` has no influence.
    **kwargs
        For ``torch.utils.data.DataLoader``: ``num_workers``, ``pin_memory``, ``persistent_workers``, ...

    Attributes
    ----------
    epoch : int
        Number of the next epoch.

    Raises
    ------
    TypeError, ValueError, IndexError
        Heterogeneous data, no ``edge_index``, input nodes out of range, or a missing weight attribute.

    Notes
    -----
    A batch has the node attributes of the nodes ``n_id`` (the seeds first), the edge attributes of the edges ``e_id``,
    ``edge_index`` with positions in ``n_id``, ``input_id`` (positions in ``input_nodes``, or node numbers for a mask),
    ``batch_size`` (number of seeds), ``num_sampled_nodes`` and ``num_sampled_edges`` per hop. Edges point towards the
    seeds. Every epoch draws new samples.

    Examples
    --------
    >>> import torch
    >>> from torch_geometric.data import Data
    >>> import graphrep as gr
    >>> data = Data(x=torch.arange(4.0).view(4, 1), edge_index=torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]]))
    >>> loader = gr.loader.NeighborLoader(data, [1, 1], input_nodes=torch.tensor([3, 1]), batch_size=1, random_state=0)
    >>> for batch in loader:
    ...     print(batch.n_id.tolist(), batch.edge_index.tolist(), batch.x.ravel().tolist())
    [3, 2, 1] [[1, 2], [0, 1]] [3.0, 2.0, 1.0]
    [1, 0, 3] [[1, 2], [0, 1]] [1.0, 0.0, 3.0]
    """

    def __init__(
        self,
        data: Any,
        num_neighbors: Sequence[int],
        input_nodes: Any = None,
        *,
        batch_size: int = 1,
        replace: bool = False,
        weight_attr: str | None = None,
        shuffle: bool = False,
        drop_last: bool = False,
        sampler: Any = None,
        transform: Callable[[Any], Any] | None = None,
        filter_per_worker: bool | None = None,
        random_state: Any = 0,
        **kwargs: Any,
    ) -> None:
        examples = _Nodes(
            data,
            num_neighbors,
            replace=replace,
            weight_attr=weight_attr,
            seed=resolve_seed(random_state),
            transform=transform,
            filter_per_worker=filter_per_worker,
        )
        examples.set_nodes(input_nodes)
        self.input_nodes = input_nodes
        super().__init__(
            examples,
            len(examples.nodes),
            batch_size=batch_size,
            shuffle=shuffle,
            drop_last=drop_last,
            sampler=sampler,
            options=kwargs,
        )


class _Nodes(_Examples):
    def set_nodes(self, input_nodes: Any) -> None:
        n = self.adj.num_rows
        self.ids: Tensor | None = None
        if input_nodes is None:
            self.nodes = torch.arange(n)
            return
        nodes = torch.as_tensor(input_nodes).cpu()
        if nodes.dtype == torch.bool:
            if nodes.shape != (n,):
                raise ValueError(f"a mask of input_nodes must have shape ({n},), got {tuple(nodes.shape)}.")
            nodes = self.ids = nodes.nonzero().view(-1)
        self.nodes = _checked_ids("input_nodes", nodes, n, 1)

    def draw(self, batch: _Batch) -> tuple[NeighborSample, dict[str, Any]]:
        """See the base class."""
        sample = self.sample(self.nodes[batch.examples], batch)
        input_id = batch.examples if self.ids is None else self.ids[batch.examples]
        return sample, {"input_id": input_id, "batch_size": len(batch.examples)}


class LinkNeighborLoader(_Loader):
    r"""Batches of edges, each end with a sample of its neighborhood, as ``torch_geometric.data.Data``.

    Edges of a batch that are in ``data.edge_index`` can also be sampled. If they are the targets of a prediction,
    remove them from ``data`` or mask them per batch (``removed`` of :func:`graphrep.ops.pool_common_neighbors`).

    Parameters
    ----------
    data, num_neighbors
        See :class:`NeighborLoader`.
    edge_label_index : int tensor of shape (2, num_labels), optional
        Edges of the batches; default ``data.edge_index``.
    edge_label : tensor of shape (num_labels, ...), optional
        Labels of these edges.
    neg_sampling : "binary", "triplet", dict or torch_geometric.sampler.NegativeSampling, optional
        Add negatives, of which both ends ("binary") or the target ("triplet") are drawn from all nodes, uniformly or in
        proportion to the weights of a ``NegativeSampling``. They can be edges.
    neg_sampling_ratio : float, optional
        Number of binary negatives per edge.
    batch_size, replace, weight_attr, shuffle, drop_last, sampler, transform, filter_per_worker, random_state, **kwargs
        See :class:`NeighborLoader`.

    Raises
    ------
    TypeError, ValueError, IndexError
        As for :class:`NeighborLoader`; labels of another length, or labels with triplets.

    Notes
    -----
    A batch has the attributes of :class:`NeighborLoader` except ``batch_size``, and ``edge_label_index``
    (positions in ``n_id``) and ``edge_label``. Binary negatives come last and have label 0; labels that start at 0 are
    increased by 1, and without labels edges have 1. With triplets there are ``src_index``, ``dst_pos_index`` and
    ``dst_neg_index`` instead. The ends of all edges are distinct seeds, in ascending order.

    Examples
    --------
    >>> import torch
    >>> from torch_geometric.data import Data
    >>> import graphrep as gr
    >>> data = Data(num_nodes=4, edge_index=torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]]))
    >>> loader = gr.loader.LinkNeighborLoader(data, [1], batch_size=2, neg_sampling="binary", random_state=0)
    >>> batch = next(iter(loader))
    >>> batch.edge_label
    tensor([1., 1., 0., 0.])
    >>> batch.n_id[batch.edge_label_index[:, :2]]
    tensor([[0, 1],
            [1, 2]])
    """

    def __init__(
        self,
        data: Any,
        num_neighbors: Sequence[int],
        edge_label_index: Any = None,
        edge_label: Tensor | None = None,
        *,
        neg_sampling: Any = None,
        neg_sampling_ratio: float | None = None,
        batch_size: int = 1,
        replace: bool = False,
        weight_attr: str | None = None,
        shuffle: bool = False,
        drop_last: bool = False,
        sampler: Any = None,
        transform: Callable[[Any], Any] | None = None,
        filter_per_worker: bool | None = None,
        random_state: Any = 0,
        **kwargs: Any,
    ) -> None:
        examples = _Links(
            data,
            num_neighbors,
            replace=replace,
            weight_attr=weight_attr,
            seed=resolve_seed(random_state),
            transform=transform,
            filter_per_worker=filter_per_worker,
        )
        if neg_sampling_ratio:
            neg_sampling = {"mode": "binary", "amount": neg_sampling_ratio}
        examples.set_links(edge_label_index, edge_label, neg_sampling)
        self.edge_label_index, self.neg_sampling = edge_label_index, examples.negatives
        super().__init__(
            examples,
            examples.links.shape[1],
            batch_size=batch_size,
            shuffle=shuffle,
            drop_last=drop_last,
            sampler=sampler,
            options=kwargs,
        )


class _Links(_Examples):
    def set_links(self, edge_label_index: Any, edge_label: Tensor | None, neg_sampling: Any) -> None:
        links = self.data.edge_index if edge_label_index is None else torch.as_tensor(edge_label_index)
        if type(links) is not Tensor:
            links = links.as_subclass(Tensor)
        self.links = _checked_ids("edge_label_index", links.cpu(), self.adj.num_rows, 2)
        self.negatives = _negatives(neg_sampling)
        self.label = edge_label
        if edge_label is None:
            return
        if len(edge_label) != self.links.shape[1]:
            raise ValueError(f"edge_label must have one label per edge, {self.links.shape[1]}; got {len(edge_label)}.")
        if self.negatives is not None and self.negatives.triplets:
            raise ValueError("edge_label must be None for triplets.")
        if self.negatives is not None and len(edge_label) and int(edge_label.min()) == 0:
            self.label = edge_label + 1  # 0 means a negative

    def draw(self, batch: _Batch) -> tuple[NeighborSample, dict[str, Any]]:
        """See the base class."""
        ends = self.links[:, batch.examples]
        label = None if self.label is None else self.label[batch.examples]
        count, negatives = len(batch.examples), self.negatives
        src, dst = ends
        if negatives is not None:
            generator = _generator(self.seed, 2 * batch.number + 1)
            wanted = math.ceil(count * negatives.amount)
            if not negatives.triplets:
                src = torch.cat([src, self._others(wanted, negatives.src_weight, generator)])
                label = torch.ones(count) if label is None else label
                label = torch.cat([label, label.new_zeros((wanted, *label.shape[1:]))])
            dst = torch.cat([dst, self._others(wanted, negatives.dst_weight, generator)])
        seeds, place = torch.unique(torch.cat([src, dst]), return_inverse=True)
        src, dst = place[: len(src)], place[len(src) :]
        attributes: dict[str, Any] = {"input_id": batch.examples}
        if negatives is not None and negatives.triplets:
            negative = dst[count:]
            if negatives.amount > 1:
                negative = negative.view(count, -1)
            attributes |= {"src_index": src, "dst_pos_index": dst[:count], "dst_neg_index": negative}
        else:
            attributes |= {"edge_label_index": torch.stack([src, dst]), "edge_label": label}
        return self.sample(seeds, batch), attributes

    def _others(self, count: int, weight: Tensor | None, generator: torch.Generator) -> Tensor:
        if weight is None:
            return torch.randint(self.adj.num_rows, (count,), generator=generator)
        return torch.multinomial(weight.cpu(), count, replacement=True, generator=generator)


def _negatives(given: Any) -> _Negatives | None:
    """Settings from the name of a mode, a dict of arguments, or PyG's NegativeSampling."""
    if given is None:
        return None
    if isinstance(given, str):
        given = {"mode": given}
    fields = given if isinstance(given, dict) else vars(given)
    mode, amount = fields.get("mode"), fields.get("amount", 1)
    mode = getattr(mode, "value", mode)
    if mode not in ("binary", "triplet"):
        raise ValueError(f"neg_sampling must be of mode binary or triplet, got {mode!r}.")
    if not amount > 0 or (mode == "triplet" and amount != int(amount)):
        raise ValueError(f"amount of neg_sampling must be positive, and an integer for triplets; got {amount}.")
    return _Negatives(mode == "triplet", amount, fields.get("src_weight"), fields.get("dst_weight"))


def _generator(seed: int, stream: int) -> torch.Generator:
    return torch.Generator().manual_seed(int(stream_key(seed, stream)) >> 1)


def _adjacency(data: Any, weight_attr: str | None) -> Adjacency:
    """Adjacency of the incoming edges of every node."""
    if not hasattr(data, "is_edge_attr") or not hasattr(data, "edge_index"):
        raise TypeError(
            f"data must be a torch_geometric.data.Data of one node and edge type, got {type(data).__name__}."
        )
    if data.edge_index is None:
        raise ValueError("data must have an edge_index, got none.")
    weights = None
    if weight_attr is not None:
        weights = getattr(data, weight_attr, None)
        if not isinstance(weights, Tensor) or weights.shape != (data.edge_index.shape[1],):
            num_edges = data.edge_index.shape[1]
            raise ValueError(f"data.{weight_attr} must hold one weight per edge, {num_edges}; got {describe(weights)}.")
        weights = weights.detach().cpu()
        weights = weights if weights.dtype in (torch.float32, torch.float64) else weights.double()
    return Adjacency.from_edge_index(data.edge_index.cpu(), weights, num_nodes=data.num_nodes)


def _checked_ids(name: str, ids: Tensor, num_nodes: int, dim: int) -> Tensor:
    if ids.dim() != dim or (dim == 2 and ids.shape[0] != 2):
        raise ValueError(f"{name} must have shape {'(n,)' if dim == 1 else '(2, n)'}, got {tuple(ids.shape)}.")
    if ids.numel() and ids.dtype not in (torch.int32, torch.int64):
        raise TypeError(f"{name} must hold int32 or int64 node numbers, got {describe(ids)}.")
    check_rows(name, ids, num_nodes)
    return ids.long()


def _subgraph(data: Any, sample: NeighborSample) -> Any:
    """Copy the data with the attributes of the sampled nodes and edges; other attributes are unchanged."""
    out = copy.copy(data)
    for name, value in data.to_dict().items():
        if name == "edge_index":
            out.edge_index = torch.stack([sample.row, sample.col]).to(value.device)
        elif name != "num_nodes" and data.is_node_attr(name):
            out[name] = _rows(value, sample.node, data.__cat_dim__(name, value))
        elif data.is_edge_attr(name):
            out[name] = _rows(value, sample.edge, data.__cat_dim__(name, value))
    out.num_nodes = len(sample.node)
    out.n_id, out.e_id = sample.node, sample.edge
    out.num_sampled_nodes, out.num_sampled_edges = sample.num_sampled_nodes, sample.num_sampled_edges
    return out


def _rows(value: Any, index: Tensor, dim: int) -> Any:
    if isinstance(value, Tensor):
        return value.index_select(dim, index.to(value.device))
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.take(index.numpy(), axis=dim))
    return [value[i] for i in index.tolist()]
