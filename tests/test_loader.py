from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch

import graphrep as gr
from graphrep.loader import LinkNeighborLoader, NeighborLoader

pyg_data = pytest.importorskip("torch_geometric.data")


def make_data(num_nodes=60, num_edges=400, seed=0):
    generator = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(num_nodes, (2, num_edges), generator=generator)
    return pyg_data.Data(
        x=torch.randn(num_nodes, 5, generator=generator),
        y=torch.arange(num_nodes),
        edge_index=edge_index,
        edge_attr=torch.arange(num_edges),
        edge_weight=torch.rand(num_edges, generator=generator) + 0.1,
        train_mask=torch.arange(num_nodes) % 3 == 0,
        name="a graph",
    )


def assert_matches(batch, data):
    """Whatever was drawn, a batch is a part of the data."""
    assert type(batch) is type(data)
    assert batch.num_nodes == len(batch.n_id) == sum(batch.num_sampled_nodes)
    assert batch.num_edges == len(batch.e_id) == sum(batch.num_sampled_edges)
    assert torch.equal(batch.n_id[batch.edge_index], data.edge_index[:, batch.e_id])
    assert torch.equal(batch.x, data.x[batch.n_id])
    assert torch.equal(batch.y, data.y[batch.n_id])
    assert torch.equal(batch.train_mask, data.train_mask[batch.n_id])
    assert torch.equal(batch.edge_attr, data.edge_attr[batch.e_id])
    assert batch.name == "a graph"
    assert batch.validate()


def same(first, second):
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) if isinstance(value, torch.Tensor) else value == second[name]
        for name, value in first.to_dict().items()
    )


