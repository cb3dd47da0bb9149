"""Lend torch_geometric the operators of pyg-lib, on graphrep's kernels.

torch_geometric's own samplers, ``Node2Vec`` and ``ClusterData`` call operators of the package pyg-lib, which is not on
PyPI. :func:`provide` registers operators of the same names, arguments and results, so that these classes work as they
are.
"""

# ruff: noqa: FBT001, FBT002  (operators are called by position)
# ruff: noqa: B905, UP006, UP035, UP045  (TorchScript reads two of the functions, and knows older annotations only)

from __future__ import annotations

import copyreg
import importlib.util
import itertools
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any, List, Optional, TypeVar

import numpy as np
import torch
from torch.utils.weak import TensorWeakRef, WeakIdKeyDictionary

from graphrep.graph import Graph
from graphrep.ops import WalkSampler
from graphrep.ops.sampling import Edges, Nodes, Relation, Task, draw, induced_edges, time_keys

__all__ = ["Provided", "provide"]

Tensor = torch.Tensor
T = TypeVar("T")

SCHEMAS = {
    "neighbor_sample": "(Tensor rowptr, Tensor col, Tensor seed, int[] num_neighbors, Tensor? node_time=None, "
    "Tensor? edge_time=None, Tensor? seed_time=None, Tensor? edge_weight=None, bool csc=False, bool replace=False, "
    "bool directed=True, bool disjoint=False, str temporal_strategy='uniform', bool return_edge_id=True) "
    "-> (Tensor, Tensor, Tensor, Tensor?, int[], int[])",
    "hetero_neighbor_sample": "(str[] node_types, (str, str, str)[] edge_types, Dict(str, Tensor) rowptr_dict, "
    "Dict(str, Tensor) col_dict, Dict(str, Tensor) seed_dict, Dict(str, int[]) num_neighbors_dict, "
    "Dict(str, Tensor)? node_time_dict=None, Dict(str, Tensor)? edge_time_dict=None, "
    "Dict(str, Tensor)? seed_time_dict=None, Dict(str, Tensor)? edge_weight_dict=None, bool csc=False, "
    "bool replace=False, bool directed=True, bool disjoint=False, str temporal_strategy='uniform', "
    "bool return_edge_id=True) -> (Dict(str, Tensor), Dict(str, Tensor), Dict(str, Tensor), Dict(str, Tensor)?, "
    "Dict(str, int[]), Dict(str, int[]))",
    "subgraph": "(Tensor rowptr, Tensor col, Tensor nodes, bool return_edge_id) -> (Tensor, Tensor, Tensor?)",
    "random_walk": "(Tensor rowptr, Tensor col, Tensor seed, int walk_length, float p, float q) -> Tensor",
    "metis": "(Tensor rowptr, Tensor col, int num_partitions, Tensor? node_weight=None, Tensor? edge_weight=None, "
    "bool recursive=False) -> Tensor",
    "segment_matmul": "(Tensor input, Tensor ptr, Tensor other) -> Tensor",
    "grouped_matmul": "(Tensor[] input, Tensor[] other) -> Tensor[]",
}

# What torch_geometric.typing sets when it finds a pyg-lib with these operators.
FLAGS = (
    "WITH_PYG_LIB",
    "WITH_GMM",
    "WITH_SEGMM",
    "WITH_METIS",
    "WITH_EDGE_TIME_NEIGHBOR_SAMPLE",
    "WITH_WEIGHTED_NEIGHBOR_SAMPLE",
)


