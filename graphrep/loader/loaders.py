"""The loaders: examples, batches, and what each batch draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.utils.data

from graphrep._checks import checked_int, checked_ints, checked_rank
from graphrep._random import resolve_seed, stream_key
from graphrep.loader.source import Source, plain, tensor_of
from graphrep.ops.sampling import Edges, Nodes, Relation, Task, draw, induced_edges

__all__ = ["LinkNeighborLoader", "NeighborLoader"]

Tensor = torch.Tensor
_NONE = torch.zeros(0, dtype=torch.int64)
_Attributes = dict[tuple[Any, str], Any]  # by type of nodes or edges, and name


class _Batch(NamedTuple):
    """Message from the main process to a worker: the number of a batch and its examples."""

    number: int  # differs between all batches of all epochs
    examples: Tensor


class _Batches(torch.utils.data.Sampler[_Batch]):
    """Cut the examples of an epoch into batches; the order of a shuffled epoch is a function of (seed, epoch)."""

    def __init__(
        self,
        size: int,
        batch_size: int,
        seed: int,
        *,
        shuffle: bool,
        drop_last: bool,
        order: Any,
        rank: int,
        world_size: int,
    ) -> None:
        self.size, self.batch_size, self.seed = size, batch_size, seed
        self.shuffle, self.drop_last, self.order = shuffle, drop_last, order
        self.rank, self.world_size = rank, world_size
        self.epoch = 0

    def _count(self) -> int:
        """Batches of all ranks."""
        size = self.size if self.order is None else len(self.order)
        return size // self.batch_size if self.drop_last else math.ceil(size / self.batch_size)

    def __len__(self) -> int:
        count = self._count()
        return count // self.world_size if self.drop_last else math.ceil(count / self.world_size)

    def __iter__(self) -> Iterator[_Batch]:
        epoch = self.epoch  # counted by the loader, since workers ask twice
        if self.order is not None:
            order = torch.as_tensor(list(self.order), dtype=torch.int64)
        elif self.shuffle:
            order = torch.randperm(self.size, generator=_generator(self.seed, 2 * epoch))
        else:
            order = torch.arange(self.size)
        size, count = self.batch_size, self._count()
        # The first batches fill up the last round, so that all ranks have the same number.
        numbers = ((self.rank + self.world_size * i) % count for i in range(len(self)))
        return (_Batch(epoch << 32 | i, order[size * i : size * (i + 1)]) for i in numbers)


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
        fanouts = _fanouts(num_neighbors, self.source)
        self.hops = max(map(len, fanouts), default=0)
        pairs = zip(self.source.relations, fanouts, strict=True)
        self.relations = [relation._replace(fanouts=numbers) for relation, numbers in pairs]
        self.induced = [_squared(one) for one in self.relations] if self.subgraph_type == "induced" else []
        self.time = None if seed_time is None else tensor_of(seed_time).cpu()
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

    def times_of(self, kind: int, seeds: Tensor) -> Tensor:
        """The times that the seeds of a type have themselves."""
        times = self.source.node_time[kind]
        if times is None:
            raise ValueError(
                f"nodes of type {self.source.node_types[kind]!r} have no times; give those of the seeds as input_time."
            )
        return times[seeds]

    def sample(self, seeds: dict[int, Tensor], seed_time: dict[int, Tensor] | None, batch: _Batch) -> Any:
        """Neighborhoods of seeds and their times by type, as a SamplerOutput or HeteroSamplerOutput."""
        source, relations = self.source, self.relations
        kinds = range(len(source.node_types))
        given = [seeds.get(kind, _NONE) for kind in kinds]
        times = None
        if self.timed:
            of = {kind: self.times_of(kind, ids) for kind, ids in seeds.items()} if seed_time is None else seed_time
            times = torch.cat([of.get(kind, _NONE) for kind in kinds])
        task = Task(self.hops, self.replace, self.disjoint, self.last, times, self.seed, batch.number)
        nodes, edges = draw(given, relations, task)
        if self.subgraph_type == "induced":
            edges = [
                Edges(*_induced(nodes[one.source], nodes[one.target], times, whole, one), [])
                for one, whole in zip(relations, self.induced, strict=True)
            ]
        return self._output(nodes, edges)

    def _output(self, nodes: list[Nodes], edges: list[Edges]) -> Any:
        from torch_geometric.sampler import HeteroSamplerOutput, SamplerOutput

        source, per_hop = self.source, self.subgraph_type != "induced"
        if not source.typed:
            (found,), (drawn,) = nodes, edges
            counts = found.per_hop, drawn.per_hop if per_hop else None
            out = SamplerOutput(found.node, drawn.row, drawn.col, drawn.edge, found.example, *counts)
        else:

            def by_type(types: list[Any], parts: Sequence[Any], name: str) -> dict[Any, Any]:
                return {kind: getattr(part, name) for kind, part in zip(types, parts, strict=True)}

            ends = [by_type(source.edge_types, edges, name) for name in ("row", "col", "edge")]
            out = HeteroSamplerOutput(
                by_type(source.node_types, nodes, "node"),
                *ends,
                by_type(source.node_types, nodes, "example") if self.disjoint else None,
                by_type(source.node_types, nodes, "per_hop"),
                by_type(source.edge_types, edges, "per_hop") if per_hop else None,
            )
        return out.to_bidirectional() if self.subgraph_type == "bidirectional" else out

    def draw(self, batch: _Batch) -> tuple[Any, _Attributes]:
        """SamplerOutput of a batch, and further attributes of the batch."""
        raise NotImplementedError

    def __getitem__(self, batch: _Batch) -> Any:
        drawn = self.draw(batch)
        return self.assemble(drawn) if self.filter_per_worker else drawn

    def assemble(self, drawn: tuple[Any, _Attributes]) -> Any:
        """Features, labels and edge attributes of a sample, as Data."""
        sample, attributes = drawn
        if self.transform_output is not None:
            sample = self.transform_output(sample)
        permutation = None if self.sampler is None else self.sampler.edge_permutation
        out = self.source.gather(sample, permutation, self.custom_cls)
        for (key, name), value in attributes.items():
            if value is None:
                continue
            if key is None:
                out[name] = value
            else:
                out[key][name] = value
        return out if self.transform is None else self.transform(out)


def _fanouts(given: Any, source: Source) -> list[list[int]]:
    """Numbers of neighbors per hop, for every type of edges."""
    types = source.edge_types
    if not source.typed:
        if isinstance(given, dict):
            raise TypeError(
                "num_neighbors must be a sequence of numbers, since there is one type of edges; got a dict."
            )
        if hasattr(given, "get_mapped_values"):  # torch_geometric.sampler.NumNeighbors
            given = given.get_mapped_values()
        return [checked_ints("num_neighbors", given, -1)]
    if hasattr(given, "get_values"):
        given = given.get_values(types)
    if not isinstance(given, dict):
        given = {key: list(given) for key in types}
    found: dict[Any, Any] = {}
    for key in sorted(given, key=lambda key: key in types):  # a triple goes before a name that means several
        meant = source.edge_types_of(key)
        if not meant:
            raise ValueError(f"num_neighbors has {key!r}, which is no type of edges; these are {_listed(types)}.")
        found |= dict.fromkeys(meant, given[key])
    missing = [kind for kind in types if kind not in found]
    if missing:
        raise ValueError(f"num_neighbors must have numbers for every type of edges, but lacks {_listed(missing)}.")
    fanouts = [checked_ints("num_neighbors", found[kind], -1) for kind in types]
    if len({len(numbers) for numbers in fanouts}) > 1:
        lengths = ", ".join(f"{len(numbers)} for {kind}" for kind, numbers in zip(types, fanouts, strict=True))
        raise ValueError(
            f"num_neighbors: the number of hops must be the same across all types of edges, got {lengths}."
        )
    return fanouts


def _listed(types: Sequence[Any]) -> str:
    return ", ".join(map(str, types))


def _squared(relation: Relation) -> Relation:
    """For induced edges: a relation whose two types are one, the sources before the targets."""
    if relation.source == relation.target:
        return relation
    num_sources = int(relation.indices.max()) + 1 if len(relation.indices) else 0
    indptr = torch.cat([relation.indptr.new_zeros(num_sources), relation.indptr])
    return relation._replace(indptr=indptr)


def _induced(
    sources: Nodes, targets: Nodes, times: Tensor | None, whole: Relation, relation: Relation
) -> tuple[Tensor, Tensor, Tensor]:
    """All edges of a relation between sampled nodes."""
    if relation.source == relation.target:
        return induced_edges(targets.node, targets.example, times, relation)
    first = len(whole.indptr) - len(relation.indptr)  # nodes from there on are targets
    known = sources.node < first  # others have no edges
    at = known.nonzero().view(-1)
    nodes = torch.cat([sources.node[known], targets.node + first])
    examples = None
    if sources.example is not None and targets.example is not None:
        examples = torch.cat([sources.example[known], targets.example])
    row, col, edge = induced_edges(nodes, examples, times, whole)
    return at[row], col - len(at), edge


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
        rank: int,
        world_size: int,
        random_state: Any,
        options: dict[str, Any],
    ) -> None:
        for name in ("dataset", "collate_fn", "batch_sampler"):
            if name in options:
                raise TypeError(f"{name} must not be given; {type(self).__name__} makes its own.")
        if shuffle and sampler is not None:
            raise ValueError("shuffle must be False if a sampler is given.")
        batch_size = checked_int("batch_size", batch_size, 1)
        rank, world_size = checked_rank(rank, world_size, random_state)
        if world_size > 1 and sampler is not None:
            raise ValueError("sampler must be None if world_size is above 1, since it may differ between ranks.")
        batches = _Batches(
            size,
            batch_size,
            examples.seed,
            shuffle=shuffle,
            drop_last=drop_last,
            order=sampler,
            rank=rank,
            world_size=world_size,
        )
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
    r"""Batches of nodes, each with a sample of its neighborhood, as PyG's ``Data`` or ``HeteroData``.

    Parameters
    ----------
    data : torch_geometric.data.Data or HeteroData, Graph, or pair of FeatureStore and GraphStore
        Data, and each relation of HeteroData, has ``edge_index``, or ``adj_t`` (a matrix of torch.sparse, or one with
        ``csr()`` like torch_sparse's), and the attributes that the batches should have. A :class:`graphrep.Graph` is
        taken as :meth:`graphrep.Graph.to_pyg` makes it: with types of nodes or edges, as HeteroData.
    num_neighbors : sequence of int, or dict of them
        Number of in-neighbors sampled per node in each hop; -1 takes all. With types, of each type of edges: a dict has
        triples (source type, edge type, target type), names of types of edges, which mean all triples of the name, or
        pairs (source type, target type).
    input_nodes : int or bool tensor, str, or pair of str and tensor, optional
        Seed nodes of the batches; default all nodes. With types, a type of nodes, or a pair of a type and nodes of it,
        numbered from 0 within the type. For a Graph with names: their names, for which the type need not be given.
    input_time : real tensor of shape (num_input_nodes,), optional
        Times of the seeds; default their ``time_attr``.
    batch_size : int
    replace : bool
        Sample with replacement.
    weight_attr : str, optional
        Edge attribute of ``data``; edges are sampled in proportion to it, those of a type without it alike.
    disjoint : bool
        Every seed gets a subgraph of its own; ``batch`` says to which seed each node belongs.
    time_attr : str, optional
        Node or edge attribute of ``data`` with times: nodes or edges that are later than the seed are not sampled. The
        batches are disjoint. Nodes or edges of a type without it are there at any time.
    temporal_strategy : "uniform" or "last"
        With times: draw from all that is not later than the seed, or only from the latest ``num_neighbors``.
    subgraph_type : "directional", "bidirectional" or "induced"
        Edges of a batch: those sampled; these and their reverses, each once; all edges between the sampled nodes. With
        types, the reverse of (a, r, b) is (b, rev_r, a), and edges that are added so have no ``e_id`` or attributes.
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
    rank, world_size : int
        Of ``world_size`` processes, this one gets the batches ``rank``, ``rank + world_size``, ... of those that one
        process would get, the same with their samples. All get equally many: the first batches of the epoch are
        repeated to fill the last round or, with ``drop_last``, that round is left out.
    **kwargs
        For ``torch.utils.data.DataLoader``: ``num_workers``, ``pin_memory``, ``persistent_workers``, ...

    Attributes
    ----------
    epoch : int
        Number of the next epoch.

    Raises
    ------
    TypeError, ValueError, IndexError, KeyError
        Input nodes or types out of range or unknown, numbers of neighbors that are missing for a type of edges, missing
        weights or times, or edges that are not sorted as stated.

    Notes
    -----
    A batch has the node attributes of the nodes ``n_id`` (the seeds first), the edge attributes of the edges ``e_id``,
    ``edge_index`` with positions in ``n_id``, ``input_id`` (positions in ``input_nodes``, or node numbers for a mask),
    ``batch_size`` (number of seeds), ``num_sampled_nodes`` and, if directional, ``num_sampled_edges`` per hop. Disjoint
    batches have ``batch``, and ``seed_time`` if there is ``input_time``. Edges point towards the seeds; an added
    reverse has the number of the edge that was sampled. With types, all of these belong to the types of nodes or edges
    of the batch, as in PyG's loaders: ``batch["paper"].n_id``, ``batch["author", "writes", "paper"].e_id``. Every hop
    draws from every relation, independently, and numbers the nodes that it finds in the order of the relations. Every
    epoch draws new samples. See :func:`graphrep.ops.sample_neighbors` for the distribution and the cost of a sample; an
    induced subgraph takes time in proportion to the degrees of its nodes.

    Examples
    --------
    >>> import torch
    >>> from torch_geometric.data import Data
    >>> import graphrep as gr
    >>> data = Data(x=torch.arange(4.0).view(4, 1), edge_index=torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]]))
    >>> seeds = torch.tensor([3, 1])
    >>> loader = gr.loader.NeighborLoader(data, [1, 1], input_nodes=seeds, batch_size=1)
    >>> for batch in loader:
    ...     print(batch.n_id.tolist(), batch.edge_index.tolist(), batch.x.ravel().tolist())
    [3, 2, 1] [[1, 2], [0, 1]] [3.0, 2.0, 1.0]
    [1, 0, 3] [[1, 2], [0, 1]] [1.0, 0.0, 3.0]
    >>> graph = gr.as_graph([("ann", "wrote", "p"), ("bob", "wrote", "p"), ("q", "cites", "p")], edge_type=1)
    >>> loader = gr.loader.NeighborLoader(graph, {"wrote": [1], "cites": [-1]}, input_nodes=["p"])
    >>> next(iter(loader))["node", "cites", "node"].num_sampled_edges
    [1]
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
        rank: int = 0,
        world_size: int = 1,
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
            rank=rank,
            world_size=world_size,
            random_state=random_state,
            options=kwargs,
        )


