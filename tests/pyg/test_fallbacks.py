"""What the kernels do not cover runs on torch_geometric's own code, with its results and its errors."""

from __future__ import annotations

import warnings

import pytest
import torch

pyg = pytest.importorskip("torch_geometric")

import torch_geometric.nn as pnn  # noqa: E402
from torch_geometric.explain import Explainer, GNNExplainer  # noqa: E402
from torch_geometric.utils import to_torch_coo_tensor, to_torch_csr_tensor  # noqa: E402

import graphrep as gr  # noqa: E402

from ._layers import KINDS, LAYERS, Calls, data, extras, pair, same  # noqa: E402

SPARSE = [name for name in KINDS if name != "rgcn"]


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize("name", [*SPARSE, "gcn weights", "graph weights", "sage max", "gat mean"])
@pytest.mark.parametrize("layout", [to_torch_coo_tensor, to_torch_csr_tensor])
def test_sparse_matrices(name, layout):
    plain, fast = pair(LAYERS[name])
    x, edge_index, weight = data()
    edge_index = torch.unique(edge_index, dim=1)
    weight = weight[: edge_index.shape[1]]
    rows = layout(edge_index.flip(0), weight if "weights" in name else None, size=(30, 30))
    try:
        wanted = plain(x, rows)
    except Exception as error:
        with pytest.raises(type(error)):
            fast(x, rows)
        return
    same(fast(x, rows), wanted)
    same(fast(x, edge_index), plain(x, edge_index))  # one after the other
    same(fast(x, rows), wanted)


@pytest.mark.parametrize("name", KINDS)
def test_edge_index_class(name):
    plain, fast = pair(LAYERS[name])
    x, edge_index, weight = data()
    for order in (None, "row", "col"):
        index = pyg.EdgeIndex(edge_index, sparse_size=(30, 30))
        if order is not None:
            index = index.sort_by(order)[0]
        try:
            wanted = plain(x, index, **extras(name, weight))
        except Exception as error:
            with pytest.raises(type(error)):
                fast(x, index, **extras(name, weight))
            continue
        same(fast(x, index, **extras(name, weight)), wanted)


class Named(torch.Tensor):
    """A subclass that counts the functions that see it."""

    seen = 0

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.seen += 1
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("name", KINDS)
def test_tensor_subclasses(name):
    plain, fast = pair(LAYERS[name])
    x, edge_index, weight = data()
    options = extras(name, weight)
    for a, b in ((x.as_subclass(Named), edge_index), (x, edge_index.as_subclass(Named))):
        before = Named.seen
        found, wanted = fast(a, b, **options), plain(a, b, **options)
        assert Named.seen > before
        assert type(found) is type(wanted)
        same(found.as_subclass(torch.Tensor), wanted.as_subclass(torch.Tensor))


HOOKED = ("message", "aggregate", "propagate")


@pytest.mark.parametrize("name", [*KINDS, "sage backwards", "gat backwards", "gatv2 backwards"])
@pytest.mark.parametrize("step", HOOKED)
def test_hooks_run(name, step):
    plain, fast = pair(LAYERS[name])
    assert type(fast).propagate is not pnn.MessagePassing.propagate  # which treats pairs otherwise in this flow
    x, edge_index, weight = data()
    options = extras(name, weight)
    wanted = plain(x, edge_index, **options)
    same(fast(x, edge_index, **options), wanted)
    handles = [
        getattr(layer, f"register_{step}_forward_hook")(lambda module, inputs, out: 2 * out) for layer in (fast, plain)
    ]
    doubled = plain(x, edge_index, **options)
    assert not torch.allclose(doubled, wanted)
    same(fast(x, edge_index, **options), doubled)
    for handle in handles:
        handle.remove()
    same(fast(x, edge_index, **options), wanted)


@pytest.mark.parametrize("name", KINDS)
def test_hooks_of_the_aggregation_run(name):
    plain, fast = pair(LAYERS[name])
    x, edge_index, weight = data()
    for layer in (plain, fast):
        layer.aggr_module.register_forward_hook(lambda module, inputs, out: 3 * out)
    same(fast(x, edge_index, **extras(name, weight)), plain(x, edge_index, **extras(name, weight)))


AGGREGATIONS = {
    "list": ["mean", "max", "std"],
    "one in a list": ["mean"],
    "module": pnn.aggr.SoftmaxAggregation(learn=True),
    "several modules": pnn.aggr.MultiAggregation(["sum", "var"]),
    "name": "median",
    "product": "mul",
}


@pytest.mark.parametrize("kind", AGGREGATIONS)
def test_other_aggregations(kind):
    torch.manual_seed(0)
    plain = pnn.SAGEConv(6, 8, aggr=AGGREGATIONS[kind])
    x, edge_index, _ = data()
    wanted = plain(x, edge_index)
    with pytest.warns(UserWarning, match=r"stay on torch_geometric's code: SAGEConv \(aggregation"):
        fast = gr.pyg.accelerate(plain)
    same(fast(x, edge_index), wanted)
    fast.aggr_module = pnn.aggr.MeanAggregation()  # as torch_geometric does, by the module and not by the name
    if kind in ("name", "product", "module"):
        same(fast(x, edge_index), pnn.SAGEConv.forward(fast, x, edge_index))


def test_decomposed_layers():
    plain, fast = pair(LAYERS["gcn"])
    x, edge_index, _ = data()
    for parts in (2, 1):
        for layer in (plain, fast):
            layer.decomposed_layers = parts
        same(fast(x, edge_index), plain(x, edge_index))
        assert bool(fast.obstacle()) == (parts == 2)


