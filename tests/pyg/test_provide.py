from __future__ import annotations

import copy
import gc
import itertools
import pickle
import subprocess
import sys
import types
import weakref
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

import graphrep as gr

pyg = pytest.importorskip("torch_geometric")

from torch_geometric.data import Data, HeteroData  # noqa: E402
from torch_geometric.loader import ClusterData, LinkNeighborLoader, NeighborLoader  # noqa: E402
from torch_geometric.nn import HeteroLinear, Node2Vec  # noqa: E402
from torch_geometric.sampler import NeighborSampler  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def provided():
    lent = gr.pyg.provide()
    yield lent
    lent.withdraw()


def ring(num_nodes=6):
    nodes = torch.arange(num_nodes)
    return Data(num_nodes=num_nodes, edge_index=torch.stack([nodes, (nodes + 1) % num_nodes]))


def random_csr(num_rows, num_entries, seed=0, dtype=torch.int64, num_cols=None):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(num_rows, (num_entries,), generator=generator).sort().values
    col = torch.randint(num_cols or num_rows, (num_entries,), generator=generator)
    rowptr = torch.cat([torch.zeros(1, dtype=torch.int64), torch.bincount(rows, minlength=num_rows).cumsum(0)])
    return rowptr.to(dtype), col.to(dtype)


def chi_square(counts, probabilities):
    trials = sum(counts.values())
    assert set(counts) <= set(probabilities)
    return stats.chisquare([counts[key] for key in probabilities], [p * trials for p in probabilities.values()]).pvalue


def test_torch_geometric_finds_the_operators_and_loses_them_again(provided):
    assert gr.pyg.provide() is provided
    assert next(iter(NeighborLoader(ring(), [1, 1], input_nodes=torch.tensor([3])))).n_id.tolist() == [3, 2, 1]
    walks = Node2Vec(ring().edge_index, 4, walk_length=4, context_size=4).pos_sample(torch.tensor([5]))
    assert walks.tolist() == [[5, 0, 1, 2]]
    provided.withdraw()
    provided.withdraw()
    assert not pyg.typing.WITH_PYG_LIB
    with pytest.raises(ImportError, match="requires 'pyg-lib"):
        Node2Vec(ring().edge_index, 4, walk_length=4, context_size=4)
    with pytest.warns(UserWarning, match="pyg-lib"):
        loader = NeighborLoader(ring(), [1])
    with pytest.raises(ImportError, match="requires either 'pyg-lib'"):
        next(iter(loader))
    assert gr.pyg.provide() is not provided
    assert next(iter(loader)).n_id.tolist() == [0, 5]
    gr.pyg.provide().withdraw()