def provide() -> Provided:
    """Lend torch_geometric the operators of pyg-lib for sampling, walks, partitions and products by type.

    Afterwards torch_geometric's own ``NeighborLoader``, ``LinkNeighborLoader``,
    ``Node2Vec``, ``ClusterData``, ``dropout_path`` and ``HeteroLinear`` run without pyg-lib and torch-sparse, on
    homogeneous and heterogeneous graphs. Defined are ``torch.ops.pyg.neighbor_sample``, ``hetero_neighbor_sample``,
    ``subgraph``, ``random_walk`` (with ``p`` and ``q``), ``metis``, ``segment_matmul`` and ``grouped_matmul``, with the
    arguments and results of pyg-lib 0.8; torch_geometric is told that these exist. It does not matter whether it was
    imported before. No module named ``pyg_lib`` appears, and other operators of pyg-lib (``knn``, ``radius``, ``fps``,
    ``softmax_csr`` …) stay missing.

    Calling it again does nothing. The worker processes of a loader have it too, whether they are forked or spawned.

    Returns
    -------
    Provided
        Its ``withdraw()`` takes everything back.

    Raises
    ------
    RuntimeError
        pyg-lib is installed, or something else has defined operators in ``torch.ops.pyg``.
    ModuleNotFoundError
        torch_geometric is not installed.

    Notes
    -----
    Each call of a sampling operator draws its seed from torch's global generator: ``torch.manual_seed`` repeats a
    sample, for any number of threads. The samples are not those of pyg-lib, but have the same distribution, with these
    exceptions:

    * Edges of weight 0 are never drawn; pyg-lib takes them if the number of neighbors covers the whole row.
    * Repeated seeds without ``disjoint`` have the same neighbors, and other nodes are numbered after all seeds.
    * Weights and times can be combined, and times can be floating-point numbers.
    * ``random_walk`` takes ``p`` and ``q`` other than 1 (pyg-lib only on a GPU). ``Node2Vec`` passes them on since
      torch_geometric 2.8; before, it needs torch-cluster for them.

    Indices, offsets and the order of times are checked when a tensor is seen for the first time, and again if it was
    modified in place; pyg-lib would read out of bounds. ``directed=False`` is refused, as in pyg-lib; for induced
    subgraphs use :class:`graphrep.loader.NeighborLoader`. ``metis`` needs the package pymetis.

    Time and memory of a sample: see :func:`graphrep.ops.sample_neighbors`.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> from torch_geometric.data import Data
    >>> from torch_geometric.loader import NeighborLoader
    >>> provided = gr.pyg.provide()
    >>> data = Data(num_nodes=4, edge_index=torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]]))
    >>> next(iter(NeighborLoader(data, [1, 1], input_nodes=torch.tensor([3])))).n_id
    tensor([3, 2, 1])
    >>> provided.withdraw()
    """
    global _provided
    if _provided is None:
        _provided = Provided()
    return _provided


class Provided:
    """The operators that :func:`provide` has lent; made by it.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> provided = gr.pyg.provide()
    >>> torch.ops.pyg.random_walk(torch.tensor([0, 1, 2]), torch.tensor([1, 0]), torch.tensor([0]), 3, 1.0, 1.0)
    tensor([[0, 1, 0, 1]])
    >>> provided.withdraw()
    """

    def __init__(self) -> None:
        if _installed():
            raise RuntimeError("pyg-lib is installed and torch_geometric uses it, so provide() has nothing to lend.")
        operators = torch._C._dispatch_get_all_op_names()
        taken = sorted(name for name in operators if name.startswith("pyg::"))
        if taken:
            raise RuntimeError(f"torch.ops.pyg has been defined by another library already: {', '.join(taken)}.")
        import torch_geometric.typing as flags

        self._absent = flags.pyg_lib
        library: Any = torch.library.Library("pyg", "FRAGMENT")  # type: ignore[no-untyped-call]
        self._library = library
        for name, schema in SCHEMAS.items():
            library.define(name + schema)
            library.impl(name, _IMPLEMENTATIONS[name], _KEYS.get(name, "CPU"))
        self._modules = _replacements()
        self._mark(self._absent, self._modules, present=True)
        for sampler in _samplers():
            copyreg.pickle(sampler, _reduce)

    def withdraw(self) -> None:
        """Take the operators back: torch_geometric is as it was before :func:`provide`.

        Objects that hold an operator, such as a ``Node2Vec``, raise an error when they use it. Calling it again does
        nothing.
        """
        global _provided
        if _provided is not self:
            return
        _provided = None
        self._mark(self._modules, self._absent, present=False)
        for sampler in _samplers():
            copyreg.dispatch_table.pop(sampler, None)
        self._library._destroy()

    def _mark(self, old: Any, new: Any, *, present: bool) -> None:
        """Set the flags and the name ``pyg_lib`` wherever torch_geometric's modules hold them."""
        for name, module in list(sys.modules.items()):
            if name != "torch_geometric" and not name.startswith("torch_geometric."):
                continue
            names = vars(module)
            if names.get("pyg_lib") is old:
                names["pyg_lib"] = new
            for flag in FLAGS:
                if names.get(flag) is (not present):
                    names[flag] = present


