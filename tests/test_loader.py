from __future__ import annotations

import copy
import pickle

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
    adj = NeighborLoader(copy.copy(bare), [1]).dataset.adj
    assert torch.equal(pickle.loads(pickle.dumps(adj)).indptr, adj.indptr)


def test_unusable_input_is_refused():
    data = make_data()
    for make, error, message in (
        (lambda: NeighborLoader(pyg_data.HeteroData(), [1]), TypeError, "one node and edge type, got HeteroData"),
        (lambda: NeighborLoader(pyg_data.Data(x=data.x), [1]), ValueError, "data must have an edge_index"),
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