class Doubled(gr.pyg.GraphConv):
    def message(self, x_j, edge_weight):
        return 2 * x_j


class Renamed(gr.pyg.GATConv):
    """Overrides nothing that matters."""

    def __init__(self):
        super().__init__(6, 4, heads=2)


def test_subclasses(monkeypatch):
    x, edge_index, _ = data()
    layer = Doubled(6, 8)
    plain = pnn.GraphConv(6, 8)
    plain.load_state_dict(layer.state_dict())
    twice = layer(x, edge_index)
    same(
        twice,
        plain.lin_rel(2 * gr.ops.spmm(gr.ops.Adjacency.from_edge_index(edge_index, num_nodes=30), x))
        + plain.lin_root(x),
    )
    assert "message is overridden" in layer.obstacle()
    calls = Calls(monkeypatch)
    Renamed()(x, edge_index)
    assert calls.count == 0
    assert not Renamed().obstacle()


def test_methods_set_on_a_layer():
    plain, fast = pair(LAYERS["sage mean"])
    x, edge_index, _ = data()
    for layer in (plain, fast):
        layer.aggregate = lambda inputs, index, ptr=None, dim_size=None: torch.ones(30, 6)
    same(fast(x, edge_index), plain(x, edge_index))


@pytest.mark.parametrize("name", ["gcn", "gat", "sage mean"])
def test_explanations(name):
    """Masks of edges reach the messages: the explainer finds the edges that matter to the node."""
    torch.manual_seed(0)

    class Model(torch.nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.layer = layer

        def forward(self, x, edge_index):
            return self.layer(x, edge_index).log_softmax(1)

    x, edge_index, _ = data()
    masks = []
    for layer in pair(LAYERS[name]):
        explainer = Explainer(
            Model(layer),
            GNNExplainer(epochs=5),
            explanation_type="model",
            edge_mask_type="object",
            model_config={"mode": "multiclass_classification", "task_level": "node", "return_type": "log_probs"},
        )
        torch.manual_seed(1)
        masks.append(explainer(x, edge_index, index=2).edge_mask)
        assert masks[-1].any()
        assert layer(x, edge_index).isfinite().all()
        assert not getattr(layer, "obstacle", lambda: "")()  # afterwards it runs on the kernels again
    same(masks[1], masks[0])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", KINDS)
def test_torchscript(name):
    fast = pair(LAYERS[name])[1]
    x, edge_index, weight = data()
    options = extras(name, weight)
    wanted = fast(x, edge_index, **options)
    if name not in ("gat", "gatv2", "transformer"):  # torch_geometric's own cannot be compiled as they are
        script = torch.jit.script(fast)
        same(script(x, edge_index, **options), wanted)
        same(script(*data(seed=1)[:2], **options), fast(*data(seed=1)[:2], **options))
    assert type(fast) is getattr(gr.pyg, type(fast).__name__)
    if name in ("gcn", "sage mean", "gat"):
        trace = torch.jit.trace(fast, (x, edge_index), check_trace=False)
        same(trace(x + 1, edge_index), fast(x + 1, edge_index))


@pytest.mark.parametrize("name", KINDS)
def test_transforms_and_forward_derivatives(name):
    plain, fast = pair(LAYERS[name])
    x, edge_index, weight = data()
    options = extras(name, weight)

    def of(layer):
        return lambda features: layer(features, edge_index, **options)

    tangent = torch.randn(30, 6)
    for layer in (plain, fast):
        layer.requires_grad_(requires_grad=False)
    same(torch.func.grad(lambda f: of(fast)(f).sum())(x), torch.func.grad(lambda f: of(plain)(f).sum())(x))
    if name != "rgcn":
        many = torch.stack([x, x + 1])
        same(torch.func.vmap(of(fast))(many), torch.func.vmap(of(plain))(many))
        same(torch.func.jvp(of(fast), (x,), (tangent,))[1], torch.func.jvp(of(plain), (x,), (tangent,))[1])
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(x, tangent)
            found, wanted = (torch.autograd.forward_ad.unpack_dual(of(layer)(dual)).tangent for layer in (fast, plain))
            same(found, wanted)


@pytest.mark.parametrize("name", KINDS)
def test_refused_as_before(name):
    plain, fast = pair(LAYERS[name])
    x, edge_index, weight = data()
    options = extras(name, weight)
    for a, b in ((x, edge_index.float()), (x, edge_index[None]), (x, edge_index[:1]), (x.long(), edge_index)):
        if name == "gin" and not a.is_floating_point():
            continue
        with pytest.raises(Exception) as wanted:  # noqa: PT011
            plain(a, b, **options)
        with pytest.raises(type(wanted.value)):
            fast(a, b, **options)
    if name in ("gcn", "graph"):
        with pytest.raises((RuntimeError, IndexError)):
            fast(x, edge_index, torch.ones(149))


def test_meta_tensors():
    with torch.device("meta"):
        layer = gr.pyg.SAGEConv(6, 8)
        assert layer(torch.ones(30, 6), torch.ones(2, 9, dtype=torch.int64)).shape == (30, 8)


def test_dispatch_modes():
    """A mode that watches the calls sees the kernels, and nothing is kept in it."""
    from torch.utils.flop_counter import FlopCounterMode

    plain, fast = pair(LAYERS["gat"])
    x, edge_index, _ = data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with FlopCounterMode(display=False):
            found = fast(x, edge_index)
    same(found, plain(x, edge_index))
    assert "_kept" not in fast.__dict__