_provided: Provided | None = None


def _installed() -> bool:
    return "pyg_lib" in sys.modules or importlib.util.find_spec("pyg_lib") is not None


def _replacements() -> ModuleType:
    """What torch_geometric uses of the Python module pyg_lib; modules, since TorchScript looks only into those."""
    names = ("neighbor_sample", "hetero_neighbor_sample", "subgraph", "random_walk")
    contents: dict[str, dict[str, Any]] = {
        "sampler": {name: getattr(torch.ops.pyg, name) for name in names},
        "partition": {"metis": torch.ops.pyg.metis},
        "ops": {"segment_matmul": _segment_matmul_with_bias, "grouped_matmul": _grouped_matmul_with_biases},
    }
    whole = ModuleType("pyg_lib", "Lent by graphrep.pyg.provide().")
    for name, members in contents.items():
        part = ModuleType(f"pyg_lib.{name}")
        vars(part).update(members)
        setattr(whole, name, part)
    return whole


def _samplers() -> list[Any]:
    import torch_geometric.sampler as samplers

    names = ("NeighborSampler", "BidirectionalNeighborSampler")
    return [getattr(samplers, name) for name in names if hasattr(samplers, name)]


def _reduce(sampler: Any) -> tuple[Any, ...]:
    """Pickle a sampler so that a spawned worker gets the operators with it."""
    return _revive, (type(sampler),), vars(sampler)


def _revive(kind: type[T]) -> T:
    if not _installed():
        provide()
    return kind.__new__(kind)


def _neighbor_sample(
    rowptr: Tensor,
    col: Tensor,
    seed: Tensor,
    num_neighbors: Sequence[int],
    node_time: Tensor | None = None,
    edge_time: Tensor | None = None,
    seed_time: Tensor | None = None,
    edge_weight: Tensor | None = None,
    csc: bool = False,
    replace: bool = False,
    directed: bool = True,
    disjoint: bool = False,
    temporal_strategy: str = "uniform",
    return_edge_id: bool = True,
) -> tuple[Any, ...]:
    def only(part: T | None) -> dict[str, T] | None:
        return None if part is None else {"": part}

    row, column, node, edge, nodes, edges = _sample(
        [""],
        {"": ("", "")},
        {"": rowptr},
        {"": col},
        {"": seed},
        {"": num_neighbors},
        only(node_time),
        only(edge_time),
        only(seed_time),
        only(edge_weight),
        csc,
        replace,
        directed,
        disjoint,
        temporal_strategy,
        return_edge_id,
    )
    return row[""], column[""], node[""], None if edge is None else edge[""], nodes[""], edges[""]


def _hetero_neighbor_sample(
    node_types: Sequence[str], edge_types: Sequence[tuple[str, str, str]], *args: Any, **options: Any
) -> tuple[Any, ...]:
    return _sample(node_types, {"__".join(kind): (kind[0], kind[2]) for kind in edge_types}, *args, **options)


