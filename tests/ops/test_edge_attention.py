from __future__ import annotations

import pytest
import torch
from torch.library import opcheck

from graphrep.ops import Adjacency, additive_attention, dot_attention, edge_softmax, sddmm, spmm
from graphrep.ops.edge_attention import attention_grad_op, attention_op, softmax_grad_op, softmax_op

from ._tensors import FLOATS, SHAPES, random_adjacency

pytestmark = pytest.mark.usefixtures("nan_filled")


def normal(*shape, dtype=torch.float64, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def problems(adj, heads, dtype=torch.float64, width=5):
    """Function and inputs of every op, on one adjacency."""
    head = () if heads is None else (heads,)
    n, m, e = adj.num_rows, adj.num_cols, adj.num_entries
    leaf = lambda seed, *shape: normal(*shape, dtype=dtype, seed=seed).requires_grad_()  # noqa: E731
    return {
        "softmax": (lambda s: edge_softmax(adj, 3 * s), (leaf(1, e, *head),)),
        "dot": (
            lambda q, k, v: dot_attention(adj, q, k, v),
            (leaf(1, n, *head, 3), leaf(2, m, *head, 3), leaf(3, m, *head, width)),
        ),
        "additive": (
            lambda r, c, v: additive_attention(adj, r, c, v),
            (leaf(1, n, *head), leaf(2, m, *head), leaf(3, m, *head, width)),
        ),
    }


@pytest.mark.parametrize("op", ["softmax", "dot", "additive"])
@pytest.mark.parametrize("heads", [None, 1, 3])
@pytest.mark.parametrize("ids", [torch.int32, torch.int64])
@pytest.mark.parametrize(("rows", "cols", "entries"), SHAPES)
def test_equals_reference_in_values_and_gradients(monkeypatch, rows, cols, entries, ids, heads, op):
    function, inputs = problems(random_adjacency(rows, cols, entries, ids=ids), heads)[op]

    def run():
        y = function(*inputs)
        return y, *torch.autograd.grad(y, inputs, torch.arange(y.numel(), dtype=y.dtype).view(y.shape).sin())

    got = run()
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    for a, b in zip(got, run(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("width", [1, 7, 16, 33, 64, 130])
def test_every_width_type_and_instruction_set(monkeypatch, isa, dtype, width):
    adj = random_adjacency(30, 40, 300)
    for function, inputs in problems(adj, 2, dtype, width).values():
        y = function(*inputs)
        grads = torch.autograd.grad(y.sin().sum(), inputs)
        monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
        wanted = function(*inputs)
        wanted_grads = torch.autograd.grad(wanted.sin().sum(), inputs)
        monkeypatch.delenv("GRAPHREP_BACKEND")
        loose = {} if dtype in (torch.float32, torch.float64) else {"rtol": 4e-2, "atol": 4e-2}
        for a, b in zip((y, *grads), (wanted, *wanted_grads), strict=True):
            assert a.dtype == dtype
            torch.testing.assert_close(a, b, **loose)


def test_fused_equals_composed():
    adj = random_adjacency(20, 30, 200)
    q, k, v = normal(20, 2, 4), normal(30, 2, 4, seed=2), normal(30, 2, 6, seed=3)
    p = edge_softmax(adj, sddmm(adj, q, k) / 2)
    torch.testing.assert_close(dot_attention(adj, q, k, v), spmm(adj.with_values(p), v))
    torch.testing.assert_close(
        p.new_zeros(20, 2).index_add(0, adj.rows(), p), (adj.degree() > 0).double()[:, None].expand(20, 2)
    )


def test_gradients_against_finite_differences():
    adj = random_adjacency(5, 7, 20)
    for name, (function, inputs) in problems(adj, 2).items():
        assert torch.autograd.gradcheck(function, inputs)
        if name == "softmax":
            assert torch.autograd.gradgradcheck(function, inputs)
    function, inputs = problems(adj, 2)["dot"]
    grad = torch.autograd.grad(function(*inputs).sum(), inputs, create_graph=True)
    with pytest.raises(
        NotImplementedError, match="differentiable only once, in reverse mode; for second derivatives and forward mode"
    ):
        grad[0].sum().backward()


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"], indirect=True)
def test_large_small_and_special_scores(isa):
    adj = Adjacency(torch.tensor([0, 40, 80, 82, 84]), torch.zeros(84, dtype=torch.int64), num_cols=1)
    s = torch.cat(
        [
            torch.linspace(-300, 300, 40),
            torch.linspace(1e30, 2e30, 40),
            torch.tensor([-torch.inf, 0.0]),
            torch.tensor([torch.nan, 0.0]),
        ]
    )
    p = edge_softmax(adj, s)
    for begin, end in ((0, 40), (40, 80), (80, 82)):
        torch.testing.assert_close(p[begin:end], s[begin:end].softmax(0), rtol=1e-5, atol=1e-12)
    assert p[82:].isnan().all()


def test_threads_change_nothing():
    before = torch.get_num_threads()
    adj = random_adjacency(2000, 1500, 40_000)
    results = []
    for count in (1, 2, 7):
        torch.set_num_threads(count)
        found = []
        for function, inputs in problems(adj, 2, torch.float32).values():
            y = function(*inputs)
            found += [y, *torch.autograd.grad(y.sin().sum(), inputs)]
        results.append(found)
    torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_registered_ops_keep_torchs_rules():
    adj = random_adjacency(5, 7, 20)
    s = normal(20, 2, dtype=torch.float32).requires_grad_()
    opcheck(softmax_op._op, (adj.indptr, s))
    opcheck(softmax_grad_op._op, (adj.indptr, edge_softmax(adj, s).detach(), torch.ones(20, 2)))
    q, k, v = (normal(n, 2, 3, dtype=torch.float32).requires_grad_() for n in (5, 7, 7))
    opcheck(attention_op._op, (adj.indptr, adj.indices, q, k, None, None, v, 0.5, None, None))
    r, c = (normal(n, 2, dtype=torch.float32).requires_grad_() for n in (5, 7))
    t = adj.t()
    opcheck(attention_op._op, (adj.indptr, adj.indices, None, None, r, c, v, 0.2, t.indptr, t.indices))
    parts = [part.detach() for part in (r, c, v)]
    out, log_sum = attention_op(adj.indptr, adj.indices, None, None, *parts, 0.2, None, None)
    arguments = (adj.indptr, adj.indices, None, None, *parts, 0.2, log_sum, torch.ones_like(out), t.indptr, t.indices)
    opcheck(attention_grad_op._op, arguments)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a: edge_softmax(a, torch.ones(19)), ValueError, r"scores must have shape \(20,\) or \(20, heads\)"),
        (lambda a: edge_softmax(a, torch.ones(20).long()), TypeError, "scores must be a float32, .* got int64 tensor"),
        (
            lambda a: dot_attention(a, torch.ones(5, 2), torch.ones(7, 3), torch.ones(7, 4)),
            ValueError,
            "query and key the same number of columns",
        ),
        (
            lambda a: dot_attention(a, torch.ones(4, 2), torch.ones(7, 2), torch.ones(7, 4)),
            ValueError,
            r"query must have 5 rows and 2 or 3 dimensions, got shape \(4, 2\)",
        ),
        (
            lambda a: dot_attention(a, torch.ones(5, 2), torch.ones(7, 2).double(), torch.ones(7, 4)),
            TypeError,
            "key must have the dtype of value",
        ),
        (
            lambda a: additive_attention(a, torch.ones(5, 2), torch.ones(7, 2), torch.ones(7, 3, 4)),
            ValueError,
            "row_score must have the heads of value",
        ),
        (
            lambda a: additive_attention(a, torch.ones(5), torch.ones(7, device="meta"), torch.ones(7, 4)),
            ValueError,
            "col_score is on meta",
        ),
    ],
)
def test_bad_input_is_one_sentence(call, error, message):
    with pytest.raises(error, match=message):
        call(random_adjacency(5, 7, 20))
