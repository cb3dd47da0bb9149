"""The loaders: examples, batches, and what each batch draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
import torch.utils.data

from graphrep._checks import checked_int
from graphrep._random import resolve_seed, stream_key
from graphrep.loader.source import Source, plain
from graphrep.ops.sampling import Task, draw, induced_edges

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


class _Options(NamedTuple):
    """How neighborhoods are sampled, and what is done with a sample; see :class:`NeighborLoader`."""

    replace: bool
    weight_attr: str | None
    disjoint: bool
    time_attr: str | None
    temporal_strategy: str
    subgraph_type: Any
    directed: bool | None
    is_sorted: bool
    transform: Callable[[Any], Any] | None
    transform_sampler_output: Callable[[Any], Any] | None
    filter_per_worker: bool | None
    custom_cls: Any
    neighbor_sampler: Any
    random_state: Any


class _Examples:
    """Map-style data set behind a loader, from a batch to its subgraph; pickled for workers."""

    def __init__(self, data: Any, num_neighbors: Any, seed_time: Any, options: _Options) -> None:
        self.fanouts = _fanouts(num_neighbors)
        self.subgraph_type = _subgraph_type(options.subgraph_type, options.directed)
        if options.temporal_strategy not in ("uniform", "last"):
            raise ValueError(f"temporal_strategy must be 'uniform' or 'last', got {options.temporal_strategy!r}.")
        self.source = Source(
            data,
            weight_attr=options.weight_attr,
            time_attr=options.time_attr,
            seed_time=seed_time,
            is_sorted=options.is_sorted,
        )
        self.time = None if seed_time is None else plain(torch.as_tensor(seed_time)).cpu()
        self.replace, self.last = bool(options.replace), options.temporal_strategy == "last"
        self.timed = options.time_attr is not None
        self.disjoint = bool(options.disjoint) or self.timed
        self.sampler, self.custom_cls = options.neighbor_sampler, options.custom_cls
        self.transform, self.transform_output = options.transform, options.transform_sampler_output
        self.seed = resolve_seed(options.random_state)
        self.filter_per_worker = (
            not self.source.is_cuda if options.filter_per_worker is None else bool(options.filter_per_worker)
        )

    def check_times(self, name: str, count: int) -> None:
        if self.time is not None and self.time.shape != (count,):
            raise ValueError(f"{name} must hold one time per example, {count}; got shape {tuple(self.time.shape)}.")

    def sample(self, seeds: Tensor, seed_time: Tensor | None, batch: _Batch) -> Any:
        """Neighborhoods of the seeds, as a SamplerOutput of torch_geometric."""
        from torch_geometric.sampler import SamplerOutput

        relation = self.source.relation._replace(fanouts=self.fanouts)
        if self.timed and seed_time is None:
            assert self.source.node_time is not None
            seed_time = self.source.node_time[seeds]
        task = Task(len(self.fanouts), self.replace, self.disjoint, self.last, seed_time, self.seed, batch.number)
        (nodes,), (edges,) = draw([seeds], [relation], task)
        row, col, edge, per_hop = edges.row, edges.col, edges.edge, edges.per_hop
        if self.subgraph_type == "induced":
            row, col, edge = induced_edges(nodes.node, nodes.example, seed_time, relation)
            per_hop = None  # type: ignore[assignment]
        out = SamplerOutput(nodes.node, row, col, edge, nodes.example, nodes.per_hop, per_hop)
        return out.to_bidirectional() if self.subgraph_type == "bidirectional" else out

    def draw(self, batch: _Batch) -> tuple[Any, dict[str, Any]]:
        """SamplerOutput of a batch, and further attributes of the batch."""
        raise NotImplementedError

    def __getitem__(self, batch: _Batch) -> Any:
        drawn = self.draw(batch)
        return self.assemble(drawn) if self.filter_per_worker else drawn

    def assemble(self, drawn: tuple[Any, dict[str, Any]]) -> Any:
        """Features, labels and edge attributes of a sample, as Data."""
        sample, attributes = drawn
        if self.transform_output is not None:
            sample = self.transform_output(sample)
        permutation = None if self.sampler is None else self.sampler.edge_permutation
        out = self.source.gather(sample, permutation, self.custom_cls)
        for name, value in attributes.items():
            if value is not None:
                out[name] = value
        return out if self.transform is None else self.transform(out)


def _fanouts(given: Any) -> list[int]:
    if isinstance(given, dict):
        raise TypeError("num_neighbors must be a sequence of numbers, since there is one type of edges; got a dict.")
    if hasattr(given, "get_mapped_values"):  # torch_geometric.sampler.NumNeighbors
        given = given.get_mapped_values()
    return [checked_int("num_neighbors", k, -1) for k in given]


def _subgraph_type(given: Any, directed: bool | None) -> str:  # noqa: FBT001
    name = getattr(given, "value", given)
    if name not in ("directional", "bidirectional", "induced"):
        raise ValueError(f"subgraph_type must be 'directional', 'bidirectional' or 'induced', got {given!r}.")
    if directed is False:
        if name == "bidirectional":
            raise ValueError("directed=False means subgraph_type='induced', but subgraph_type is 'bidirectional'.")
        return "induced"
    return str(name)


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
        self.data, self.transform = examples.source.data, examples.transform
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
    data : torch_geometric.data.Data, Graph, or pair of FeatureStore and GraphStore
        Data has ``edge_index``, or ``adj_t`` (a matrix of torch.sparse, or one with ``csr()`` like torch_sparse's), and
        the attributes that the batches should have. A :class:`graphrep.Graph` is taken as :meth:`graphrep.Graph.to_pyg`
        makes it. Stores hold one type of nodes and edges.
    num_neighbors : sequence of int
        Number of in-neighbors sampled per node in each hop; -1 takes all.
    input_nodes : int or bool tensor, optional
        Seed nodes of the batches; default all nodes. For a Graph with names: their names.
    input_time : real tensor of shape (num_input_nodes,), optional
        Times of the seeds; default their ``time_attr``.
    batch_size : int
    replace : bool
        Sample with replacement.
    weight_attr : str, optional
        Edge attribute of ``data``; edges are sampled in proportion to it.
    disjoint : bool
        Every seed gets a subgraph of its own; ``batch`` says to which seed each node belongs.
    time_attr : str, optional
        Node or edge attribute of ``data`` with times: nodes or edges that are later than the seed are not sampled. The
        batches are disjoint.
    temporal_strategy : "uniform" or "last"
        With times: draw from all that is not later than the seed, or only from the latest ``num_neighbors``.
    subgraph_type : "directional", "bidirectional" or "induced"
        Edges of a batch: those sampled; these and their reverses, each once; all edges between the sampled nodes.
    directed : bool, optional
        PyG's older name: False means induced.
    is_sorted : bool
        The targets of ``edge_index`` ascend, and with them the times of the incoming edges of each node, which saves a
        permutation of the edges; checked.
    shuffle, drop_last : bool
        Change the order in every epoch; leave out the last batch if it is smaller.
    sampler : iterable with a length, optional
        Order of the examples (positions in ``input_nodes``).
    transform, transform_sampler_output : callable, optional
        Applied to every batch, or to the ``torch_geometric.sampler.SamplerOutput`` before attributes are gathered.
    filter_per_worker : bool, optional
        Gather features in the worker; default: unless ``data`` is on a GPU.
    custom_cls : class, optional
        Class of the batches from stores; default Data.
    neighbor_sampler : torch_geometric.sampler.BaseSampler, optional
        Samples instead of graphrep, with its own settings and its own source of random numbers.
    input_id : tensor of shape (num_input_nodes,), optional
        Values of ``input_id`` in the batches.
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
    TypeError, ValueError, IndexError, KeyError
        Heterogeneous data, no edges, input nodes out of range or unknown, missing weights or times, or edges that are
        not sorted as stated.

    Notes
    -----
    A batch has the node attributes of the nodes ``n_id`` (the seeds first), the edge attributes of the edges ``e_id``,
    ``edge_index`` with positions in ``n_id``, ``input_id`` (positions in ``input_nodes``, or node numbers for a mask),
    ``batch_size`` (number of seeds), ``num_sampled_nodes`` and, if directional, ``num_sampled_edges`` per hop. Disjoint
    batches have ``batch``, and ``seed_time`` if there is ``input_time``. Edges point towards the seeds; an added
    reverse has the number of the edge that was sampled. Every epoch draws new samples. See
    :func:`graphrep.ops.sample_neighbors` for the distribution and the cost of a sample; an induced subgraph takes time
    in proportion to the degrees of its nodes.

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
        input_time: Any = None,
        batch_size: int = 1,
        replace: bool = False,
        weight_attr: str | None = None,
        disjoint: bool = False,
        time_attr: str | None = None,
        temporal_strategy: str = "uniform",
        subgraph_type: Any = "directional",
        directed: bool | None = None,
        is_sorted: bool = False,
        shuffle: bool = False,
        drop_last: bool = False,
        sampler: Any = None,
        transform: Callable[[Any], Any] | None = None,
        transform_sampler_output: Callable[[Any], Any] | None = None,
        filter_per_worker: bool | None = None,
        custom_cls: Any = None,
        neighbor_sampler: Any = None,
        input_id: Any = None,
        random_state: Any = 0,
        **kwargs: Any,
    ) -> None:
        options = _Options(
            replace,
            weight_attr,
            disjoint,
            time_attr,
            temporal_strategy,
            subgraph_type,
            directed,
            is_sorted,
            transform,
            transform_sampler_output,
            filter_per_worker,
            custom_cls,
            neighbor_sampler,
            random_state,
        )
        examples = _Nodes(data, num_neighbors, input_time, options)
        examples.set_nodes(input_nodes, input_id)
        self.input_nodes, self.input_time = input_nodes, input_time
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
    def set_nodes(self, input_nodes: Any, input_id: Any) -> None:
        n = self.source.num_nodes
        self.ids: Tensor | None = None
        if input_nodes is None:
            self.nodes = torch.arange(n)
        else:
            mask = input_nodes if isinstance(input_nodes, Tensor) else torch.tensor([])
            if mask.dtype != torch.bool:
                self.nodes = self.source.rows("input_nodes", input_nodes, 1)
            elif mask.shape != (n,):
                raise ValueError(f"a mask of input_nodes must have shape ({n},), got {tuple(mask.shape)}.")
            else:
                self.nodes = self.ids = plain(mask).cpu().nonzero().view(-1)
        self.check_times("input_time", len(self.nodes))
        self.ids = _checked_input_id(input_id, len(self.nodes), self.ids)

    def draw(self, batch: _Batch) -> tuple[Any, dict[str, Any]]:
        """See the base class."""
        seeds = self.nodes[batch.examples]
        input_id = batch.examples if self.ids is None else self.ids[batch.examples]
        time = None if self.time is None else self.time[batch.examples]
        if self.sampler is None:
            keys = None if self.source.seed_time is None else self.source.seed_time[batch.examples]
            sample = self.sample(seeds, keys, batch)
        else:
            from torch_geometric.sampler import NodeSamplerInput

            sample = self.sampler.sample_from_nodes(NodeSamplerInput(input_id=input_id, node=seeds, time=time))
        return sample, {"input_id": input_id, "seed_time": time, "batch_size": len(batch.examples)}


def _checked_input_id(given: Any, count: int, default: Tensor | None) -> Tensor | None:
    if given is None:
        return default
    ids = plain(torch.as_tensor(given)).cpu()
    if ids.shape != (count,):
        raise ValueError(f"input_id must have shape ({count},), got {tuple(ids.shape)}.")
    return ids


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
    edge_label_time : real tensor of shape (num_labels,), optional
        Times of these edges; both ends get neighborhoods of this time. Default: each end that of its own ``time_attr``.
    neg_sampling : "binary", "triplet", dict or torch_geometric.sampler.NegativeSampling, optional
        Add negatives, of which both ends ("binary") or the target ("triplet") are drawn from all nodes, uniformly or in
        proportion to the weights of a ``NegativeSampling``. They can be edges. If nodes have times, from those that are
        not later than the edge; if there are none, the earliest node.
    neg_sampling_ratio : float, optional
        Number of binary negatives per edge.
    batch_size, replace, weight_attr, disjoint, time_attr, temporal_strategy, subgraph_type, directed, is_sorted
    shuffle, drop_last, sampler, transform, transform_sampler_output, filter_per_worker, custom_cls, neighbor_sampler
    input_id, random_state, **kwargs
        See :class:`NeighborLoader`; ``disjoint`` gives every edge a subgraph of its own, negatives that of their edge.

    Raises
    ------
    TypeError, ValueError, IndexError
        As for :class:`NeighborLoader`; labels of another length, or labels with triplets.

    Notes
    -----
    A batch has the attributes of :class:`NeighborLoader` except ``batch_size``, and ``edge_label_index``
    (positions in ``n_id``) and ``edge_label``. Binary negatives come last and have label 0; labels that start at 0 are
    increased by 1, and without labels edges have 1. With triplets there are ``src_index``, ``dst_pos_index`` and
    ``dst_neg_index`` instead. The ends of all edges are distinct seeds, in ascending order; in disjoint batches, the
    seeds are all sources and then all targets, and ``batch`` is the position of the edge. Given
    ``edge_label_time``, there is ``edge_label_time``, or ``seed_time`` for triplets.

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
        edge_label_time: Any = None,
        neg_sampling: Any = None,
        neg_sampling_ratio: float | None = None,
        batch_size: int = 1,
        replace: bool = False,
        weight_attr: str | None = None,
        disjoint: bool = False,
        time_attr: str | None = None,
        temporal_strategy: str = "uniform",
        subgraph_type: Any = "directional",
        directed: bool | None = None,
        is_sorted: bool = False,
        shuffle: bool = False,
        drop_last: bool = False,
        sampler: Any = None,
        transform: Callable[[Any], Any] | None = None,
        transform_sampler_output: Callable[[Any], Any] | None = None,
        filter_per_worker: bool | None = None,
        custom_cls: Any = None,
        neighbor_sampler: Any = None,
        input_id: Any = None,
        random_state: Any = 0,
        **kwargs: Any,
    ) -> None:
        options = _Options(
            replace,
            weight_attr,
            disjoint,
            time_attr,
            temporal_strategy,
            subgraph_type,
            directed,
            is_sorted,
            transform,
            transform_sampler_output,
            filter_per_worker,
            custom_cls,
            neighbor_sampler,
            random_state,
        )
        examples = _Links(data, num_neighbors, edge_label_time, options)
        if neg_sampling_ratio:
            neg_sampling = {"mode": "binary", "amount": neg_sampling_ratio}
        examples.set_links(edge_label_index, edge_label, neg_sampling, input_id)
        self.edge_label_index, self.neg_sampling = edge_label_index, examples.negatives
        self.edge_label_time = edge_label_time
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
    def set_links(self, edge_label_index: Any, edge_label: Tensor | None, neg_sampling: Any, input_id: Any) -> None:
        given = edge_label_index
        self.links = self.source.all_edges() if given is None else self.source.rows("edge_label_index", given, 2)
        self.check_times("edge_label_time", self.links.shape[1])
        self.ids = _checked_input_id(input_id, self.links.shape[1], None)
        self.negatives = _negatives(neg_sampling)
        if self.timed and self.time is None and self.negatives is not None:
            raise ValueError("neg_sampling with time_attr needs edge_label_time, the times of the edges; got none.")
        self.by_time = None
        if self.source.node_time is not None and self.negatives is not None:
            self.by_time = self.source.node_time.argsort(stable=True)
        self.label = edge_label
        if edge_label is None:
            return
        if len(edge_label) != self.links.shape[1]:
            raise ValueError(f"edge_label must have one label per edge, {self.links.shape[1]}; got {len(edge_label)}.")
        if self.negatives is not None and self.negatives.triplets:
            raise ValueError("edge_label must be None for triplets.")
        if self.negatives is not None and len(edge_label) and int(edge_label.min()) == 0:
            self.label = edge_label + 1  # 0 means a negative

    def draw(self, batch: _Batch) -> tuple[Any, dict[str, Any]]:
        """See the base class."""
        if self.sampler is not None:
            return self._drawn_by_sampler(batch)
        src, dst = self.links[:, batch.examples]
        label = None if self.label is None else self.label[batch.examples]
        count, negatives = len(batch.examples), self.negatives
        keys = None if self.source.seed_time is None else self.source.seed_time[batch.examples]
        of_src = of_dst = torch.arange(count)  # the edge that each end belongs to
        if negatives is not None:
            generator = _generator(self.seed, 2 * batch.number + 1)
            more = torch.arange(math.ceil(count * negatives.amount)) % max(count, 1)
            if not negatives.triplets:
                src = torch.cat([src, self._others(more, keys, negatives.src_weight, generator)])
                of_src = torch.cat([of_src, more])
                label = torch.ones(count) if label is None else label
                label = torch.cat([label, label.new_zeros((len(more), *label.shape[1:]))])
            dst = torch.cat([dst, self._others(more, keys, negatives.dst_weight, generator)])
            of_dst = torch.cat([of_dst, more])
        seeds, of = torch.cat([src, dst]), torch.cat([of_src, of_dst])
        place = torch.arange(len(seeds))
        if not self.disjoint:
            seeds, place = torch.unique(seeds, return_inverse=True)
        sample = self.sample(seeds, None if keys is None else keys[of], batch)
        if self.disjoint:
            sample.batch = of[sample.batch]
        time = None if self.time is None else self.time[batch.examples]
        attributes: dict[str, Any] = {"input_id": batch.examples if self.ids is None else self.ids[batch.examples]}
        src, dst = place[: len(src)], place[len(src) :]
        if negatives is None or not negatives.triplets:
            time = None if time is None else time[of_src]
            attributes |= {"edge_label_index": torch.stack([src, dst]), "edge_label": label, "edge_label_time": time}
            return sample, attributes
        negative = dst[count:]
        if negatives.amount > 1:  # those of one edge are `count` places apart
            negative = negative.view(-1, count).t().contiguous()
        names = ("src_index", "dst_pos_index", "dst_neg_index", "seed_time")
        return sample, attributes | dict(zip(names, (src, dst[:count], negative, time), strict=True))

    def _drawn_by_sampler(self, batch: _Batch) -> tuple[Any, dict[str, Any]]:
        from torch_geometric.sampler import EdgeSamplerInput, NegativeSampling

        pick = [None if part is None else part[batch.examples] for part in (self.label, self.time)]
        input_id = batch.examples if self.ids is None else self.ids[batch.examples]
        src, dst = self.links[:, batch.examples]
        negatives = None
        if self.negatives is not None:
            mode, amount = "triplet" if self.negatives.triplets else "binary", self.negatives.amount
            negatives = NegativeSampling(mode, amount, self.negatives.src_weight, self.negatives.dst_weight)
        inputs = EdgeSamplerInput(input_id=input_id, row=src, col=dst, label=pick[0], time=pick[1])
        sample = self.sampler.sample_from_edges(inputs, neg_sampling=negatives)
        names = ("input_id", "edge_label_index", "edge_label", "edge_label_time")
        if self.negatives is not None and self.negatives.triplets:
            names = ("input_id", "src_index", "dst_pos_index", "dst_neg_index", "seed_time")  # type: ignore[assignment]
        return sample, dict(zip(names, sample.metadata, strict=True))

    def _others(self, of: Tensor, keys: Tensor | None, weight: Tensor | None, generator: torch.Generator) -> Tensor:
        """A node per edge of ``of``, not later than it if nodes have times."""
        n, count = self.source.num_nodes, len(of)
        if self.by_time is None or keys is None:
            if weight is None:
                return torch.randint(n, (count,), generator=generator)
            return torch.multinomial(weight.cpu(), count, replacement=True, generator=generator)
        assert self.source.node_time is not None
        allowed = torch.searchsorted(self.source.node_time[self.by_time], keys[of], right=True).clamp(min=1)
        point = torch.rand(count, generator=generator, dtype=torch.float64)
        if weight is None:
            rank = (point * allowed).long()
        else:
            sums = weight.cpu().double()[self.by_time].cumsum(0)
            rank = torch.searchsorted(sums, point * sums[allowed - 1], right=True)
        return self.by_time[torch.minimum(rank, allowed - 1)]


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