def test_it_may_be_called_before_torch_geometric_is_imported():
    code = """
import warnings
warnings.filterwarnings("ignore", category=DeprecationWarning)
import torch, graphrep as gr
gr.pyg.provide()
from torch_geometric.data import Data
from torch_geometric.nn import Node2Vec
model = Node2Vec(torch.tensor([[0, 1], [1, 0]]), 4, walk_length=3, context_size=3)
print(model.pos_sample(torch.tensor([1])).tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[[1, 0, 1]]"


def test_it_refuses_to_replace_another(provided, monkeypatch):
    provided.withdraw()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyg_lib", types.ModuleType("pyg_lib"))
        with pytest.raises(RuntimeError, match="pyg-lib is installed"):
            gr.pyg.provide()
    other = torch.library.Library("pyg", "FRAGMENT")
    other.define("some_operator(Tensor x) -> Tensor")
    with pytest.raises(RuntimeError, match=r"defined by another library already: pyg::some_operator"):
        gr.pyg.provide()
    other._destroy()
    assert not pyg.typing.WITH_PYG_LIB


def neighbor_sample(rowptr, col, seed, fanouts, **options):
    return torch.ops.pyg.neighbor_sample(rowptr, col, torch.as_tensor(seed, dtype=col.dtype), fanouts, **options)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
@pytest.mark.parametrize("csc", [False, True])
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("disjoint", [False, True])
def test_a_sample_has_the_form_of_pyg_libs(dtype, csc, replace, disjoint):
    rowptr, col = random_csr(40, 300, dtype=dtype)
    options = {"csc": csc, "replace": replace, "disjoint": disjoint}
    row, column, node, edge, nodes, edges = neighbor_sample(rowptr, col, [5, 9, 30], [4, 3], **options)
    assert {part.dtype for part in (row, column, node, edge)} == {dtype}
    neighbor, expanded = (row, column) if csc else (column, row)
    if disjoint:
        example, node = node.t()
        assert example[:3].tolist() == [0, 1, 2]
        assert torch.equal(example[neighbor], example[expanded])
    assert node[:3].tolist() == [5, 9, 30]
    assert torch.equal(col[edge], node[neighbor])
    assert bool((rowptr[node[expanded]] <= edge).all() and (edge < rowptr[node[expanded] + 1]).all())
    assert (len(nodes), len(edges), sum(nodes), sum(edges)) == (3, 2, len(node), len(row))
    assert neighbor_sample(rowptr, col, [5], [4], return_edge_id=False)[3] is None


def test_samples_follow_the_global_generator_and_no_threads():
    rowptr, col = random_csr(5000, 60000)
    drawn = []
    for seed, threads in ((1, 1), (1, 2), (1, 5), (2, 1)):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        drawn.append(neighbor_sample(rowptr, col, torch.arange(4000), [5, 5])[3])
        torch.set_num_threads(before)
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[3])
    assert not torch.equal(neighbor_sample(rowptr, col, [1], [-1, 3])[3], neighbor_sample(rowptr, col, [1], [-1, 3])[3])


def test_probabilities():
    rowptr, col = torch.tensor([0, 4, 4, 4, 4, 4]), torch.arange(1, 5)
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0])
    time = torch.tensor([1, 1, 2, 3])
    torch.manual_seed(3)
    plain, weighted, timed = Counter(), Counter(), Counter()
    for _ in range(3000):
        plain[tuple(sorted(neighbor_sample(rowptr, col, [0], [2])[3].tolist()))] += 1
        weighted[int(neighbor_sample(rowptr, col, [0], [1], edge_weight=weight)[3])] += 1
        options = {"edge_time": time, "seed_time": torch.tensor([2]), "disjoint": True}
        timed[int(neighbor_sample(rowptr, col, [0], [1], **options)[3])] += 1
    assert chi_square(plain, dict.fromkeys(itertools.combinations(range(4), 2), 1 / 6)) > 1e-4
    assert chi_square(weighted, {i: (i + 1) / 10 for i in range(4)}) > 1e-4
    assert chi_square(timed, dict.fromkeys(range(3), 1 / 3)) > 1e-4


@pytest.mark.parametrize("strategy", ["uniform", "last"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_no_edge_is_later_than_its_seed(strategy, dtype):
    generator = torch.Generator().manual_seed(1)
    data = Data(num_nodes=50, edge_index=torch.randint(50, (2, 600), generator=generator))
    data.time = torch.randint(20, (600,), generator=generator).to(dtype)
    seed_time = torch.randint(20, (50,), generator=generator).to(dtype)
    options = {"input_time": seed_time, "time_attr": "time", "temporal_strategy": strategy, "batch_size": 50}
    batch = next(iter(NeighborLoader(data, [3, 2], **options)))
    times = data.time[batch.e_id]
    assert bool((times <= seed_time[batch.batch[batch.edge_index[1]]]).all())
    for seed in range(50):
        allowed = data.time[(data.edge_index[1] == seed) & (data.time <= seed_time[seed])].sort().values
        drawn = times[batch.edge_index[1] == seed].sort().values
        assert len(drawn) == min(3, len(allowed))
        if strategy == "last":
            assert torch.equal(drawn, allowed[len(allowed) - len(drawn) :])


def test_node_times_are_those_of_the_seeds_by_default():
    data = ring()
    data.time = torch.tensor([3, 1, 2, 5, 4, 6])
    batch = next(iter(NeighborLoader(data, [-1, -1], time_attr="time", batch_size=6)))
    # The in-neighbor of v is v - 1; it is allowed only if it is not later.
    assert batch.num_sampled_nodes == [6, 3, 2]
    assert list(zip(batch.batch[6:].tolist(), batch.n_id[6:].tolist(), strict=True)) == [
        (2, 1),
        (3, 2),
        (5, 4),
        (3, 1),
        (5, 3),
    ]


def hetero(seed=0):
    generator = torch.Generator().manual_seed(seed)
    data = HeteroData()
    data["a"].num_nodes, data["b"].num_nodes = 30, 20
    for source, target in (("a", "a"), ("a", "b"), ("b", "a")):
        ends = [torch.randint(data[kind].num_nodes, (150,), generator=generator) for kind in (source, target)]
        data[source, f"{source}{target}", target].edge_index = torch.stack(ends)
    return data


def test_heterogeneous_neighborhoods():
    data = hetero()
    batch = next(iter(NeighborLoader(data, [-1, -1], input_nodes=("a", torch.tensor([3, 7])), batch_size=2)))
    near = {"a": {3, 7}, "b": set()}
    frontier = copy.deepcopy(near)
    for _ in range(2):
        found = {"a": set(), "b": set()}
        for (source, _, target), edges in data.edge_index_dict.items():
            hit = torch.isin(edges[1], torch.tensor(sorted(frontier[target]), dtype=torch.int64))
            found[source] |= set(edges[0, hit].tolist())
        frontier = {kind: found[kind] - near[kind] for kind in near}
        near = {kind: near[kind] | found[kind] for kind in near}
    for kind in near:
        assert set(batch[kind].n_id.tolist()) == near[kind]
        assert sum(batch[kind].num_sampled_nodes) == len(near[kind])
    for kind, edges in batch.edge_index_dict.items():
        whole = data[kind].edge_index[:, batch[kind].e_id]
        assert torch.equal(batch[kind[0]].n_id[edges[0]], whole[0])
        assert torch.equal(batch[kind[2]].n_id[edges[1]], whole[1])


def test_one_type_as_a_heterogeneous_graph_gives_the_same_sample():
    rowptr, col = random_csr(40, 300)
    torch.manual_seed(4)
    plain = neighbor_sample(rowptr, col, [5, 9], [3, 2])
    torch.manual_seed(4)
    kind = "v__to__v"
    args = ["v"], [("v", "to", "v")], {kind: rowptr}, {kind: col}, {"v": torch.tensor([5, 9])}, {kind: [3, 2]}
    typed = torch.ops.pyg.hetero_neighbor_sample(*args)
    for i, part in enumerate(plain):
        key = "v" if i in (2, 4) else kind
        assert torch.equal(part, typed[i][key]) if isinstance(part, torch.Tensor) else part == typed[i][key]


@pytest.mark.parametrize("neg_sampling", ["binary", "triplet"])
@pytest.mark.parametrize("disjoint", [False, True])
def test_links(neg_sampling, disjoint):
    data = Data(num_nodes=30, edge_index=torch.randint(30, (2, 200)))
    loader = LinkNeighborLoader(data, [3, 2], neg_sampling=neg_sampling, disjoint=disjoint, batch_size=20)
    batch = next(iter(loader))
    if neg_sampling == "binary":
        found = batch.n_id[batch.edge_label_index[:, :20]]
    else:
        found = batch.n_id[torch.stack([batch.src_index, batch.dst_pos_index])]
    assert torch.equal(found, data.edge_index[:, batch.input_id])


def test_the_subgraph_of_some_nodes():
    rowptr, col = random_csr(20, 120, dtype=torch.int32)
    nodes = torch.tensor([7, 2, 11], dtype=torch.int32)
    offsets, column, edge = torch.ops.pyg.subgraph(rowptr, col, nodes, True)
    rows = torch.repeat_interleave(torch.arange(3), offsets.diff().long())
    expected = {e for v in nodes.tolist() for e in range(rowptr[v], rowptr[v + 1]) if int(col[e]) in nodes.tolist()}
    assert set(edge.tolist()) == expected
    assert torch.equal(nodes[column], col[edge])
    assert all(rowptr[nodes[r]] <= e < rowptr[nodes[r] + 1] for r, e in zip(rows, edge, strict=True))


def test_walks_of_second_order():
    """A triangle 0 1 2 with a tail 1 - 3: from 0 to 1, the next is 0, 2 or 3 with weights 1/p, 1, 1/q."""
    edges = torch.tensor([[0, 1], [0, 2], [1, 0], [1, 2], [1, 3], [2, 0], [2, 1], [3, 1]])
    rowptr, col = torch.tensor([0, 2, 5, 7, 8]), edges[:, 1].contiguous()
    torch.manual_seed(0)
    walks = torch.ops.pyg.random_walk(rowptr, col, torch.zeros(12000, dtype=torch.int64), 2, 0.5, 4.0)
    assert walks.shape == (12000, 3)
    counts = Counter(walks[walks[:, 1] == 1, 2].tolist())
    assert chi_square(counts, {0: 2 / 3.25, 2: 1 / 3.25, 3: 0.25 / 3.25}) > 1e-4
    torch.manual_seed(0)
    assert torch.equal(walks, torch.ops.pyg.random_walk(rowptr, col, walks[:, 0], 2, 0.5, 4.0))


def test_a_repeated_entry_is_walked_more_often():
    rowptr, col = torch.tensor([0, 4, 4, 4]), torch.tensor([2, 1, 2, 2])
    torch.manual_seed(0)
    walks = torch.ops.pyg.random_walk(rowptr, col, torch.zeros(4000, dtype=torch.int64), 1, 1.0, 1.0)
    assert chi_square(Counter(walks[:, 1].tolist()), {1: 0.25, 2: 0.75}) > 1e-4


def test_walks_stay_at_a_dead_end():
    rowptr, col = torch.tensor([0, 1, 2, 2], dtype=torch.int32), torch.tensor([1, 2], dtype=torch.int32)
    walks = torch.ops.pyg.random_walk(rowptr, col, torch.tensor([0, 2], dtype=torch.int32), 4, 1.0, 1.0)
    assert walks.dtype == torch.int32
    assert walks.tolist() == [[0, 1, 2, 2, 2], [2, 2, 2, 2, 2]]


def test_partitions():
    clique = torch.tensor(list(itertools.permutations(range(5), 2))).t()
    edge_index = torch.cat([clique, clique + 5, torch.tensor([[0, 5], [5, 0]])], 1)
    parts = ClusterData(Data(num_nodes=10, edge_index=edge_index), num_parts=2, log=False)
    assert {frozenset(parts.partition.node_perm[5 * i : 5 * i + 5].tolist()) for i in range(2)} == {
        frozenset(range(5)),
        frozenset(range(5, 10)),
    }
    rowptr, col = torch.tensor([0, 0, 0, 0]), torch.tensor([], dtype=torch.int64)
    assert torch.ops.pyg.metis(rowptr, col, 3).tolist() == [0, 1, 2]


def test_products_by_type():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(7, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    weight = torch.randn(3, 3, 2, dtype=torch.float64, generator=generator, requires_grad=True)
    ptr = torch.tensor([0, 4, 4, 7])
    out = torch.ops.pyg.segment_matmul(x, ptr, weight)
    torch.testing.assert_close(out, torch.cat([x[:4] @ weight[0], x[4:] @ weight[2]]))
    assert torch.autograd.gradcheck(lambda a, b: torch.ops.pyg.segment_matmul(a, ptr, b), (x, weight))
    bias = torch.randn(3, 2, dtype=torch.float64, generator=generator)
    torch.testing.assert_close(
        pyg.typing.pyg_lib.ops.segment_matmul(x, ptr, weight, bias), out + bias[torch.tensor([0, 0, 0, 0, 2, 2, 2])]
    )
    outs = pyg.typing.pyg_lib.ops.grouped_matmul([x, x[:2]], [weight[0], weight[1]], [bias[0], bias[1]])
    torch.testing.assert_close(outs[0], x @ weight[0] + bias[0])
    torch.testing.assert_close(outs[1], x[:2] @ weight[1] + bias[1])
    layer, kind = HeteroLinear(3, 2, num_types=3), torch.tensor([2, 0, 1, 1, 0, 2, 2])
    expected = torch.stack([x.float()[i] @ layer.weight[k] + layer.bias[k] for i, k in enumerate(kind)])
    for fused in (True, False):
        pyg.backend.use_segment_matmul = fused
        torch.testing.assert_close(layer(x.float(), kind), expected)
    pyg.backend.use_segment_matmul = None


def test_checks_are_repeated_when_a_tensor_changes_and_keep_nothing_alive():
    rowptr, col = random_csr(10, 50)
    time = torch.arange(50)
    options = {"disjoint": True, "edge_time": time, "seed_time": torch.tensor([9])}
    neighbor_sample(rowptr, col, [0], [2], **options, edge_weight=torch.rand(50))
    torch.ops.pyg.random_walk(rowptr, col, torch.tensor([0]), 2, 1.0, 1.0)
    time[:2] = torch.tensor([7, 3])
    with pytest.raises(RuntimeError, match="non-sorted temporal neighborhood"):
        neighbor_sample(rowptr, col, [0], [2], **options)
    col[3] = 10
    with pytest.raises(IndexError, match=r"col must lie in \[0, 10\), got 0 … 10"):
        neighbor_sample(rowptr, col, [0], [2])
    refs = [weakref.ref(part.untyped_storage()) for part in (rowptr, col, time)]
    addresses = [weakref.ref(part) for part in (rowptr, col, time)]
    del rowptr, col, time, options
    gc.collect()
    assert [ref() for ref in refs + addresses] == [None] * 6


def test_unusable_input_is_refused():
    rowptr, col = random_csr(10, 50)
    time = {"disjoint": True, "edge_time": torch.arange(50)}
    sample = torch.ops.pyg.neighbor_sample
    seed = torch.tensor([0])

    def typed(column, seeds):
        key = "a__to__b"
        return torch.ops.pyg.hetero_neighbor_sample(
            ["a", "b"],
            [("a", "to", "b")],
            {key: torch.tensor([0, 0, 1])},
            {key: column},
            seeds,
            {key: [1]},
            csc=True,
            disjoint=True,
        )

    for call, error, message in (
        (lambda: sample(rowptr, col, torch.tensor([10]), [1]), IndexError, r"seeds must lie in \[0, 10\), got 10"),
        (lambda: sample(rowptr, col, torch.tensor([0.5]), [1]), TypeError, "seeds must be one-dimensional int32"),
        (lambda: sample(rowptr[:-1], col, seed, [1]), ValueError, "rowptr must ascend from 0 to the length of col"),
        (lambda: sample(rowptr.flip(0), col, seed, [1]), ValueError, "rowptr must ascend"),
        (lambda: sample(rowptr, col.float(), seed, [1]), TypeError, "col must be a one-dimensional int32 or int64"),
        (lambda: sample(rowptr, col, seed, [-2]), ValueError, "num_neighbors must hold 1 numbers of at least -1"),
        (lambda: sample(rowptr, col, seed, [1], directed=False), NotImplementedError, "directed must be True"),
        (lambda: sample(rowptr, col, seed, [1], temporal_strategy="x"), ValueError, "'uniform' or 'last', got 'x'"),
        (lambda: sample(rowptr, col, seed, [1], edge_time=time["edge_time"]), ValueError, "disjoint must be True"),
        (lambda: sample(rowptr, col, seed, [1], **time), ValueError, "seed_time must be given with edge_time"),
        (lambda: sample(rowptr, col, seed, [1], **time, seed_time=torch.zeros(2).long()), ValueError, "one time per"),
        (lambda: sample(rowptr, col, seed, [1], edge_weight=torch.ones(3)), ValueError, "edge_weight must have shape"),
        (lambda: sample(rowptr, col, seed, [1], edge_weight=-torch.ones(50)), ValueError, "finite and non-negative"),
        (lambda: torch.ops.pyg.segment_matmul(torch.ones(3, 2), rowptr, torch.ones(1, 2, 2)), ValueError, "2 entries"),
        (lambda: torch.ops.pyg.segment_matmul(torch.ones(3, 2), rowptr[:2], torch.ones(1, 3, 2)), ValueError, "shape"),
        (lambda: typed(torch.tensor([2**62]), {"b": torch.tensor([1])}), ValueError, "smaller for disjoint samples"),
        (lambda: torch.ops.pyg.metis(rowptr, col, 0), ValueError, "num_partitions must be at least 1"),
    ):
        with pytest.raises(error, match=message):
            call()


def test_a_sampler_brings_the_operators_along(provided):
    sampler = NeighborSampler(ring(), [1])
    packed = pickle.dumps(sampler)
    provided.withdraw()
    again = pickle.loads(packed)
    assert pyg.typing.WITH_PYG_LIB
    assert torch.equal(again.colptr, sampler.colptr)
    gr.pyg.provide().withdraw()
    assert np.array_equal(copy.copy(sampler).row, sampler.row)