class _Nodes(_Examples):
    def set_nodes(self, input_nodes: Any, input_id: Any) -> None:
        source = self.source
        self.kind, input_nodes = _typed_nodes(source, input_nodes)
        n = source.num_nodes[self.kind]
        self.ids: Tensor | None = None
        if input_nodes is None:
            self.nodes = torch.arange(n)
        else:
            mask = _mask(input_nodes)
            if mask is None:
                self.nodes = source.rows("input_nodes", input_nodes, 1, [self.kind])
            elif mask.shape != (n,):
                raise ValueError(f"a mask of input_nodes must have shape ({n},), got {tuple(mask.shape)}.")
            else:
                self.nodes = self.ids = mask.nonzero().view(-1)
        self.check_times("input_time", len(self.nodes))
        if self.timed and self.time is None and len(self.nodes):
            self.times_of(self.kind, self.nodes[:1])
        self.ids = _checked_input_id(input_id, len(self.nodes), self.ids)

    def draw(self, batch: _Batch) -> tuple[Any, _Attributes]:
        """See the base class."""
        seeds, key = self.nodes[batch.examples], self.source.node_types[self.kind]
        input_id = batch.examples if self.ids is None else self.ids[batch.examples]
        time = None if self.time is None else self.time[batch.examples]
        if self.sampler is None:
            times = None if self.source.seed_time is None else {self.kind: self.source.seed_time[batch.examples]}
            sample = self.sample({self.kind: seeds}, times, batch)
        else:
            from torch_geometric.sampler import NodeSamplerInput

            inputs = NodeSamplerInput(input_id=input_id, node=seeds, time=time, input_type=key)
            sample = self.sampler.sample_from_nodes(inputs)
        return sample, {(key, "input_id"): input_id, (key, "seed_time"): time, (key, "batch_size"): len(seeds)}