def same_batches(first, second):
    return len(first) == len(second) and all(same(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("input_nodes", [None, "list", "mask"])
@pytest.mark.parametrize("weight_attr", [None, "edge_weight"])
def test_batches_of_nodes(input_nodes, weight_attr):
    data = make_data()
    nodes = {None: torch.arange(60), "list": torch.tensor([7, 3, 50, 3, 9]), "mask": data.train_mask.nonzero().view(-1)}
    given = {None: None, "list": nodes["list"].tolist(), "mask": data.train_mask}[input_nodes]
    loader = NeighborLoader(data, [3, 2], given, batch_size=4, weight_attr=weight_attr, random_state=0)
    expected = nodes[input_nodes]
    assert (len(loader), loader.batch_size) == (-(-len(expected) // 4), 4)
    batches = list(loader)
    assert len(batches) == len(loader)
    for i, batch in enumerate(batches):
        seeds = expected[4 * i : 4 * i + 4]
        assert_matches(batch, data)
        assert batch.batch_size == len(seeds)
        assert torch.equal(batch.n_id[: len(seeds)], seeds)
        assert torch.equal(batch.input_id, seeds if input_nodes == "mask" else torch.arange(4 * i, 4 * i + len(seeds)))
        assert len(batch.num_sampled_edges) == 2
    assert torch.bincount(batch.edge_index[1]).max() <= 3


def test_what_is_computed_on_a_full_neighbourhood_is_what_is_computed_on_the_graph():
    """Two layers of mean aggregation: seeds see all that they see in the whole graph."""
    data = make_data()

    def two_layers(x, edge_index):
        adj = gr.ops.Adjacency.from_edge_index(edge_index, num_nodes=len(x))
        return gr.ops.spmm(adj, gr.ops.spmm(adj, x, "mean"), "mean")

    whole = two_layers(data.x, data.edge_index)
    for batch in NeighborLoader(data, [-1, -1], batch_size=7, random_state=0):
        out = two_layers(batch.x, batch.edge_index)[: batch.batch_size]
        torch.testing.assert_close(out, whole[batch.input_id])


@pytest.mark.parametrize("make", ["nodes", "links"])
def test_batches_are_a_function_of_seed_and_epoch(make):
    data = make_data()

    def loader(seed, **options):
        if make == "nodes":
            return NeighborLoader(data, [2, 2], batch_size=16, shuffle=True, random_state=seed, **options)
        options["neg_sampling"] = "binary"
        return LinkNeighborLoader(data, [2, 2], batch_size=100, shuffle=True, random_state=seed, **options)

    one = loader(1)
    first, second = list(one), list(one)
    assert one.epoch == 2
    assert not same_batches(first, second)
    again = loader(1)
    again.epoch = 1
    assert same_batches(list(again), second)
    assert not same_batches(list(loader(2)), first)
    assert same_batches(list(loader(np.random.default_rng(3))), list(loader(np.random.default_rng(3))))
    torch.manual_seed(5)
    fresh = list(loader(None))
    torch.manual_seed(5)
    assert not same_batches(list(loader(None)), fresh)


@pytest.mark.parametrize("world_size", [2, 3, 7])
@pytest.mark.parametrize("shuffle", [True, False])
def test_ranks_share_the_batches_of_one_process(world_size, shuffle):
    def loader(**options):
        if shuffle:
            return NeighborLoader(make_data(), [2, 2], batch_size=16, shuffle=True, **options)
        return LinkNeighborLoader(make_data(), [2], batch_size=50, neg_sampling="binary", **options)

    whole, parts = loader(), [loader(rank=rank, world_size=world_size) for rank in range(world_size)]
    for _ in range(2):
        expected, found = list(whole), [list(part) for part in parts]
        rounds = -(-len(expected) // world_size)
        assert {len(part) for part in parts} == {len(batches) for batches in found} == {rounds}
        in_turn = [found[i % world_size][i // world_size] for i in range(rounds * world_size)]
        assert same_batches(in_turn[: len(expected)], expected)
        assert same_batches(in_turn[len(expected) :], [*expected, *expected][: len(in_turn) - len(expected)])
    complete = list(loader(drop_last=True))
    found = [list(loader(rank=rank, world_size=world_size, drop_last=True)) for rank in range(world_size)]
    assert {len(batches) for batches in found} == {len(complete) // world_size}
    in_turn = [batch for batches in zip(*found, strict=True) for batch in batches]
    assert same_batches(in_turn, complete[: len(in_turn)])


def test_ranks_need_a_common_order():
    with pytest.raises(ValueError, match="random_state must be an integer, the same for all ranks, if world_size is"):
        NeighborLoader(make_data(), [1], world_size=2, random_state=None)
    with pytest.raises(ValueError, match="sampler must be None if world_size is above 1"):
        NeighborLoader(make_data(), [1], world_size=2, sampler=range(3))
    with pytest.raises(ValueError, match="rank must"):
        NeighborLoader(make_data(), [1], world_size=2, rank=2)


def test_the_default_seed_is_zero():
    data = make_data()
    default, zero = (NeighborLoader(data, [1], shuffle=True, **options) for options in ({}, {"random_state": 0}))
    assert same_batches(list(default), list(zero))


def test_samples_differ_between_epochs_that_are_not_shuffled():
    loader = NeighborLoader(make_data(), [1], batch_size=60, random_state=0)
    first, second = (batch for _ in range(2) for batch in loader)
    assert first.e_id.tolist() != second.e_id.tolist()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # a machine of one core
@pytest.mark.parametrize(("start", "filter_per_worker"), [("fork", True), ("fork", False), ("spawn", True)])
def test_workers_change_nothing(start, filter_per_worker):
    data = make_data()
    options = {"batch_size": 9, "shuffle": True, "random_state": 4, "filter_per_worker": filter_per_worker}
    count = 2 if start == "fork" else 1  # a spawned one takes seconds to import torch
    workers = {"num_workers": count, "multiprocessing_context": start, "persistent_workers": True}
    alone, helped = NeighborLoader(data, [3, 2], **options), NeighborLoader(data, [3, 2], **options, **workers)
    for _ in range(2):
        assert same_batches(list(alone), list(helped))
    if start == "fork":
        links = {"neg_sampling": "triplet", "batch_size": 90, "random_state": 4}
        alone = LinkNeighborLoader(data, [2], **links)
        assert same_batches(list(alone), list(LinkNeighborLoader(data, [2], **links, **workers)))


def test_drop_last_sampler_and_transform():
    data = make_data()
    assert [b.batch_size for b in NeighborLoader(data, [1], batch_size=25, drop_last=True, random_state=0)] == [25, 25]
    order = torch.utils.data.SubsetRandomSampler([5, 8, 2])
    loader = NeighborLoader(data, [1], batch_size=2, sampler=order, random_state=0, transform=lambda batch: batch.n_id)
    seeds = [node for n_id, k in zip(loader, (2, 1), strict=True) for node in n_id[:k].tolist()]
    assert len(loader) == 2
    assert sorted(seeds) == [2, 5, 8]
    assert NeighborLoader(data, [1], [4, 9], random_state=0)([1]).n_id[0] == 9


@pytest.mark.parametrize("with_labels", [False, True])
@pytest.mark.parametrize("ratio", [None, 0.5, 2.0])
def test_batches_of_links(with_labels, ratio):
    data = make_data()
    links = torch.randint(60, (2, 50), generator=torch.Generator().manual_seed(3))
    labels = torch.arange(50) % 3 if with_labels else None
    loader = LinkNeighborLoader(data, [3, 2], links, labels, neg_sampling_ratio=ratio, batch_size=20, random_state=0)
    for i, batch in enumerate(loader):
        here = slice(20 * i, min(20 * i + 20, 50))
        count = here.stop - here.start
        negatives = 0 if ratio is None else int(np.ceil(count * ratio))
        assert_matches(batch, data)
        assert batch.edge_label_index.shape == (2, count + negatives)
        assert torch.equal(batch.n_id[batch.edge_label_index[:, :count]], links[:, here])
        assert torch.equal(batch.input_id, torch.arange(50)[here])
        ends = batch.n_id[batch.edge_label_index].unique()
        assert torch.equal(batch.n_id[: batch.num_sampled_nodes[0]], ends)
        if ratio is None:
            assert "edge_label" not in batch if labels is None else torch.equal(batch.edge_label, labels[here])
        else:
            positive = torch.ones(count) if labels is None else labels[here] + 1
            assert torch.equal(batch.edge_label, torch.cat([positive, positive.new_zeros(negatives)]))


def test_triplets_and_weighted_negatives():
    from torch_geometric.sampler import NegativeSampling

    data = make_data()
    weight = torch.zeros(60)
    weight[[11, 12]] = 1.0
    sampling = NegativeSampling("triplet", 3, dst_weight=weight)
    seen = set()
    for batch in LinkNeighborLoader(data, [2], batch_size=150, neg_sampling=sampling, random_state=0):
        assert "edge_label_index" not in batch
        assert batch.dst_neg_index.shape == (len(batch.input_id), 3)
        assert torch.equal(
            batch.n_id[torch.stack([batch.src_index, batch.dst_pos_index])], data.edge_index[:, batch.input_id]
        )
        seen |= set(batch.n_id[batch.dst_neg_index].view(-1).tolist())
    assert seen == {11, 12}
    batch = next(iter(LinkNeighborLoader(data, [2], batch_size=4, neg_sampling={"mode": "triplet"}, random_state=0)))
    assert batch.dst_neg_index.shape == (4,)


def test_uniform_negatives_reach_every_node():
    loader = LinkNeighborLoader(make_data(), [0], batch_size=400, neg_sampling="binary", random_state=0)
    batch = next(iter(loader))
    for end in batch.n_id[batch.edge_label_index[:, 400:]]:
        counts = torch.bincount(end, minlength=60).double()
        assert ((counts - 400 / 60) ** 2 / (400 / 60)).sum() < 110  # chi-square with 59 degrees: p = 1e-4 at 108


def test_data_of_other_kinds():
    data = make_data()
    data.names = np.arange(60)
    data.tags = [f"n{i}" for i in range(60)]
    del data.x, data.y, data.train_mask
    data.num_nodes = 60
    batch = next(iter(NeighborLoader(data, [2], [5], random_state=0)))
    assert torch.equal(batch.names, batch.n_id)
    assert batch.tags == [f"n{i}" for i in batch.n_id.tolist()]
    bare = pyg_data.Data(edge_index=data.edge_index, num_nodes=80)
    batch = next(iter(NeighborLoader(bare, [-1], [79], random_state=0)))
    assert (batch.num_nodes, batch.num_edges) == (1, 0)
    assert bare.num_nodes == 80  # the original stays as it is
    examples = NeighborLoader(copy.copy(bare), [1]).dataset
    again = pickle.loads(pickle.dumps(examples))
    assert torch.equal(again.relations[0].indptr, examples.relations[0].indptr)


def test_unusable_input_is_refused():
    data = make_data()
    for make, error, message in (
        (lambda: NeighborLoader([1], [1]), TypeError, "or a Graph, got list"),
        (lambda: NeighborLoader(data, [-2]), ValueError, "num_neighbors must be at least -1"),
        (lambda: NeighborLoader(data, [1], [60]), IndexError, r"input_nodes must lie in \[0, 60\)"),
        (lambda: NeighborLoader(data, [1], [0.5]), TypeError, "input_nodes must hold int32 or int64 node numbers"),
        (lambda: NeighborLoader(data, [1], data.train_mask[:5]), ValueError, "a mask of input_nodes"),
        (lambda: NeighborLoader(data, [1], batch_size=0), ValueError, "batch_size must be at least 1"),
        (lambda: NeighborLoader(data, [1], weight_attr="nothing"), ValueError, "data.nothing must hold one weight"),
        (
            lambda: NeighborLoader(data, [1], collate_fn=list),
            TypeError,
            "collate_fn must not be given",
        ),
        (lambda: NeighborLoader(data, [1], shuffle=True, sampler=[1]), ValueError, "shuffle must be False"),
        (lambda: LinkNeighborLoader(data, [1], [[0], [1], [2]]), ValueError, r"must have shape \(2, n\)"),
        (lambda: LinkNeighborLoader(data, [1], [[0], [60]]), IndexError, "edge_label_index must lie in"),
        (lambda: LinkNeighborLoader(data, [1], None, torch.ones(3)), ValueError, "one label per edge, 400; got 3"),
        (
            lambda: LinkNeighborLoader(data, [1], None, torch.ones(400), neg_sampling="triplet"),
            ValueError,
            "edge_label must be None for triplets",
        ),
        (lambda: LinkNeighborLoader(data, [1], neg_sampling="all"), ValueError, "mode binary or triplet, got 'all'"),
        (lambda: LinkNeighborLoader(data, [1], neg_sampling_ratio=-1.0), ValueError, "must be positive"),
    ):
        with pytest.raises(error, match=message):
            make()


@pytest.mark.parametrize("kind", ["edge_index", "coo", "csr", "stand-in", "EdgeIndex", "stores"])
@pytest.mark.parametrize("make", [NeighborLoader, LinkNeighborLoader])
def test_every_form_of_the_edges_gives_the_same_neighborhoods(kind, make):
    """Whole neighborhoods of a graph whose edges are sorted, so that they have the same numbers in every form."""
    from torch_geometric import EdgeIndex
    from torch_geometric.testing import MyFeatureStore, MyGraphStore
    from torch_geometric.utils import sort_edge_index

    whole = make_data()
    edges = torch.unique(sort_edge_index(whole.edge_index, sort_by_row=False).flip(0), dim=1).flip(0).contiguous()
    values = torch.arange(edges.shape[1]).double()
    data = pyg_data.Data(x=whole.x, num_nodes=60)
    links = {"edge_label_index": edges[:, [3, 50]]} if make is LinkNeighborLoader else {}
    matrix = torch.sparse_coo_tensor(edges.flip(0), values, (60, 60), check_invariants=True).coalesce()
    if kind == "edge_index":
        data.edge_index, data.edge_attr = edges, values
    elif kind == "EdgeIndex":
        data.edge_index, data.edge_attr = EdgeIndex(edges, sparse_size=(60, 60), sort_order="col"), values
    elif kind in ("coo", "csr"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data.adj_t = matrix if kind == "coo" else matrix.to_sparse_csr()
    elif kind == "stand-in":
        data.adj_t = Transposed(edges[1], edges[0], values, (60, 60))
    else:
        stores = MyFeatureStore(), MyGraphStore()
        stores[0].put_tensor(whole.x, group_name=None, attr_name="x", index=None)
        stores[1].put_edge_index((edges[0], edges[1]), edge_type=None, layout="coo", size=(60, 60))
        data = stores
    expected = pyg_data.Data(x=whole.x, edge_index=edges, num_nodes=60)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support")
        loaders = [make(each, [-1, -1], batch_size=7, **links) for each in (data, expected)]
        for batch, oracle in zip(*loaders, strict=True):
            assert torch.equal(batch.x, whole.x[batch.n_id])
            if kind == "stores":  # which sort the edges of a node as they like
                assert set(batch.n_id.tolist()) == set(oracle.n_id.tolist())
                assert torch.equal(batch.e_id.sort().values, oracle.e_id.sort().values)
                assert torch.equal(batch.n_id[batch.edge_index], edges[:, batch.e_id])
                continue
            assert torch.equal(batch.n_id, oracle.n_id)
            assert torch.equal(batch.e_id, oracle.e_id)
            if kind in ("coo", "csr"):
                part = batch.adj_t.to_sparse_coo().coalesce()
                found = torch.stack([part.indices()[1], part.indices()[0]])
                assert (batch.adj_t.layout is torch.sparse_coo) == (kind == "coo")
                order = torch.argsort(oracle.edge_index[1] * 60 + oracle.edge_index[0])
                assert torch.equal(found, oracle.edge_index[:, order])
                assert torch.equal(part.values(), values[oracle.e_id[order]])
            elif kind == "stand-in":
                assert torch.equal(torch.stack([batch.adj_t.col, batch.adj_t.row]), oracle.edge_index)
                assert torch.equal(batch.adj_t.value, values[oracle.e_id])
            else:
                assert type(batch.edge_index) is torch.Tensor
                assert torch.equal(batch.edge_index, oracle.edge_index)


class Transposed:
    """What the loaders use of torch_sparse.SparseTensor."""

    def __init__(self, row, col, value, sparse_sizes):
        self.row, self.col, self.value, self.sizes = row, col, value, sparse_sizes

    def size(self, dim):
        return self.sizes[dim]

    def csr(self):
        counts = torch.bincount(self.row, minlength=self.sizes[0])
        return torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)]), self.col, self.value


def test_seeds_of_a_subclass():
    from torch_geometric import Index

    data = make_data()
    seeds = Index([3, 9, 9], dim_size=60)
    assert next(iter(NeighborLoader(data, [2], seeds, batch_size=3))).n_id[:3].tolist() == [3, 9, 9]


def test_a_graph_with_names():
    graph = gr.as_graph([("a", "b"), ("b", "c"), ("c", "d")], directed=False)
    batch = next(iter(NeighborLoader(graph, [-1], ["c", "a"], batch_size=2)))
    assert [graph.nodes[i] for i in batch.n_id[:2].tolist()] == ["c", "a"]
    assert {graph.nodes[i] for i in batch.n_id.tolist()} == {"a", "b", "c", "d"}
    links = LinkNeighborLoader(graph, [1], [["a", "d"], ["b", "c"]], batch_size=2)
    ends = next(iter(links))
    assert [[graph.nodes[i] for i in end] for end in ends.n_id[ends.edge_label_index].tolist()] == [
        ["a", "d"],
        ["b", "c"],
    ]
    with pytest.raises(KeyError, match="z"):
        NeighborLoader(graph, [1], ["z"])
    with pytest.raises(TypeError, match="data has no names; pass a graphrep"):
        NeighborLoader(make_data(), [1], ["a"])


@pytest.mark.parametrize("disjoint", [False, True])
@pytest.mark.parametrize("directed", [None, False])
def test_induced_batches_have_all_edges_between_their_nodes(disjoint, directed):
    data = make_data()
    kind = {"subgraph_type": "induced"} if directed is None else {"directed": False}
    for batch in NeighborLoader(data, [2, 2], batch_size=6, disjoint=disjoint, **kind):
        assert torch.equal(batch.n_id[batch.edge_index], data.edge_index[:, batch.e_id])
        of = batch.batch if disjoint else torch.zeros(batch.num_nodes, dtype=torch.int64)
        assert torch.equal(of[batch.edge_index[0]], of[batch.edge_index[1]])
        expected = 0
        for example in of.unique():
            inside = torch.isin(data.edge_index, batch.n_id[of == example]).all(0)
            expected += int(inside.sum())
            assert set(batch.e_id[of[batch.edge_index[0]] == example].tolist()) == set(
                inside.nonzero().view(-1).tolist()
            )
        assert len(batch.e_id) == expected
        assert "num_sampled_edges" not in batch


def test_bidirectional_batches_have_every_edge_both_ways_once():
    data = make_data()
    for batch in NeighborLoader(data, [3, 2], batch_size=6, subgraph_type="bidirectional"):
        pairs = list(zip(*batch.edge_index.tolist(), strict=True))
        assert len(set(pairs)) == len(pairs) > 0
        assert {(v, u) for u, v in pairs} == set(pairs)
        whole = data.edge_index[:, batch.e_id]
        ends = batch.n_id[batch.edge_index]
        assert bool(((whole == ends) | (whole == ends.flip(0))).all(0).all())


@pytest.mark.parametrize("kind", ["node", "edge"])
@pytest.mark.parametrize("strategy", ["uniform", "last"])
@pytest.mark.parametrize("subgraph_type", ["directional", "induced"])
@pytest.mark.parametrize("is_sorted", [False, True])
def test_nothing_is_later_than_the_seed(kind, strategy, subgraph_type, is_sorted):
    data = make_data()
    generator = torch.Generator().manual_seed(2)
    name = f"{kind}_time"
    time = torch.randint(9, (60 if kind == "node" else 400,), generator=generator).double() / 2
    if is_sorted:
        of_edges = time[data.edge_index[0]] if kind == "node" else time
        order = torch.from_numpy(np.lexsort((of_edges.numpy(), data.edge_index[1].numpy())))
        data.edge_index = data.edge_index[:, order].contiguous()
        time = time if kind == "node" else time[order]
    data[name] = time
    seed_time = torch.randint(9, (60,), generator=generator).double() / 2
    options = {"time_attr": name, "temporal_strategy": strategy, "subgraph_type": subgraph_type, "is_sorted": is_sorted}
    for batch in NeighborLoader(data, [3, 2], batch_size=16, input_time=seed_time, **options):
        assert torch.equal(batch.seed_time, seed_time[batch.input_id])
        assert torch.equal(batch.n_id[batch.edge_index], data.edge_index[:, batch.e_id])
        drawn = batch.edge_time if kind == "edge" else batch.node_time[batch.edge_index[0]]
        assert bool((drawn <= batch.seed_time[batch.batch[batch.edge_index[1]]]).all())
        for i, seed in enumerate(batch.n_id[: batch.batch_size] if subgraph_type == "directional" else []):
            into = data.edge_index[1] == seed
            all_times = (time if kind == "edge" else time[data.edge_index[0]])[into]
            allowed = all_times[all_times <= batch.seed_time[i]].sort().values
            mine = drawn[batch.edge_index[1] == i].sort().values
            assert len(mine) == min(3, len(allowed))
            if strategy == "last":
                assert torch.equal(mine, allowed[len(allowed) - len(mine) :])


@pytest.mark.parametrize("mode", [None, "binary", "triplet"])
@pytest.mark.parametrize("timed", [False, True])
def test_disjoint_links(mode, timed):
    data = make_data()
    data.time = torch.arange(60)
    data.time[0] = 0
    links = torch.randint(60, (2, 40), generator=torch.Generator().manual_seed(3))
    time = torch.randint(1, 60, (40,), generator=torch.Generator().manual_seed(4))
    options = {"time_attr": "time", "edge_label_time": time} if timed else {"disjoint": True}
    sampling = None if mode is None else {"mode": mode, "amount": 2}
    for batch in LinkNeighborLoader(data, [2, 2], links, neg_sampling=sampling, batch_size=15, **options):
        count = len(batch.input_id)
        if mode == "triplet":
            ends = torch.stack([batch.src_index, batch.dst_pos_index])
            negative, of = batch.dst_neg_index.view(-1), torch.arange(count).repeat_interleave(2)
            assert batch.dst_neg_index.shape == (count, 2)
        else:
            ends = batch.edge_label_index[:, :count]
            negative = batch.edge_label_index[:, count:].reshape(-1)
            of = torch.arange(count).repeat(0 if mode is None else 4)
        assert torch.equal(batch.n_id[ends], links[:, batch.input_id])
        assert batch.batch[ends].tolist() == [list(range(count))] * 2
        assert torch.equal(batch.batch[negative], of)
        assert torch.equal(batch.batch[batch.edge_index[0]], batch.batch[batch.edge_index[1]])
        if timed:
            limit = time[batch.input_id]
            assert bool((batch.time[batch.edge_index[0]] <= limit[batch.batch[batch.edge_index[1]]]).all())
            assert bool((batch.time[negative] <= limit[of]).all())
            given = batch.seed_time if mode == "triplet" else batch.edge_label_time
            assert torch.equal(given[:count], limit)


@pytest.mark.parametrize("weighted", [False, True])
def test_negatives_in_time_are_drawn_from_all_that_exist(weighted):
    """At time 3, nodes 0, 1 and 4 exist; they are drawn alike, or by weight."""
    data = pyg_data.Data(num_nodes=6, edge_index=torch.tensor([[0], [1]]), time=torch.tensor([3, 1, 5, 4, 2, 9]))
    weight = torch.tensor([1.0, 2.0, 9.0, 9.0, 3.0, 9.0]) if weighted else None
    sampling = {"mode": "triplet", "amount": 4000, "dst_weight": weight}
    loader = LinkNeighborLoader(
        data, [], [[0], [1]], neg_sampling=sampling, time_attr="time", edge_label_time=torch.tensor([3])
    )
    batch = next(iter(loader))
    counts = torch.bincount(batch.n_id[batch.dst_neg_index.view(-1)], minlength=6)
    expected = torch.tensor([1.0, 2.0, 0, 0, 3.0, 0]) / 6 if weighted else torch.tensor([1.0, 1.0, 0, 0, 1.0, 0]) / 3
    assert torch.equal(counts > 0, expected > 0)
    kept = expected > 0
    statistic = ((counts - 4000 * expected)[kept] ** 2 / (4000 * expected[kept])).sum()
    assert statistic < 18.4  # chi-square with 2 degrees: p = 1e-4


def test_hooks_and_other_samplers():
    data = make_data()
    seen = []

    def hook(output):
        seen.append(output)
        return output

    batch = next(iter(NeighborLoader(data, [2], [4, 5], batch_size=2, transform_sampler_output=hook)))
    assert torch.equal(seen[0].node, batch.n_id)

    class Sampler:
        edge_permutation = torch.arange(399, -1, -1)

        def sample_from_nodes(self, inputs):
            from torch_geometric.sampler import SamplerOutput

            return SamplerOutput(inputs.node, *torch.tensor([[0], [1], [7]]), metadata=(inputs.input_id, inputs.time))

        def sample_from_edges(self, inputs, neg_sampling=None):
            from torch_geometric.sampler import SamplerOutput

            out = SamplerOutput(torch.cat([inputs.row, inputs.col]), *torch.tensor([[0], [1], [7]]))
            out.metadata = (inputs.input_id, torch.tensor([[0], [1]]), None, None)
            return out

    options = {"neighbor_sampler": Sampler(), "input_id": torch.tensor([70, 80])}
    batch = next(iter(NeighborLoader(data, [2], [4, 5], batch_size=2, **options)))
    assert (batch.n_id.tolist(), batch.e_id.tolist(), batch.input_id.tolist()) == ([4, 5], [392], [70, 80])
    batch = next(iter(LinkNeighborLoader(data, [2], [[4], [5]], neighbor_sampler=Sampler())))
    assert batch.n_id[batch.edge_label_index].tolist() == [[4], [5]]


def test_a_graph_without_edges_is_taken_with_a_warning():
    with pytest.warns(UserWarning, match="data has neither edge_index nor adj_t"):
        loader = NeighborLoader(pyg_data.Data(num_nodes=3), [2], batch_size=3)
    assert next(iter(loader)).n_id.tolist() == [0, 1, 2]


def test_unusable_settings_are_refused():
    data = make_data()
    data.time = torch.arange(60)
    later = {"time_attr": "edge_attr", "input_time": torch.zeros(60)}
    for make, options, error, message in (
        (
            NeighborLoader,
            {"subgraph_type": "all"},
            ValueError,
            "'directional', 'bidirectional' or 'induced', got 'all'",
        ),
        (NeighborLoader, {"subgraph_type": "bidirectional", "directed": False}, ValueError, "directed=False means"),
        (NeighborLoader, {"temporal_strategy": "first"}, ValueError, "must be 'uniform' or 'last', got 'first'"),
        (NeighborLoader, {"input_time": torch.zeros(60)}, ValueError, "times of the seeds need time_attr"),
        (NeighborLoader, {"time_attr": "edge_attr"}, ValueError, "so the times of the seeds must be given"),
        (NeighborLoader, {"time_attr": "nothing"}, ValueError, "time_attr must name a vector of times"),
        (NeighborLoader, {"time_attr": "x"}, ValueError, "time_attr must name a vector of times"),
        (
            NeighborLoader,
            later | {"input_time": torch.zeros(3)},
            ValueError,
            r"one time per example, 60; got shape \(3,",
        ),
        (NeighborLoader, {"is_sorted": True}, ValueError, "is_sorted is True, but the targets"),
        (NeighborLoader, {"input_id": torch.zeros(3)}, ValueError, r"input_id must have shape \(60,\), got \(3,\)"),
        (LinkNeighborLoader, {"time_attr": "time", "neg_sampling": "binary"}, ValueError, "needs edge_label_time"),
    ):
        with pytest.raises(error, match=message):
            make(data, [1], **options)
    with pytest.raises(TypeError, match="got a dict"):
        NeighborLoader(data, {"a": [1]})
    ordered = pyg_data.Data(num_nodes=2, edge_index=torch.tensor([[0, 1], [1, 1]]), edge_time=torch.tensor([2, 1]))
    with pytest.raises(ValueError, match="do not ascend by time"):
        NeighborLoader(ordered, [1], time_attr="edge_time", input_time=torch.zeros(2), is_sorted=True)