def _sample(
    node_types: Sequence[str],
    ends: dict[str, tuple[str, str]],
    rowptr_dict: dict[str, Tensor],
    col_dict: dict[str, Tensor],
    seed_dict: dict[str, Tensor],
    num_neighbors_dict: dict[str, Sequence[int]],
    node_time_dict: dict[str, Tensor] | None = None,
    edge_time_dict: dict[str, Tensor] | None = None,
    seed_time_dict: dict[str, Tensor] | None = None,
    edge_weight_dict: dict[str, Tensor] | None = None,
    csc: bool = False,
    replace: bool = False,
    directed: bool = True,
    disjoint: bool = False,
    temporal_strategy: str = "uniform",
    return_edge_id: bool = True,
) -> tuple[Any, ...]:
    """Heterogeneous sampling with pyg-lib's arguments; ``ends`` holds the two node types of each edge type."""
    if not directed:
        raise NotImplementedError(
            "directed must be True, as in pyg-lib; for induced subgraphs use graphrep.loader.NeighborLoader with "
            "subgraph_type='induced'."
        )
    if temporal_strategy not in ("uniform", "last"):
        raise ValueError(f"temporal_strategy must be 'uniform' or 'last', got {temporal_strategy!r}.")
    if node_time_dict is not None and edge_time_dict is not None:
        raise ValueError("node_time and edge_time exclude each other, got both.")
    timed = node_time_dict is not None or edge_time_dict is not None
    if timed and not disjoint:
        raise ValueError("disjoint must be True for sampling with times.")
    types = [*seed_dict, *(name for name in node_types if name not in seed_dict)]  # examples count in this order
    number = {name: i for i, name in enumerate(types)}
    dtype = next(iter(seed_dict.values())).dtype if seed_dict else torch.int64
    rows: dict[str, int] = {}
    for name, (source, target) in ends.items():
        kind = target if csc else source
        length = _offsets_end(rowptr_dict[name], col_dict[name])
        if rows.setdefault(kind, length) != length:
            raise ValueError(f"rowptr must have the same length for all edges of one node type, not for {kind!r}.")
    hops = max((len(num_neighbors_dict[name]) for name in ends), default=0)
    node_time, edge_time, seed_time = node_time_dict or {}, edge_time_dict or {}, None
    if timed:
        node_time, edge_time, seed_time = _times(node_time, edge_time, seed_time_dict, seed_dict)
    relations = []
    for name, (source, target) in ends.items():
        expanded, neighbor = (target, source) if csc else (source, target)
        rowptr, col = rowptr_dict[name], col_dict[name]
        high = _check_columns(col, rows.get(neighbor))
        times = node_time.get(neighbor), edge_time.get(name)
        for key, length in zip(times, (high + 1, len(col)), strict=True):
            if key is not None and (key.dim() != 1 or (len(key) < length if key is times[0] else len(key) != length)):
                raise ValueError(f"times must have shape ({length},), got {tuple(key.shape)}.")
        if any(key is not None for key in times):
            _check_order(rowptr, col, *times)
        fanouts = list(num_neighbors_dict[name])
        if len(fanouts) != hops or any(k < -1 for k in fanouts):
            raise ValueError(f"num_neighbors must hold {hops} numbers of at least -1, got {fanouts}.")
        weight = None if edge_weight_dict is None else edge_weight_dict.get(name)
        if weight is not None:
            if weight.shape != col.shape:
                raise ValueError(f"edge_weight must have shape {tuple(col.shape)}, got {tuple(weight.shape)}.")
            weight = _once("weight", partial(_as_float, weight), weight)
        relations.append(
            Relation(
                _wide(rowptr),
                col.contiguous(),
                None,
                weight,
                times[1],
                times[0],
                fanouts,
                number[expanded],
                number[neighbor],
            )
        )
    if len({r.weights.dtype for r in relations if r.weights is not None}) > 1:
        relations = [r._replace(weights=None if r.weights is None else r.weights.double()) for r in relations]
    if len({r.indices.dtype for r in relations}) > 1:
        raise TypeError("col must have one dtype for all edge types.")
    seeds = [_checked_seeds(seed_dict.get(name), rows.get(name)) for name in types]
    widest = max([_range(ids)[1] for ids in seeds] + [_range_of(r.indices)[1] for r in relations], default=0)
    if disjoint and widest.bit_length() + sum(map(len, seeds)).bit_length() > 62:
        raise ValueError(f"node numbers must be smaller for disjoint samples of so many seeds, got {widest}.")
    if timed and seed_time is not None and len(seed_time) != sum(map(len, seeds)):
        raise ValueError(f"seed_time must hold one time per seed, {sum(map(len, seeds))}; got {len(seed_time)}.")
    task = Task(hops, replace, disjoint, temporal_strategy == "last", seed_time, _fresh_seed(), 0)
    nodes, edges = draw(seeds, relations, task)
    return _results(types, list(ends), nodes, edges, csc, return_edge_id, dtype)


