"""The loaders on graphs with types: HeteroData, typed stores and typed Graphs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import graphrep as gr
from graphrep.loader import LinkNeighborLoader, NeighborLoader

pyg_data = pytest.importorskip("torch_geometric.data")

SIZES = {"paper": 40, "author": 25, "venue": 6}
CITES, WRITES, IN, EMPTY = (
    ("paper", "cites", "paper"),
    ("author", "writes", "paper"),
    ("paper", "in", "venue"),
    ("venue", "likes", "author"),
)
ENTRIES = {CITES: 150, WRITES: 80, IN: 40, EMPTY: 0}


def make_data(seed=0):
    """Repeated edges and self loops are there; author 24, venue 5 and paper 39 are isolated."""
    generator = torch.Generator().manual_seed(seed)
    data = pyg_data.HeteroData()
    for kind, size in SIZES.items():
        data[kind].x = torch.randn(size, 4, generator=generator)
        data[kind].id = torch.arange(size)
    data["paper"].y = torch.arange(40) % 3
    data["paper"].tag = [f"p{i}" for i in range(40)]
    for key, count in ENTRIES.items():
        high = torch.tensor([[SIZES[key[0]] - 1], [SIZES[key[2]] - 1]])
        data[key].edge_index = (torch.rand((2, count), generator=generator) * high).long()
        data[key].id = torch.arange(count)
        data[key].weight = torch.rand(count, generator=generator) + 0.1
    data[CITES].edge_index[:, 3:6] = data[CITES].edge_index[:, :3]
    data[CITES].edge_index[1, :9] = data[CITES].edge_index[0, :9]
    data.title = "a graph"
    return data


def assert_matches(batch, data, *, directional=True):
    """Whatever was drawn, a batch is a part of the data."""
    assert isinstance(batch, pyg_data.HeteroData)
    assert (batch.node_types, batch.edge_types, batch.title) == (data.node_types, data.edge_types, "a graph")
    for kind in data.node_types:
        here = batch[kind]
        assert here.num_nodes == len(here.n_id) == sum(here.num_sampled_nodes)
        assert torch.equal(here.x, data[kind].x[here.n_id])
        assert torch.equal(here.id, here.n_id)
    assert batch["paper"].tag == [f"p{i}" for i in batch["paper"].n_id.tolist()]
    for key in data.edge_types:
        here = batch[key]
        ends = torch.stack([batch[end].n_id[row] for end, row in zip((key[0], key[2]), here.edge_index, strict=True)])
        assert torch.equal(ends, data[key].edge_index[:, here.e_id])
        assert torch.equal(here.id, here.e_id)
        assert torch.equal(here.weight, data[key].weight[here.e_id])
        assert not directional or sum(here.num_sampled_edges) == len(here.e_id)
    assert batch.validate()


def same(first, second):
    def equal(one, two):
        if isinstance(one, dict):
            return one.keys() == two.keys() and all(equal(one[key], two[key]) for key in one)
        return torch.equal(one, two) if isinstance(one, torch.Tensor) else one == two

    return equal(first.to_dict(), second.to_dict())


def same_batches(first, second):
    return len(first) == len(second) > 0 and all(same(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("given", ["type", "range", "list", "mask", "array mask"])
@pytest.mark.parametrize("options", [{}, {"replace": True}, {"weight_attr": "weight"}, {"disjoint": True}], ids=str)
def test_batches_of_nodes(given, options):
    data = make_data()
    mask = torch.arange(40) % 3 == 0
    nodes = {"list": torch.tensor([7, 39, 7]), "type": torch.arange(40), "range": torch.arange(9)}
    nodes |= dict.fromkeys(("mask", "array mask"), mask.nonzero().view(-1))
    seeds = {
        "type": "paper",
        "range": ("paper", range(9)),
        "list": ("paper", [7, 39, 7]),
        "mask": ("paper", mask),
        "array mask": ["paper", mask.numpy()],
    }[given]
    fanouts = {CITES: [3, 1], WRITES: [2, 4], IN: [0, 0], EMPTY: [-1, -1]}
    loader = NeighborLoader(data, fanouts, seeds, batch_size=4, **options)
    seen = []
    for batch in loader:
        assert_matches(batch, data)
        paper, count = batch["paper"], batch["paper"].batch_size
        assert paper.num_sampled_nodes[0] == count
        assert batch["author"].num_sampled_nodes[0] == 0
        seen += paper.n_id[:count].tolist()
        ids = paper.n_id[:count] if "mask" in given else torch.arange(len(seen) - count, len(seen))
        assert torch.equal(paper.input_id, ids)
        degree = torch.bincount(data[CITES].edge_index[1], minlength=40)[paper.n_id[:count]]
        drawn = torch.bincount(batch[CITES].edge_index[1], minlength=count)[:count]
        expected = torch.where(degree > 0, 3, 0) if options.get("replace") else degree.clamp(max=3)
        if len(set(paper.n_id[:count].tolist())) == count:
            assert torch.equal(drawn, expected)
        assert batch[IN].edge_index.shape == (2, 0)
        if options.get("disjoint"):
            for key in (CITES, WRITES):
                of = [batch[end].batch[row] for end, row in zip((key[0], key[2]), batch[key].edge_index, strict=True)]
                assert torch.equal(*of)
    assert seen == nodes[given].tolist()
    assert len(loader) == -(-len(seen) // 4)


@pytest.mark.parametrize("subgraph_type", ["directional", "induced"])
@pytest.mark.parametrize("times", [None, "node", "edge"])
@pytest.mark.parametrize("make", [NeighborLoader, LinkNeighborLoader])
def test_the_kernels_give_what_the_reference_gives(monkeypatch, make, times, subgraph_type):
    data = make_data()
    seeds = ("paper", [3, 5, 39, 8]) if make is NeighborLoader else (WRITES, [[1, 24, 3], [5, 39, 5]])
    options = {"subgraph_type": subgraph_type, "batch_size": 3}
    if times is not None:
        for one in [data["paper"], data["author"]] if times == "node" else [data[CITES], data[WRITES]]:
            one.time = torch.arange(len(one.id)) % 7
        count = 4 if make is NeighborLoader else 3
        options |= {"time_attr": "time", "temporal_strategy": "last"}
        options |= {("input_time" if make is NeighborLoader else "edge_label_time"): torch.arange(count) + 2}

    def batches():
        return list(make(data, {CITES: [2, 2], WRITES: [1, -1], IN: [2, 1], EMPTY: [1, 1]}, seeds, **options))

    native = batches()
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    assert same_batches(native, batches())
    for batch in native:
        assert_matches(batch, data, directional=subgraph_type == "directional")


def test_batches_depend_on_the_seed_the_epoch_and_nothing_else():
    data = make_data()

    def loader(seed, **options):
        return NeighborLoader(data, [2, 2], "paper", batch_size=16, shuffle=True, random_state=seed, **options)

    one = loader(1)
    first, second = list(one), list(one)
    assert not same_batches(first, second)
    again = loader(1)
    again.epoch = 1
    assert same_batches(list(again), second)
    assert not same_batches(list(loader(2)), first)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # a machine of one core
@pytest.mark.parametrize("filter_per_worker", [True, False])
def test_workers_change_nothing(filter_per_worker):
    data = make_data()
    options = {"batch_size": 9, "shuffle": True, "filter_per_worker": filter_per_worker}
    workers = {"num_workers": 2, "multiprocessing_context": "fork"}
    alone, helped = (NeighborLoader(data, [3, 2], "paper", **options, **more) for more in ({}, workers))
    assert same_batches(list(alone), list(helped))
    options |= {"neg_sampling": "triplet"}
    alone, helped = (LinkNeighborLoader(data, [3, 2], WRITES, **options, **more) for more in ({}, workers))
    assert same_batches(list(alone), list(helped))


def hub(weights=None):
    """Paper 0 has six arcs from authors, of which two are from author 1, and three from papers, one from itself."""
    data = pyg_data.HeteroData()
    data["paper"].num_nodes, data["author"].num_nodes = 3, 5
    data[WRITES].edge_index = torch.tensor([[0, 1, 1, 2, 3, 4], [0] * 6])
    data[CITES].edge_index = torch.tensor([[0, 1, 2], [0, 0, 0]])
    if weights is not None:
        data[WRITES].weight = torch.tensor(weights)
    return data


def draws(data, fanouts, rounds=600, **options):
    """How often every arc of WRITES and of CITES was drawn, and the sets of the arcs."""
    loader = NeighborLoader(data, fanouts, ("paper", [0]), **options)
    counts, sets = (torch.zeros(6), torch.zeros(3)), []
    for _ in range(rounds):
        batch = next(iter(loader))
        for count, key in zip(counts, (WRITES, CITES), strict=True):
            count += torch.bincount(batch[key].e_id, minlength=len(count))
        sets.append((tuple(sorted(batch[WRITES].e_id.tolist())), tuple(sorted(batch[CITES].e_id.tolist()))))
    return counts, sets


@pytest.mark.parametrize("replace", [False, True])
def test_every_set_of_arcs_is_equally_likely_and_relations_are_independent(replace):
    counts, sets = draws(hub(), {WRITES: [2], CITES: [1]}, replace=replace)
    assert stats.chisquare(counts[0]).pvalue > 1e-4
    assert stats.chisquare(counts[1]).pvalue > 1e-4
    both = np.zeros((6, 3))  # the least arc of WRITES against the arc of CITES
    for first, second in sets:
        both[first[0], second[0]] += 1
    assert stats.chi2_contingency(both[both.sum(1) > 0]).pvalue > 1e-4
    if not replace:
        pairs = np.unique([6 * one + two for (one, two), _ in sets], return_counts=True)[1]
        assert len(pairs) == 15
        assert stats.chisquare(pairs).pvalue > 1e-4


def test_weights_of_one_relation_leave_the_other_uniform():
    weights = [1.0, 2.0, 0.0, 3.0, 1.0, 1.0]
    counts, _ = draws(hub(weights), [1], weight_attr="weight")
    assert counts[0][2] == 0
    kept = torch.tensor(weights) > 0
    assert stats.chisquare(counts[0][kept], 600 * torch.tensor(weights)[kept] / 8).pvalue > 1e-4
    assert stats.chisquare(counts[1]).pvalue > 1e-4


def sage(data, hops=2):
    from torch_geometric.nn import SAGEConv, to_hetero

    class GNN(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.convs = torch.nn.ModuleList([SAGEConv((-1, -1), 8) for _ in range(hops)])

        def forward(self, x, edge_index):
            for conv in self.convs:
                x = conv(x, edge_index).relu()
            return x

    return to_hetero(GNN(), data.metadata())


def with_reverses():
    """Every type of nodes receives messages, as to_hetero wants it."""
    data = make_data()
    for key in (WRITES, IN):
        data[key[2], f"rev_{key[1]}", key[0]].edge_index = data[key].edge_index.flip(0)
    del data[EMPTY]
    return data


def test_a_model_of_to_hetero_gives_the_whole_graphs_values_and_trains():
    data = with_reverses()
    torch.manual_seed(0)
    model = sage(data)
    with torch.no_grad():
        whole = model(data.x_dict, data.edge_index_dict)["paper"]
        for batch in NeighborLoader(data, [-1, -1], "paper", batch_size=7):
            out = model(batch.x_dict, batch.edge_index_dict)["paper"][: batch["paper"].batch_size]
            torch.testing.assert_close(out, whole[batch["paper"].input_id])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    loader = NeighborLoader(data, [4, 4], "paper", batch_size=20, shuffle=True)
    for _ in range(15):
        for batch in loader:
            count = batch["paper"].batch_size
            out = model(batch.x_dict, batch.edge_index_dict)["paper"][:count]
            loss = torch.nn.functional.cross_entropy(out, batch["paper"].y[:count])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:4])


@pytest.mark.parametrize("mode", [None, "binary", "triplet"])
@pytest.mark.parametrize("key", [WRITES, CITES])
@pytest.mark.parametrize("disjoint", [False, True, "timed"])
def test_batches_of_links(mode, key, disjoint):
    data = make_data()
    links = torch.stack([torch.arange(20) % SIZES[end] for end in (key[0], key[2])])
    time = torch.arange(20) + 3
    options = {"disjoint": True} if disjoint else {}
    if disjoint == "timed":
        for kind in ("paper", "author"):
            data[kind].time = torch.arange(SIZES[kind])
        options = {"time_attr": "time", "edge_label_time": time}
    sampling = None if mode is None else {"mode": mode, "amount": 2}
    loader = LinkNeighborLoader(data, [2, 2], (key, links), neg_sampling=sampling, batch_size=8, **options)
    for batch in loader:
        assert_matches(batch, data)
        source, target, here = batch[key[0]], batch[key[2]], batch[key]
        count = len(here.input_id)
        if mode == "triplet":
            ends, negative = torch.stack([source.src_index, target.dst_pos_index]), target.dst_neg_index
            assert negative.shape == (count, 2)
            others = [(target, negative.view(-1), torch.arange(count).repeat_interleave(2))]
            assert "edge_label_index" not in here
        else:
            ends = here.edge_label_index[:, :count]
            more = torch.arange(count).repeat(0 if mode is None else 2)
            others = [
                (end, row, more) for end, row in zip((source, target), here.edge_label_index[:, count:], strict=True)
            ]
            label = torch.cat([torch.ones(count), torch.zeros(len(more))])
            assert "edge_label" not in here if mode is None else torch.equal(here.edge_label, label)
        found = torch.stack([source.n_id[ends[0]], target.n_id[ends[1]]])
        assert torch.equal(found, links[:, here.input_id])
        for end, row, of in others:
            assert len(row) == len(of)
            assert row.numel() == 0 or int(row.max()) < end.num_sampled_nodes[0]
            if disjoint:
                assert torch.equal(end.batch[row], of)
            if disjoint == "timed":
                assert bool((end.time[row] <= time[here.input_id][of]).all())
        if disjoint:
            assert source.batch[ends[0]].tolist() == target.batch[ends[1]].tolist() == list(range(count))
            for other in data.edge_types:
                rows = batch[other].edge_index
                of = [batch[end].batch[row] for end, row in zip((other[0], other[2]), rows, strict=True)]
                assert torch.equal(*of)
                if disjoint == "timed" and other[0] != "venue":
                    drawn = batch[other[0]].time[rows[0]]
                    assert bool((drawn <= time[here.input_id][of[1]]).all())
        if disjoint == "timed":
            given = source.seed_time if mode == "triplet" else here.edge_label_time[:count]
            assert torch.equal(given, time[here.input_id])


def test_negatives_come_from_all_nodes_of_their_type():
    batch = next(iter(LinkNeighborLoader(make_data(), [0], WRITES, neg_sampling_ratio=5, batch_size=80)))
    for end, row in zip(("author", "paper"), batch[WRITES].edge_label_index[:, 80:], strict=True):
        counts = torch.bincount(batch[end].n_id[row], minlength=SIZES[end])
        assert len(counts) == SIZES[end]
        assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("kind", ["node", "edge"])
@pytest.mark.parametrize("strategy", ["uniform", "last"])
@pytest.mark.parametrize("is_sorted", [False, True])
def test_nothing_is_later_than_the_seed(kind, strategy, is_sorted):
    """Venues and their edges have no times: they are drawn at any time."""
    data = make_data()
    generator = torch.Generator().manual_seed(2)
    stores = [data["paper"], data["author"]] if kind == "node" else [data[CITES], data[WRITES]]
    for store in stores:
        store.time = torch.randint(9, (len(store.id),), generator=generator).double() / 2
    if is_sorted:
        for key in data.edge_types:
            source, target = data[key].edge_index
            times = data[key[0]].get("time") if kind == "node" else data[key].get("time")
            times = None if times is None else times[source] if kind == "node" else times
            order = np.lexsort(((np.zeros(len(source)) if times is None else times), target))
            for name, value in data[key].items():
                data[key][name] = value[..., torch.from_numpy(order)]
            data[key].id = torch.arange(len(order))
    seed_time = torch.randint(9, (40,), generator=generator).double() / 2
    options = {"time_attr": "time", "temporal_strategy": strategy, "is_sorted": is_sorted}
    for batch in NeighborLoader(data, [3, 2], "paper", input_time=seed_time, batch_size=16, **options):
        assert_matches(batch, data)
        assert torch.equal(batch["paper"].seed_time, seed_time[batch["paper"].input_id])
        for key in (CITES, WRITES):
            source, target = batch[key].edge_index
            drawn = batch[key[0]].time[source] if kind == "node" else batch[key].time
            assert bool((drawn <= batch["paper"].seed_time[batch[key[2]].batch[target]]).all())
            whole, every = data[key].edge_index, data[key[0]].time if kind == "node" else data[key].time
            for i, seed in enumerate(batch["paper"].n_id[: batch["paper"].batch_size]):
                into = whole[1] == seed
                allowed = (every[whole[0]] if kind == "node" else every)[into]
                allowed = allowed[allowed <= batch["paper"].seed_time[i]].sort().values
                mine = drawn[target == i].sort().values
                assert len(mine) == min(3, len(allowed))
                if strategy == "last":
                    assert torch.equal(mine, allowed[len(allowed) - len(mine) :])
    if kind == "node":  # seeds have times of their own
        batch = next(iter(NeighborLoader(data, [3], ("author", [5, 6]), time_attr="time", batch_size=2)))
        assert "seed_time" not in batch["author"]


@pytest.mark.parametrize("disjoint", [False, True])
def test_induced_batches_have_all_edges_between_their_nodes(disjoint):
    data = make_data()
    for batch in NeighborLoader(data, [2, 2], "paper", batch_size=6, disjoint=disjoint, directed=False):
        assert_matches(batch, data, directional=False)
        for key in data.edge_types:
            assert "num_sampled_edges" not in batch[key]
            expected = []
            for example in range(6 if disjoint else 1):
                inside = torch.ones(ENTRIES[key], dtype=torch.bool)
                for end, row in zip((key[0], key[2]), data[key].edge_index, strict=True):
                    mine = batch[end].n_id[batch[end].batch == example] if disjoint else batch[end].n_id
                    inside &= torch.isin(row, mine)
                expected += inside.nonzero().view(-1).tolist()
            assert sorted(batch[key].e_id.tolist()) == sorted(expected)


def test_bidirectional_batches_pair_relations_with_their_reverses():
    data = with_reverses()
    for batch in NeighborLoader(data, [3, 2], "paper", batch_size=6, subgraph_type="bidirectional"):
        for source, name, target in (WRITES, IN):
            there = set(zip(*batch[source, name, target].edge_index.tolist(), strict=True))
            back = set(zip(*batch[target, f"rev_{name}", source].edge_index.flip(0).tolist(), strict=True))
            assert there == back


@pytest.mark.parametrize("stores", ["own", "HeteroData"])
def test_typed_stores_give_what_hetero_data_gives(stores):
    from torch_geometric.testing import MyFeatureStore, MyGraphStore

    data = make_data()
    pair = (MyFeatureStore(), MyGraphStore()) if stores == "own" else (pyg_data.HeteroData(), pyg_data.HeteroData())
    for kind, size in SIZES.items():
        pair[0].put_tensor(data[kind].x, group_name=kind, attr_name="x", index=None)
        pair[0].put_tensor(torch.arange(size) % 5, group_name=kind, attr_name="time", index=None)
        data[kind].time = torch.arange(size) % 5
    for key in data.edge_types:
        size = SIZES[key[0]], SIZES[key[2]]
        pair[1].put_edge_index(tuple(data[key].edge_index), edge_type=key, layout="coo", size=size)
    options = {"time_attr": "time", "input_time": torch.arange(40) % 6, "batch_size": 9}
    loaders = [NeighborLoader(each, [-1, -1], "paper", **options) for each in (data, pair)]
    for one, two in zip(*loaders, strict=True):
        for kind in SIZES:
            assert torch.equal(two[kind].x, data[kind].x[two[kind].n_id])
            assert torch.equal(one[kind].n_id.sort().values, two[kind].n_id.sort().values)
        for key in data.edge_types:
            assert one[key].edge_index.shape == two[key].edge_index.shape
    batch = next(iter(LinkNeighborLoader(pair, [2], (WRITES, None), batch_size=80)))
    row, col = batch[WRITES].edge_label_index
    found = torch.stack([batch["author"].n_id[row], batch["paper"].n_id[col]])
    assert sorted(zip(*found.tolist(), strict=True)) == sorted(zip(*data[WRITES].edge_index.tolist(), strict=True))


def fields(batch):
    """Names and kinds of everything in a batch, by type."""
    return {
        key: {name: type(value).__name__ for name, value in batch[key].items() if value is not None}
        for key in [*batch.node_types, *batch.edge_types]
    }


@pytest.mark.parametrize("disjoint", [False, True])
@pytest.mark.parametrize("mode", ["nodes", "binary", "triplet"])
def test_batches_have_the_fields_that_those_of_pyg_have(disjoint, mode):
    """Whole neighborhoods, for which both loaders must find the same nodes and edges, hop by hop."""
    import torch_geometric.loader as theirs

    data = make_data()
    del data["paper"].tag  # torch_geometric takes no lists
    options = {"disjoint": disjoint, "batch_size": 5}
    given = ("paper", torch.tensor([3, 9, 20])) if mode == "nodes" else (WRITES, data[WRITES].edge_index[:, :9])
    makers = [LinkNeighborLoader, theirs.LinkNeighborLoader]
    if mode == "nodes":
        makers = [NeighborLoader, theirs.NeighborLoader]
    else:
        options["neg_sampling"] = mode
    provided = gr.pyg.provide()
    try:
        pair = [make(data, [-1, -1], given, **options) for make in makers]
        for one, two in zip(*pair, strict=True):
            assert fields(one) == fields(two)
            if mode != "nodes":  # negatives differ
                continue
            for kind in data.node_types:
                sizes = one[kind].num_sampled_nodes
                assert sizes == two[kind].num_sampled_nodes
                hops = [batch[kind].n_id.split(sizes) for batch in (one, two)]
                for mine, other in zip(*hops, strict=True):  # in an order of its own
                    assert torch.equal(mine.sort().values, other.sort().values)
            for key in data.edge_types:
                sizes = one[key].num_sampled_edges
                assert sizes == two[key].num_sampled_edges
                hops = [batch[key].e_id.split(sizes) for batch in (one, two)]
                for mine, other in zip(*hops, strict=True):
                    assert torch.equal(mine.sort().values, other.sort().values)
    finally:
        provided.withdraw()


def test_a_graph_with_types_and_names():
    triples = [("ann", "wrote", "p"), ("bob", "wrote", "p"), ("bob", "wrote", "q"), ("q", "cites", "p")]
    kind = {"ann": "author", "bob": "author", "p": "paper", "q": "paper"}
    graph = gr.as_graph(triples, edge_type=1, directed=True, node_type=kind)
    code = {name: i for i, name in enumerate(graph.node_types)}
    names = {name: graph.nodes[graph.node_type == code[name]] for name in code}
    for given in (("paper", ["q", "p"]), ["q", "p"]):
        batch = next(iter(NeighborLoader(graph, [-1], given, batch_size=2)))
        assert names["paper"][batch["paper"].n_id[:2]].tolist() == ["q", "p"]
        assert set(names["author"][batch["author"].n_id]) == {"ann", "bob"}
        assert batch["author"].node_names == names["author"][batch["author"].n_id].tolist()
    for key in ("wrote", ("author", "paper"), ("author", "wrote", "paper")):
        loader = LinkNeighborLoader(
            graph, {"wrote": [1], "cites": [0]}, (key, [["bob", "ann"], ["q", "p"]]), batch_size=2
        )
        batch = next(iter(loader))
        row, col = batch["author", "wrote", "paper"].edge_label_index
        assert names["author"][batch["author"].n_id[row]].tolist() == ["bob", "ann"]
        assert names["paper"][batch["paper"].n_id[col]].tolist() == ["q", "p"]
    for given, message in (
        (("paper", ["ann"]), "must hold nodes of type 'paper', but 'ann' has type 'author'"),
        (["ann", "p"], "must hold nodes of one type, got nodes of "),
        ("venue", "'venue' is no type of nodes; these are"),
        (None, "input_nodes must be a type of nodes, or a pair of a type and nodes"),
    ):
        with pytest.raises(ValueError, match=message):
            NeighborLoader(graph, [1], given)
    numbered = gr.as_graph([(0, "r", 2), (1, "r", 2)], edge_type=1, directed=True, node_type=["a", "a", "b"])
    assert next(iter(NeighborLoader(numbered, [-1], ("b", [0]))))["b"].n_id.tolist() == [0]
    assert next(iter(NeighborLoader(numbered, [-1], [2])))["b"].n_id.tolist() == [0]
    untyped_nodes = gr.as_graph([("x", "r", "y"), ("x", "s", "y")], edge_type=1, directed=True)
    batch = next(iter(NeighborLoader(untyped_nodes, {"r": [1], "s": [1]}, ["y"])))
    assert batch["node"].num_nodes == 2
    assert [batch[key].num_edges for key in batch.edge_types] == [1, 1]


def test_isolated_nodes_and_data_without_edges():
    data = make_data()
    batch = next(iter(NeighborLoader(data, [-1, -1], ("author", [24]))))
    assert_matches(batch, data)
    assert [batch[kind].num_nodes for kind in SIZES] == [0, 1, 0]
    bare = pyg_data.HeteroData()
    bare["a"].num_nodes = 3
    with pytest.warns(UserWarning, match="no type of edges of the HeteroData has edge_index or adj_t"):
        loader = NeighborLoader(bare, [2], "a", batch_size=3)
    assert next(iter(loader))["a"].n_id.tolist() == [0, 1, 2]


def test_edges_of_a_type_that_messages_do_not_use():
    data = make_data()
    key = ("author", "likes", "venue")
    batch = next(iter(LinkNeighborLoader(data, [2], (key, torch.tensor([[3, 4], [5, 1]])), batch_size=2)))
    row, col = batch[key].edge_label_index
    assert (batch["author"].n_id[row].tolist(), batch["venue"].n_id[col].tolist()) == ([3, 4], [5, 1])


def test_links_of_a_pair_of_types_have_the_name_that_hetero_data_gives():
    data = make_data()
    batch = next(iter(LinkNeighborLoader(data, [1], (("author", "venue"), torch.tensor([[3], [5]])))))
    assert batch["author", "to", "venue"].edge_label_index.shape == (2, 1)


def test_unusable_input_is_refused():
    data = make_data()
    both = make_data()
    both["paper"].time, both[CITES].time = torch.zeros(40), torch.zeros(150)
    some = make_data()
    some["paper"].time = torch.zeros(40)
    far, unknown, short = make_data(), make_data(), make_data()
    far[WRITES].edge_index[0, 0] = 25
    unknown["paper", "to", "moon"].edge_index = torch.zeros((2, 0), dtype=torch.int64)
    short[CITES].weight = torch.ones(3)
    for make, given, options, error, message in (
        (NeighborLoader, data, {}, ValueError, "input_nodes must be a type of nodes, or a pair.*got none"),
        (NeighborLoader, data, {"input_nodes": [1, 2]}, ValueError, "input_nodes must be a type of nodes, or a pair"),
        (NeighborLoader, data, {"input_nodes": ("paper", [40])}, IndexError, r"of type 'paper' must lie in \[0, 40\)"),
        (NeighborLoader, data, {"input_nodes": ("moon", [0])}, ValueError, "'moon' is no type of nodes; these are"),
        (NeighborLoader, data, {"input_nodes": ("paper", ["a"])}, TypeError, "data has no names"),
        (NeighborLoader, data, {"input_nodes": ("paper", torch.ones(3) > 0)}, ValueError, r"mask of .*\(40,\)"),
        (NeighborLoader, data, {"num_neighbors": {CITES: [1]}}, ValueError, "for every type of edges, but lacks"),
        (NeighborLoader, data, {"num_neighbors": {"moon": [1]}}, ValueError, "'moon', which is no type of edges"),
        (
            NeighborLoader,
            data,
            {"num_neighbors": {CITES: [1], WRITES: [1, 2], IN: [1], EMPTY: [1]}},
            ValueError,
            "the number of hops must be the same across all types of edges",
        ),
        (NeighborLoader, data, {"weight_attr": "moon"}, ValueError, "no type of edges .* 'moon' that weight_attr"),
        (NeighborLoader, short, {"weight_attr": "weight"}, ValueError, "weight of .*cites.* one weight per edge, 150"),
        (NeighborLoader, data, {"time_attr": "moon"}, ValueError, "nodes or edges of a type, but none has 'moon'"),
        (NeighborLoader, both, {"time_attr": "time"}, ValueError, "but 'time' is an attribute of both"),
        (
            NeighborLoader,
            some,
            {"time_attr": "time", "input_nodes": "author"},
            ValueError,
            "nodes of type 'author' have no times; give those of the seeds",
        ),
        (NeighborLoader, far, {}, IndexError, r"the sources edge_index\[0\] of .*writes.* must lie in \[0, 25\)"),
        (NeighborLoader, unknown, {}, ValueError, "'moon' is no type of nodes"),
        (NeighborLoader, pyg_data.HeteroData(), {}, ValueError, "the HeteroData has no nodes"),
        (NeighborLoader, data, {"is_sorted": True}, ValueError, "is_sorted is True, but the targets .* do not ascend"),
        (
            LinkNeighborLoader,
            some,
            {"edge_label_index": CITES, "time_attr": "time"},
            ValueError,
            "time_attr needs edge_label_time, the times of the edges",
        ),
        (LinkNeighborLoader, data, {}, ValueError, "edge_label_index must be a type of edges, or a pair.*got none"),
        (LinkNeighborLoader, data, {"edge_label_index": "moon"}, ValueError, "'moon', which is no type of edges"),
        (LinkNeighborLoader, data, {"edge_label_index": ("paper", "moon", "venue")}, ValueError, "is no type of edges"),
        (
            LinkNeighborLoader,
            data,
            {"edge_label_index": (WRITES, [[25], [0]])},
            IndexError,
            r"edge_label_index of type 'author' must lie in \[0, 25\)",
        ),
        (
            LinkNeighborLoader,
            data,
            {"edge_label_index": WRITES, "neg_sampling": {"mode": "triplet", "dst_weight": torch.ones(3)}},
            ValueError,
            r"dst_weight of neg_sampling must have shape \(40,\)",
        ),
    ):
        arguments = {"num_neighbors": [1], "input_nodes": "paper"} if make is NeighborLoader else {"num_neighbors": [1]}
        if "got none" in message:
            arguments.pop("input_nodes", None)
        with pytest.raises(error, match=message):
            make(given, **arguments | options)