def _mask(nodes: Any) -> Tensor | None:
    """A boolean tensor, if nodes are given as one."""
    if isinstance(nodes, np.ndarray) and nodes.dtype == bool:
        return tensor_of(nodes)
    return plain(nodes).cpu() if isinstance(nodes, Tensor) and nodes.dtype == torch.bool else None


def _typed_nodes(source: Source, given: Any) -> tuple[int, Any]:
    """Type of the seeds, and the seeds: from a type, a pair of a type and nodes, or nodes of a Graph."""
    if not source.typed:
        return 0, given
    if given is None and len(source.node_types) == 1:
        return 0, None
    if isinstance(given, str):
        return source.kind(given), None
    pair = isinstance(given, (tuple, list)) and len(given) == 2 and isinstance(given[0], str)
    if pair and not isinstance(given[1], (str, int, float)):
        return source.kind(given[0]), given[1]
    if given is None or source.graph is None or _mask(given) is not None:
        raise ValueError(
            "input_nodes must be a type of nodes, or a pair of a type and nodes of it, since the graph has the types "
            f"{', '.join(map(repr, source.node_types))}; got {'none' if given is None else type(given).__name__}."
        )
    return source.nodes_of_one_type("input_nodes", given)


def _checked_input_id(given: Any, count: int, default: Tensor | None) -> Tensor | None:
    if given is None:
        return default
    ids = tensor_of(given).cpu()
    if ids.shape != (count,):
        raise ValueError(f"input_id must have shape ({count},), got {tuple(ids.shape)}.")
    return ids


