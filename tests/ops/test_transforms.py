"""Every op under torch's transforms: forward mode, vmap, jacobians, tracing, the profiler, subclasses of tensors."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.autograd import forward_ad

import graphrep as gr
from graphrep import ops

EDGES = torch.randint(0, 5, (2, 17), generator=torch.Generator().manual_seed(0))
ADJ = ops.Adjacency.from_edge_index(EDGES, num_nodes=5)
GRAPH = gr.as_graph(EDGES.numpy(), directed=False)
INDEX = torch.tensor([2, 0, 3, 3, 1, 0, 2])
SORTED = INDEX.sort()[0]
INDPTR = torch.tensor([0, 2, 2, 7])
PAIRS = torch.tensor([[0, 1, 2, 3], [1, 2, 4, 0]])


def double(*shape):
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape))) + 0.1


# Functions of tensors, and where to take the derivative.
CASES = {
    **{
        f"spmm {r}": (lambda x, w, r=r: ops.spmm(ADJ.with_values(w), x, r), (double(5, 3), double(17)))
        for r in ("sum", "mean", "max", "min")
    },
    "sddmm": (lambda x, y: ops.sddmm(ADJ, x, y), (double(5, 3), double(5, 3) ** 2)),
    "edge_softmax": (lambda w: ops.edge_softmax(ADJ, w), (double(17),)),
    **{
        f"scatter {r}": (lambda s, r=r: ops.scatter(s, INDEX, 0, dim_size=4, reduce=r), (double(7, 3),))
        for r in ("sum", "mean", "max", "min", "mul")
    },
    **{
        f"segment_csr {r}": (lambda s, r=r: ops.segment_csr(s, INDPTR, reduce=r), (double(7, 3),))
        for r in ("sum", "mean", "max", "min")
    },
    **{
        f"segment_coo {r}": (lambda s, r=r: ops.segment_coo(s, SORTED, dim_size=4, reduce=r), (double(7, 3),))
        for r in ("sum", "mean", "max", "min")
    },
    "gather_csr": (lambda s: ops.gather_csr(s, INDPTR), (double(3, 3),)),
    "gather_coo": (lambda s: ops.gather_coo(s, SORTED), (double(4, 3),)),
    "scatter_softmax": (lambda s: ops.scatter_softmax(s, INDEX, 0), (double(7, 3),)),
    "pool_common_neighbors": (lambda x: ops.pool_common_neighbors(GRAPH, PAIRS, x), (double(5, 3),)),
    "dropout": (lambda x: ops.dropout(x, 0.3, seed=1), (double(5, 3),)),
    "norm_dropout_relu": (
        lambda x, a, b: ops.norm_dropout_relu(x, a, b, p=0.2, seed=1),
        (double(5, 3), double(3), double(3)),
    ),
}
ATTENTION = {
    "dot_attention": (lambda x: ops.dot_attention(ADJ, x, x, x), (double(5, 3),)),
    "additive_attention": (lambda s, v: ops.additive_attention(ADJ, s, s, v), (double(5), double(5, 3))),
}
every = pytest.mark.parametrize("name", CASES)
with_attention = pytest.mark.parametrize("name", [*CASES, *ATTENTION])


def case(name):
    return (CASES | ATTENTION)[name]


def difference(f, at, direction, step=1e-6):
    """Central difference."""
    up, down = (f(*(a + s * d for a, d in zip(at, direction, strict=True))) for s in (step, -step))
    return (up - down) / (2 * step)


@every
def test_forward_mode(name):
    f, at = case(name)
    direction = [double(*a.shape) - 0.5 for a in at]
    wanted = difference(f, at, direction)
    with forward_ad.dual_level():
        out = f(*(forward_ad.make_dual(a, d) for a, d in zip(at, direction, strict=True)))
        torch.testing.assert_close(forward_ad.unpack_dual(out).tangent, wanted, atol=1e-7, rtol=1e-6)
    torch.testing.assert_close(torch.func.jvp(f, tuple(at), tuple(direction))[1], wanted, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("name", ATTENTION)
def test_attention_refuses_forward_mode(name):
    f, at = case(name)
    with pytest.raises(NotImplementedError, match="differentiable only once, in reverse mode"):
        torch.func.jvp(f, tuple(at), tuple(at))


@with_attention
def test_vmap_and_jacobian(name):
    f, (first, *rest) = case(name)
    batch = torch.stack([first, first * 2, first - 1], 1)
    out = torch.func.vmap(lambda x: f(x, *rest), in_dims=1)(batch)
    torch.testing.assert_close(out, torch.stack([f(x, *rest) for x in batch.unbind(1)]))
    jacobian = torch.func.jacrev(f)(first, *rest)
    direction = double(*first.shape) - 0.5
    product = (jacobian * direction).sum(tuple(range(-direction.dim(), 0)))
    wanted = difference(f, [first, *rest], [direction, *map(torch.zeros_like, rest)])
    torch.testing.assert_close(product, wanted, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("name", ["spmm sum", "spmm max", "sddmm", "scatter_softmax", "norm_dropout_relu"])
def test_hessian_in_every_order_of_modes(name):
    f, (first, *rest) = case(name)

    def loss(x):
        return (f(x, *rest) ** 3).sum()

    wanted = torch.autograd.functional.hessian(loss, first)
    func = torch.func
    for outer, inner in ((func.jacfwd, func.jacrev), (func.jacrev, func.jacfwd), (func.jacfwd, func.jacfwd)):
        torch.testing.assert_close(outer(inner(loss))(first), wanted)


@every
def test_second_derivative(name):
    f, at = case(name)
    assert torch.autograd.gradgradcheck(f, [a.clone().requires_grad_() for a in at], atol=1e-4)


@with_attention
def test_trace_computes_and_does_not_remember(name):
    f, at = case(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that it deprecates tracing, and of shapes that become constants
        traced = torch.jit.trace(f, tuple(at))
    other = [a * 1.5 + 0.1 for a in at]
    torch.testing.assert_close(traced(*other), f(*other))


def test_what_has_no_derivative_says_so():
    p = double(17).requires_grad_()
    grad = ops.edge_attention.softmax_grad_op(ADJ.indptr, p, p)
    with pytest.raises(NotImplementedError, match="graphrep::edge_softmax_backward has no derivative"):
        grad.sum().backward()


def test_the_profiler_shows_ops_by_name():
    x = double(5, 3).requires_grad_()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        ops.spmm(ADJ, x).sum().backward()
        ops.scatter_max(x, EDGES[0, :5], 0)
    names = {event.key for event in profile.key_averages()}
    assert {"graphrep::spmm_sum", "graphrep::scatter_extreme"} <= names


class Named(torch.nn.Parameter):
    """A parameter with an attribute."""


def test_subclasses_are_unwrapped():
    x = Named(double(5, 3))
    out = ops.spmm(ADJ, x)
    assert type(out) is torch.Tensor
    torch.testing.assert_close(out, ops.spmm(ADJ, x.detach()))
    out.sum().backward()
    assert x.grad.shape == x.shape
    index = INDEX.as_subclass(type("Ids", (torch.Tensor,), {}))
    torch.testing.assert_close(ops.scatter(double(7, 3), index, 0), ops.scatter(double(7, 3), INDEX, 0))


def test_index_classes_of_torch_geometric():
    pyg = pytest.importorskip("torch_geometric")
    edges = pyg.EdgeIndex(EDGES, sparse_size=(5, 5))
    x = double(5, 3)
    torch.testing.assert_close(ops.spmm(edges, x), ops.spmm(ADJ, x))
    torch.testing.assert_close(ops.spmm(ops.Adjacency.from_edge_index(edges, num_nodes=5), x), ops.spmm(ADJ, x))
    index, ids = pyg.Index(INDEX), pyg.Index(SORTED)
    src = double(7, 3)
    torch.testing.assert_close(ops.scatter(src, index, 0), ops.scatter(src, INDEX, 0))
    torch.testing.assert_close(ops.segment_coo(src, ids), ops.segment_coo(src, SORTED))
    torch.testing.assert_close(ops.segment_csr(src, pyg.Index(INDPTR)), ops.segment_csr(src, INDPTR))
    rows, cols = pyg.Index(EDGES[1]), pyg.Index(EDGES[0])
    torch.testing.assert_close(ops.spmm(ops.Adjacency.from_edges(rows, cols, num_rows=5), x), ops.spmm(ADJ, x))


def test_the_tensors_of_an_adjacency_may_change_afterwards():
    indptr, indices, x = torch.tensor([0, 1, 2]), torch.tensor([1, 0]), double(2, 3)
    adj = ops.Adjacency(indptr, indices)
    indices[0], indptr[1] = 10**12, -5
    torch.testing.assert_close(ops.spmm(adj, x), x.flip(0))
    array = indices.numpy()  # torch does not count writes into it
    array[:] = 1, 0
    indptr[1] = 1
    with ops.unchecked():
        shared = ops.Adjacency(indptr, indices)
    array[0] = 10**12
    with pytest.raises(IndexError, match=r"indices must lie in \[0, 2\), got 1000000000000"):
        ops.spmm(shared, x)
    array[0] = 1
    shared.indptr.numpy()[1] = 99
    with pytest.raises(
        ValueError, match="indptr must ascend from 0 to the number of entries, 2, but row 0 goes from 0"
    ):
        ops.sddmm(shared, x, x)


def test_writing_into_an_adjacency_is_an_error():
    adj = ops.Adjacency(torch.tensor([0, 1, 2]), torch.tensor([1, 0]))
    x = double(2, 3)
    ops.spmm(adj, x)
    adj.indices[0] = 0
    for call in (ops.spmm, lambda a, y: ops.sddmm(a, y, y), lambda a, y: ops.edge_softmax(a, y[:, 0])):
        with pytest.raises(RuntimeError, match="indptr or indices of the adjacency were written into"):
            call(adj, x)