def _results(
    types: list[str], names: list[str], nodes: list[Nodes], edges: list[Edges], csc: bool, with_ids: bool, dtype: Any
) -> tuple[Any, ...]:
    neighbor = {name: part.row.to(dtype) for name, part in zip(names, edges, strict=True)}
    expanded = {name: part.col.to(dtype) for name, part in zip(names, edges, strict=True)}
    node = {
        name: (part.node if part.example is None else torch.stack([part.example, part.node], 1)).to(dtype)
        for name, part in zip(types, nodes, strict=True)
    }
    ids = {name: part.edge.to(dtype) for name, part in zip(names, edges, strict=True)} if with_ids else None
    return (
        *((neighbor, expanded) if csc else (expanded, neighbor)),
        node,
        ids,
        {name: part.per_hop for name, part in zip(types, nodes, strict=True)},
        {name: part.per_hop for name, part in zip(names, edges, strict=True)},
    )


def _times(
    node_time: dict[str, Tensor],
    edge_time: dict[str, Tensor],
    seed_time: dict[str, Tensor] | None,
    seeds: dict[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor | None]:
    """Times as ordered int64, and those of all seeds one after the other."""
    given = list(seed_time.values()) if seed_time is not None else []
    keys = iter(time_keys(*node_time.values(), *edge_time.values(), *given))
    node_time = {name: next(keys) for name in node_time}
    edge_time = {name: next(keys) for name in edge_time}
    of_seeds = None if seed_time is None else {name: next(keys) for name in seed_time}
    if of_seeds is None and edge_time:
        raise ValueError("seed_time must be given with edge_time, got none.")
    parts = []
    for name, ids in seeds.items():
        if of_seeds is None and name in node_time:
            _checked_seeds(ids, len(node_time[name]))
            parts.append(node_time[name].index_select(0, ids))
        elif of_seeds is not None and name in of_seeds:
            parts.append(of_seeds[name])
        else:
            raise ValueError(f"seed_time must be given for the seeds {name!r}, which have no node_time.")
    return node_time, edge_time, torch.cat(parts) if parts else None


def _subgraph(rowptr: Tensor, col: Tensor, nodes: Tensor, return_edge_id: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    num_rows = _offsets_end(rowptr, col)
    _check_columns(col, num_rows)
    relation = Relation(_wide(rowptr), col.contiguous(), None, None, None, None, [])
    neighbor, expanded, edge = induced_edges(_checked_seeds(nodes, num_rows), None, None, relation)
    offsets = torch.zeros(len(nodes) + 1, dtype=rowptr.dtype)
    torch.cumsum(torch.bincount(expanded, minlength=len(nodes)), 0, out=offsets[1:])
    return offsets, neighbor.to(col.dtype), edge.to(col.dtype) if return_edge_id else None


def _random_walk(rowptr: Tensor, col: Tensor, seed: Tensor, walk_length: int, p: float, q: float) -> Tensor:
    num_rows = _offsets_end(rowptr, col)
    start = _checked_seeds(seed, num_rows).numpy()
    _check_columns(col, num_rows)
    graph = _once("graph", partial(_graph, rowptr, col), rowptr, col)
    sampler = WalkSampler(graph, walk_length=walk_length + 1, p=p, q=q, start=start, seed=_fresh_seed())
    walks = torch.from_numpy(sampler.sample(0, len(start))).long()
    ended = walks < 0  # after a dead end, stay
    if bool(ended.any()):
        last = walks.gather(1, (~ended).sum(1, keepdim=True) - 1)
        walks = torch.where(ended, last, walks)
    return walks.to(seed.dtype)


def _graph(rowptr: Tensor, col: Tensor) -> Graph:
    """Copy of the rows: a view of a tensor would keep it alive, and with it this result. A repeated entry counts."""
    num_rows = len(rowptr) - 1
    keys = torch.repeat_interleave(torch.arange(num_rows), rowptr.long().diff(), output_size=len(col)) * num_rows + col
    if bool((keys[1:] > keys[:-1]).all()):
        return Graph(rowptr.numpy().copy(), col.numpy().copy(), directed=True)
    keys, counts = torch.unique(keys, return_counts=True)
    offsets = torch.searchsorted(keys, torch.arange(num_rows + 1) * num_rows)
    weights = counts.float().numpy() if bool((counts > 1).any()) else None
    return Graph(offsets.numpy(), (keys % max(num_rows, 1)).numpy(), weights, directed=True)


def _metis(
    rowptr: Tensor,
    col: Tensor,
    num_partitions: int,
    node_weight: Tensor | None = None,
    edge_weight: Tensor | None = None,
    recursive: bool = False,
) -> Tensor:
    if importlib.util.find_spec("pymetis") is None:
        raise ModuleNotFoundError("metis needs the package pymetis: pip install pymetis.")
    import pymetis

    num_rows = _offsets_end(rowptr, col)
    if num_partitions < 1:
        raise ValueError(f"num_partitions must be at least 1, got {num_partitions}.")
    if num_partitions == 1 or not len(col):  # METIS expects edges
        return (torch.arange(num_rows) * num_partitions // max(num_rows, 1)).to(rowptr.dtype)
    _check_columns(col, num_rows)
    adjacency = pymetis.CSRAdjacency(rowptr.long().numpy(), col.long().numpy())
    weights = [None if weight is None else weight.long().numpy() for weight in (node_weight, edge_weight)]
    found = pymetis.part_graph(num_partitions, adjacency, vweights=weights[0], eweights=weights[1], recursive=recursive)
    return torch.from_numpy(np.asarray(found.vertex_part, dtype=np.int64)).to(rowptr.dtype)


def _segment_matmul(input: Tensor, ptr: Tensor, other: Tensor) -> Tensor:  # noqa: A002
    if input.dim() != 2 or ptr.dim() != 1 or other.dim() != 3 or other.shape[1] != input.shape[1]:
        raise ValueError(
            "segment_matmul needs input of shape (n, k), ptr of shape (t + 1,) and other of shape (t, k, m), "
            f"got {tuple(input.shape)}, {tuple(ptr.shape)} and {tuple(other.shape)}."
        )
    if len(ptr) != len(other) + 1:
        raise ValueError(f"ptr must have {len(other) + 1} entries for {len(other)} matrices, got {len(ptr)}.")
    bounds = ptr.tolist()
    if bounds[0] != 0 or bounds[-1] != len(input):
        raise ValueError(f"ptr must go from 0 to {len(input)}, got {bounds[0]} … {bounds[-1]}.")
    sizes = [end - start for start, end in itertools.pairwise(bounds)]
    if not sizes:
        return input.new_zeros(0, other.shape[2])
    return torch.cat([part @ matrix for part, matrix in zip(torch.split(input, sizes), other, strict=True)])


def _grouped_matmul(input: Sequence[Tensor], other: Sequence[Tensor]) -> list[Tensor]:  # noqa: A002
    if len(input) != len(other):
        raise ValueError(f"grouped_matmul needs one matrix per input, got {len(input)} inputs and {len(other)}.")
    return [part @ matrix for part, matrix in zip(input, other, strict=True)]


def _segment_matmul_with_bias(inputs: Tensor, ptr: Tensor, other: Tensor, bias: Optional[Tensor] = None) -> Tensor:
    out: Tensor = torch.ops.pyg.segment_matmul(inputs, ptr, other)
    if bias is not None:
        out = out + bias.repeat_interleave((ptr[1:] - ptr[:-1]).to(bias.device), 0)
    return out


def _grouped_matmul_with_biases(
    inputs: List[Tensor], others: List[Tensor], biases: Optional[List[Tensor]] = None
) -> List[Tensor]:
    outs: List[Tensor] = torch.ops.pyg.grouped_matmul(inputs, others)
    if biases is not None:
        outs = [out + bias for out, bias in zip(outs, biases)]
    return outs


_IMPLEMENTATIONS: dict[str, Callable[..., Any]] = {
    "neighbor_sample": _neighbor_sample,
    "hetero_neighbor_sample": _hetero_neighbor_sample,
    "subgraph": _subgraph,
    "random_walk": _random_walk,
    "metis": _metis,
    "segment_matmul": _segment_matmul,
    "grouped_matmul": _grouped_matmul,
}
# Dispatch sees no tensor inside dictionaries; products are differentiable compositions on any device.
_KEYS = {
    "hetero_neighbor_sample": "BackendSelect",
    "segment_matmul": "CompositeImplicitAutograd",
    "grouped_matmul": "CompositeImplicitAutograd",
}


def _fresh_seed() -> int:
    return int(torch.randint(2**63 - 1, (), dtype=torch.int64))


def _checked_seeds(seeds: Tensor | None, num_rows: int | None) -> Tensor:
    if seeds is None:
        return torch.zeros(0, dtype=torch.int64)
    if seeds.dim() != 1 or seeds.dtype not in (torch.int32, torch.int64):
        raise TypeError(f"seeds must be one-dimensional int32 or int64, got {seeds.dtype} of {tuple(seeds.shape)}.")
    low, high = _range(seeds)
    if low < 0 or (num_rows is not None and high >= num_rows):
        raise IndexError(f"seeds must lie in [0, {num_rows}), got {low} … {high}.")
    return seeds.long().contiguous()


def _range(ids: Tensor) -> tuple[int, int]:
    return (int(ids.min()), int(ids.max())) if ids.numel() else (0, -1)


def _as_float(weight: Tensor) -> Tensor:
    weight = weight.detach().contiguous()
    return weight if weight.dtype in (torch.float32, torch.float64) else weight.double()


def _check_columns(col: Tensor, num_rows: int | None) -> int:
    """Largest column, after a check; nodes that no relation expands are not counted anywhere."""
    low, high = _range_of(col)
    if low < 0 or (num_rows is not None and high >= num_rows):
        raise IndexError(f"col must lie in [0, {num_rows}), got {low} … {high}.")
    return high


def _range_of(col: Tensor) -> tuple[int, int]:
    return _once("range", partial(_range, col), col)


def _wide(rowptr: Tensor) -> Tensor:
    return rowptr.contiguous() if rowptr.dtype is torch.int64 else _once("long", rowptr.long, rowptr)


def _offsets_end(rowptr: Tensor, col: Tensor) -> int:
    """Number of rows, after a check of the offsets."""
    for name, part in (("rowptr", rowptr), ("col", col)):
        if part.dim() != 1 or part.dtype not in (torch.int32, torch.int64) or part.device.type != "cpu":
            raise TypeError(f"{name} must be a one-dimensional int32 or int64 tensor on the CPU, got {part.dtype}.")

    def ascends() -> bool:
        return bool(len(rowptr)) and int(rowptr[0]) == 0 and not bool((rowptr[1:] < rowptr[:-1]).any())

    if not _once("ascends", ascends, rowptr) or int(rowptr[-1]) != len(col):
        raise ValueError(f"rowptr must ascend from 0 to the length of col, {len(col)}.")
    return len(rowptr) - 1


def _check_order(rowptr: Tensor, col: Tensor, node_time: Tensor | None, edge_time: Tensor | None) -> None:
    def ascends() -> bool:
        times = edge_time if node_time is None else node_time.index_select(0, col)
        assert times is not None
        falls = times[1:] < times[:-1]
        starts = rowptr[1:-1].long()
        falls[starts[(starts > 0) & (starts < len(col))] - 1] = False
        return not bool(falls.any())

    time = edge_time if node_time is None else node_time
    assert time is not None
    if not _once("order", ascends, rowptr, col, time):
        raise RuntimeError("Found invalid non-sorted temporal neighborhood: every row of col must ascend by time.")


# Results of checks, so that a batch does not cost a pass over the graph.
_KNOWN: Any = WeakIdKeyDictionary()


def _once(kind: str, compute: Callable[[], T], *tensors: Tensor) -> T:
    """Compute something about tensors, again only if one is another or was modified."""
    try:
        versions = [tensor._version for tensor in tensors]
    except RuntimeError:  # inference tensors have none
        return compute()
    known = _KNOWN.setdefault(tensors[-1], {})
    if kind in known:
        refs, old, value = known[kind]
        if old == versions and all(ref() is tensor for ref, tensor in zip(refs, tensors, strict=True)):
            return value  # type: ignore[no-any-return]
    value = compute()
    known[kind] = [TensorWeakRef(tensor) for tensor in tensors], versions, value
    return value