class LinkNeighborLoader(_Loader):
    r"""Batches of edges, each end with a sample of its neighborhood, as PyG's ``Data`` or ``HeteroData``.

    Edges of a batch that are in the edges of ``data`` can also be sampled. If they are the targets of a prediction,
    remove them from ``data`` or mask them per batch (``removed`` of :func:`graphrep.ops.pool_common_neighbors`).

    Parameters
    ----------
    data, num_neighbors
        See :class:`NeighborLoader`.
    edge_label_index : int tensor of shape (2, num_labels), type, or pair of a type and such a tensor, optional
        Edges of the batches; default ``data.edge_index``. With types, a type of edges (source type, edge type, target
        type), or a pair of a type and edges of it, whose ends are numbered from 0 within their types; for a Graph with
        names, these. The type may be one that ``data`` lacks, if edges are given.
    edge_label : tensor of shape (num_labels, ...), optional
        Labels of these edges.
    edge_label_time : real tensor of shape (num_labels,), optional
        Times of these edges, which ``time_attr`` needs; both ends get neighborhoods of this time.
    neg_sampling : "binary", "triplet", dict or torch_geometric.sampler.NegativeSampling, optional
        Add negatives, of which both ends ("binary") or the target ("triplet") are drawn from all nodes (of their type),
        uniformly or in proportion to the weights of a ``NegativeSampling``. They can be edges. If nodes have times,
        from those that are not later than the edge; if there are none, the earliest node.
    neg_sampling_ratio : float, optional
        Number of binary negatives per edge.
    batch_size, replace, weight_attr, disjoint, time_attr, temporal_strategy, subgraph_type, directed, is_sorted
    shuffle, drop_last, sampler, transform, transform_sampler_output, filter_per_worker, custom_cls, neighbor_sampler
    input_id, random_state, rank, world_size, **kwargs
        See :class:`NeighborLoader`; ``disjoint`` gives every edge a subgraph of its own, negatives that of their edge.

    Raises
    ------
    TypeError, ValueError, IndexError
        As for :class:`NeighborLoader`; labels of another length, or labels with triplets.

    Notes
    -----
    A batch has the attributes of :class:`NeighborLoader` except ``batch_size``, and ``edge_label_index`` (positions in
    ``n_id``) and ``edge_label``. Binary negatives come last and have label 0; labels that start at 0 are increased by
    1, and without labels edges have 1. With triplets there are ``src_index``, ``dst_pos_index`` and ``dst_neg_index``
    instead. With types, the labels belong to the type of the edges, and these to the types of their nodes. The ends of
    all edges are distinct seeds, in ascending order; in disjoint batches, the seeds are all sources and then all
    targets (with types, each within its type), and ``batch`` is the position of the edge. Given ``edge_label_time``,
    there is ``edge_label_time``, or ``seed_time`` for triplets.

    Examples
    --------
    >>> import torch
    >>> from torch_geometric.data import Data
    >>> import graphrep as gr
    >>> data = Data(num_nodes=4, edge_index=torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]]))
    >>> loader = gr.loader.LinkNeighborLoader(data, [1], batch_size=2, neg_sampling="binary")
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
        rank: int = 0,
        world_size: int = 1,
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
            rank=rank,
            world_size=world_size,
            random_state=random_state,
            options=kwargs,
        )


class _Links(_Examples):
    def set_links(self, edge_label_index: Any, edge_label: Tensor | None, neg_sampling: Any, input_id: Any) -> None:
        source = self.source
        self.key, given = _typed_links(source, edge_label_index)
        self.kinds = source.ends(self.key)
        self.links = (
            source.all_edges(self.key) if given is None else source.rows("edge_label_index", given, 2, self.kinds)
        )
        self.check_times("edge_label_time", self.links.shape[1])
        self.ids = _checked_input_id(input_id, self.links.shape[1], None)
        self.negatives = _negatives(neg_sampling)
        if self.timed and self.time is None:  # the ends would see what is later than the edge
            raise ValueError(
                "time_attr needs edge_label_time, the times of the edges, but 'edge_label_time' is not set."
            )
        self.by_time: dict[int, Tensor] = {}
        if self.negatives is not None:
            for kind in set(self.kinds):
                times = source.node_time[kind]
                if times is not None:
                    self.by_time[kind] = times.argsort(stable=True)
            self._check_negatives()
        self.label = edge_label
        if edge_label is None:
            return
        if len(edge_label) != self.links.shape[1]:
            raise ValueError(f"edge_label must have one label per edge, {self.links.shape[1]}; got {len(edge_label)}.")
        if self.negatives is not None and self.negatives.triplets:
            raise ValueError("edge_label must be None for triplets.")
        if self.negatives is not None and len(edge_label) and int(edge_label.min()) == 0:
            self.label = edge_label + 1  # 0 means a negative

    def _check_negatives(self) -> None:
        assert self.negatives is not None
        sides = zip(("src_weight", "dst_weight"), self.negatives[2:], self.kinds, strict=True)
        for side, (name, weight, kind) in enumerate(sides):
            n = self.source.num_nodes[kind]
            if weight is not None and weight.shape != (n,):
                raise ValueError(f"{name} of neg_sampling must have shape ({n},), got {tuple(weight.shape)}.")
            if not n and self.links.shape[1] and not (side == 0 and self.negatives.triplets):
                raise ValueError(f"neg_sampling needs nodes of type {self.source.node_types[kind]!r}, got none.")

    def draw(self, batch: _Batch) -> tuple[Any, _Attributes]:
        """See the base class."""
        if self.sampler is not None:
            return self._drawn_by_sampler(batch)
        src, dst = self.links[:, batch.examples]
        label = None if self.label is None else self.label[batch.examples]
        count, negatives, (first, second) = len(batch.examples), self.negatives, self.kinds
        keys = None if self.source.seed_time is None else self.source.seed_time[batch.examples]
        of_src = of_dst = torch.arange(count)  # the edge that each end belongs to
        if negatives is not None:
            generator = _generator(self.seed, 2 * batch.number + 1)
            more = torch.arange(math.ceil(count * negatives.amount)) % max(count, 1)
            if not negatives.triplets:
                src = torch.cat([src, self._others(first, more, keys, negatives.src_weight, generator)])
                of_src = torch.cat([of_src, more])
                label = torch.ones(count) if label is None else label
                label = torch.cat([label, label.new_zeros((len(more), *label.shape[1:]))])
            dst = torch.cat([dst, self._others(second, more, keys, negatives.dst_weight, generator)])
            of_dst = torch.cat([of_dst, more])
        ends, of_ends = [(first, src), (second, dst)], [(first, of_src), (second, of_dst)]
        if first == second:
            ends, of_ends = [(first, torch.cat([src, dst]))], [(first, torch.cat([of_src, of_dst]))]
        seeds, of = dict(ends), dict(of_ends)
        place = {kind: torch.arange(len(ids)) for kind, ids in ends}
        if not self.disjoint:
            for kind, ids in ends:
                seeds[kind], place[kind] = torch.unique(ids, return_inverse=True)
        sample = self.sample(seeds, None if keys is None else {kind: keys[at] for kind, at in of_ends}, batch)
        if self.disjoint:
            edge = torch.cat([of[kind] for kind in sorted(of)])  # examples are counted in the order of the types
            if isinstance(sample.batch, dict):
                sample.batch = {kind: edge[example] for kind, example in sample.batch.items()}
            else:
                sample.batch = edge[sample.batch]
        time = None if self.time is None else self.time[batch.examples]
        key = self.key
        ends_of_key = (None, None) if key is None else (key[0], key[2])
        attributes: _Attributes = {(key, "input_id"): batch.examples if self.ids is None else self.ids[batch.examples]}
        src, dst = place[first][: len(src)], place[second][-len(dst) :] if len(dst) else _NONE
        if negatives is None or not negatives.triplets:
            time = None if time is None else time[of_src]
            values = torch.stack([src, dst]), label, time
            names = ("edge_label_index", "edge_label", "edge_label_time")
            return sample, attributes | {(key, name): value for name, value in zip(names, values, strict=True)}
        negative = dst[count:]
        if negatives.amount > 1:  # those of one edge are `count` places apart
            negative = negative.view(-1, count).t().contiguous()
        return sample, attributes | _of_triplets(ends_of_key, src, dst[:count], negative, time)

    def _drawn_by_sampler(self, batch: _Batch) -> tuple[Any, _Attributes]:
        from torch_geometric.sampler import EdgeSamplerInput, NegativeSampling

        pick = [None if part is None else part[batch.examples] for part in (self.label, self.time)]
        input_id = batch.examples if self.ids is None else self.ids[batch.examples]
        (src, dst), key = self.links[:, batch.examples], self.key
        negatives = None
        if self.negatives is not None:
            mode, amount = "triplet" if self.negatives.triplets else "binary", self.negatives.amount
            negatives = NegativeSampling(mode, amount, self.negatives.src_weight, self.negatives.dst_weight)
        inputs = EdgeSamplerInput(input_id=input_id, row=src, col=dst, label=pick[0], time=pick[1], input_type=key)
        sample = self.sampler.sample_from_edges(inputs, neg_sampling=negatives)
        if self.negatives is not None and self.negatives.triplets:
            ends = (None, None) if key is None else (key[0], key[2])
            return sample, {(key, "input_id"): sample.metadata[0]} | _of_triplets(ends, *sample.metadata[1:])
        names = ("input_id", "edge_label_index", "edge_label", "edge_label_time")
        return sample, {(key, name): value for name, value in zip(names, sample.metadata, strict=True)}

    def _others(
        self, kind: int, of: Tensor, keys: Tensor | None, weight: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """A node of a type per edge of ``of``, not later than it if nodes have times."""
        n, count, times = self.source.num_nodes[kind], len(of), self.source.node_time[kind]
        if times is None or keys is None:
            if weight is None:
                return torch.randint(max(n, 1), (count,), generator=generator)
            return torch.multinomial(weight.cpu(), count, replacement=True, generator=generator)
        by_time = self.by_time[kind]
        allowed = torch.searchsorted(times[by_time], keys[of], right=True).clamp(min=1)
        point = torch.rand(count, generator=generator, dtype=torch.float64)
        if weight is None:
            rank = (point * allowed).long()
        else:
            sums = weight.cpu().double()[by_time].cumsum(0)
            rank = torch.searchsorted(sums, point * sums[allowed - 1], right=True)
        return by_time[torch.minimum(rank, allowed - 1)]


def _of_triplets(ends: tuple[Any, Any], src: Tensor, positive: Tensor, negative: Tensor, time: Any) -> _Attributes:
    """Attributes of a batch with triplets, by the types of the two ends."""
    return {
        (ends[0], "src_index"): src,
        (ends[1], "dst_pos_index"): positive,
        (ends[1], "dst_neg_index"): negative,
        (ends[0], "seed_time"): time,
        (ends[1], "seed_time"): time,
    }


def _typed_links(source: Source, given: Any) -> tuple[Any, Any]:
    """Type of the edges, and the edges: from a type, or a pair of a type and edges."""
    if not source.typed:
        return None, given
    if given is None and len(source.edge_types) == 1:
        return source.edge_types[0], None
    key, pairs = given, None
    if isinstance(given, (tuple, list)) and len(given) == 2 and not all(isinstance(part, str) for part in given):
        key, pairs = given
    whole = isinstance(key, (tuple, list)) and len(key) == 3 and all(isinstance(part, str) for part in key)
    named = whole or isinstance(key, str)
    pair = isinstance(key, (tuple, list)) and len(key) == 2 and all(isinstance(part, str) for part in key)
    if not (named or pair):
        raise ValueError(
            "edge_label_index must be a type of edges, or a pair of a type and edges of it, since the graph has the "
            f"types {_listed(source.edge_types)}; got {'none' if given is None else type(given).__name__}."
        )
    meant = source.edge_types_of(key)
    if len(meant) == 1:
        return meant[0], pairs
    if not meant and pairs is not None and not isinstance(key, str):  # edges of a type that messages do not use
        key = (key[0], "to", key[1]) if pair else tuple(key)  # as HeteroData calls it
        source.ends(key)
        return key, pairs
    state = "is no type of edges; these are" if not meant else "is ambiguous; give one of"
    raise ValueError(f"edge_label_index has {key!r}, which {state} {_listed(meant or source.edge_types)}.")


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
