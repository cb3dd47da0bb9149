from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import graphrep as gr
from graphrep.ops import library, sparse_dense

CASES = Path(__file__).with_name("triton_cases")
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


def run_cases(**variables):
    """Run them in a process of their own: triton decides when it is imported whether it interprets or compiles."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRITON_", "GRAPHREP_B"))}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        *sorted(map(str, CASES.glob("cases_*.py"))),
    ]
    done = subprocess.run(
        command, env={**environment, **variables}, cwd=CASES.parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr
    assert " passed" in done.stdout


@pytest.mark.slow
def test_cases_in_the_interpreter():
    pytest.importorskip("triton")
    run_cases(TRITON_INTERPRET="1", OMP_NUM_THREADS="1", GRAPHREP_CASES="6")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_cases_on_a_gpu():
    pytest.importorskip("triton")
    run_cases()


def compile_for_gpu(kernel, *args, grid, warmup, **options):
    """Compile a kernel for an NVIDIA GPU that need not be there, down to machine code; return its name."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kinds = {torch.float32: "fp32", torch.float64: "fp64", torch.float16: "fp16", torch.bfloat16: "bf16"}
    kinds |= {torch.int32: "i32", torch.int64: "i64", torch.uint8: "u8"}
    named = {name: options.pop(name) for name in list(options) if name in kernel.signature.parameters}
    given = kernel.signature.bind(*args, **named).arguments
    signature, constants, aligned = {}, {}, {}
    for number, parameter in enumerate(kernel.params):
        value = given[parameter.name]
        if isinstance(value, torch.Tensor):
            signature[parameter.name] = "*" + kinds[value.dtype]
        elif parameter.is_constexpr or value is None or value == 1:  # triton makes a 1 a constant
            signature[parameter.name] = "constexpr"
            constants[(number,)] = value
            continue
        else:
            signature[parameter.name] = "i32"
        if isinstance(value, torch.Tensor) or value % 16 == 0:
            aligned[(number,)] = [["tt.divisibility", 16]]
    source = ASTSource(kernel, signature, constants, aligned)
    assert triton.compile(source, target=GPUTarget("cuda", 80, 32), options=options).asm["cubin"]
    return kernel.fn.__name__


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """Have kernels compiled where they would be launched: what the interpreter takes, the compiler may refuse.

    Gives the names of those that were.
    """
    if INTERPRETED:
        pytest.skip("the interpreter compiles nothing")
    pytest.importorskip("triton")
    from triton.runtime.jit import JITFunction

    names = set()
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(JITFunction, "run", lambda *args, **options: names.add(compile_for_gpu(*args, **options)))
    return names


@pytest.mark.parametrize(
    ("dtype", "ids", "heads", "shape"),
    [
        (torch.float32, torch.int32, 0, (32,)),
        (torch.float64, torch.int64, 2, (2, 5)),
        (torch.float16, torch.int64, 2, (2, 16)),
        (torch.bfloat16, torch.int32, 1, (1,)),
    ],
    ids=str,
)
def test_sparse_products_compile(dtype, ids, heads, shape, compiled, monkeypatch):
    from graphrep.ops.sparse_dense import triton, triton_kernels

    indptr, columns = torch.tensor([0, 0, 3, 12]), torch.zeros(12, dtype=ids)
    x = torch.zeros(12, *shape, dtype=dtype)
    values = torch.zeros(12, heads, dtype=dtype) if heads else None
    for indices, long in ((columns, 4), (columns, 1024), (None, 4)):
        monkeypatch.setattr(triton, "LONG", long)
        triton.spmm_sum(indptr, indices, values, x, indices is None)
        grad, arg = triton.spmm_extreme(indptr, indices, values, x, indices is None, True)
        triton.spmm_extreme_backward(indptr, indices, values, arg, grad, len(x))
    triton.sddmm(indptr, columns, x[:3], x, max(heads, 1))
    assert compiled == {name for name in vars(triton_kernels) if name.endswith("_kernel")}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8], ids=str)
def test_scatter_compiles(dtype, compiled):
    from graphrep.ops.segment import kernels, triton

    for ids in (torch.int32, torch.int64):
        triton.fold(torch.zeros(4, 3, dtype=dtype), torch.zeros(4, dtype=ids), 0, 2, kernels.SUM)
    triton.segment_fold(torch.zeros(4, 3, dtype=dtype), torch.tensor([0, 2, 4]), 0, kernels.MEAN)
    triton.segment_extreme(torch.zeros(4, 3, dtype=dtype), torch.tensor([0, 2, 4]), 0, False, True)
    assert compiled == {"add_kernel", "sum_kernel", "extreme_kernel"}


@pytest.mark.parametrize(
    ("dtype", "ids", "heads", "key_columns", "columns", "dot", "long"),
    [
        (torch.float32, torch.int32, 8, 8, 8, True, 4),
        (torch.float64, torch.int64, 3, 2, 130, False, 4),
        (torch.bfloat16, torch.int64, 1, 64, 64, True, 1024),
    ],
    ids=str,
)
def test_attention_compiles(dtype, ids, heads, key_columns, columns, dot, long, compiled, monkeypatch):
    from graphrep.ops.edge_attention import triton, triton_backward, triton_kernels
    from graphrep.ops.sparse_dense import triton as rows

    monkeypatch.setattr(rows, "LONG", long)
    indptr, indices = torch.tensor([0, 0, 3, 12]), torch.zeros(12, dtype=ids)
    key, value = torch.zeros(3, heads, key_columns, dtype=dtype), torch.zeros(3, heads, columns, dtype=dtype)
    parts = (key, key, None, None) if dot else (None, None, key[..., 0], key[..., 0])
    graph = indptr, indices, *parts, value, 0.5
    grad, log_sum = triton.attention(*graph)
    triton.attention_backward(*graph, log_sum, grad, indptr, indices)
    triton.edge_softmax(indptr, torch.zeros(12, heads, dtype=dtype))
    triton.edge_softmax_backward(indptr, *torch.zeros(2, 12, dtype=dtype))
    expected = {name for name in (*vars(triton_kernels), *vars(triton_backward)) if name.endswith("_kernel")} | {
        "softmax_kernel",
        "sum_join_kernel",
    }
    assert compiled == {name for name in expected if long == 4 or "join" not in name}


@pytest.mark.parametrize(
    ("dtype", "ids", "removing"), [(torch.float64, torch.int32, False), (torch.bfloat16, torch.int64, True)], ids=str
)
def test_neighbor_sets_compile(dtype, ids, removing, compiled):
    from graphrep.ops.neighbors.sets import triton, triton_kernels

    indptr, indices = torch.tensor([0, 0, 3, 12]), torch.zeros(12, dtype=ids)
    pairs, x = torch.zeros(2, 2, dtype=torch.int64), torch.zeros(3, 20, dtype=dtype)
    sets = indptr, indices, pairs, pairs if removing else None, True, not removing
    triton.pool(*sets, x, x[:, 0], False)
    triton.count(*sets)
    triton._Job(*sets).fill(torch.tensor([0, 3, 3]), indices[:3])
    triton._draw(pairs, torch.tensor([0]), torch.tensor([3, 0]), 2, 7)
    assert compiled == {name for name in vars(triton_kernels) if name.endswith("_kernel")}


def test_sampling_compiles(compiled):
    from graphrep.ops.sampling import triton, triton_kernels

    indptr, targets = torch.tensor([0, 0, 3, 12]), torch.tensor([2, 1, 0])
    for weights in (None, torch.ones(12)):
        for replace in (False, True):
            triton._draw(indptr, weights, targets, torch.tensor([9, 3, 0]), 5, replace, 7)
    assert compiled == {name for name in vars(triton_kernels) if name.endswith("_kernel")}


@pytest.fixture
def path_graph():
    return gr.ops.Adjacency(torch.tensor([0, 1, 2]), torch.tensor([1, 0]))


@pytest.mark.skipif(INTERPRETED, reason="the interpreter is on")
def test_tensors_on_the_cpu_need_the_interpreter(path_graph, monkeypatch):
    pytest.importorskip("triton")
    monkeypatch.setenv("GRAPHREP_BACKEND", "triton")
    with pytest.raises(RuntimeError, match=r"^spmm_sum: .*GPU.*TRITON_INTERPRET=1"):
        gr.ops.spmm(path_graph, torch.ones(2, 1))


def test_without_triton(path_graph, monkeypatch):
    monkeypatch.setattr(library, "_triton_found", False)
    monkeypatch.setenv("GRAPHREP_BACKEND", "triton")
    with pytest.raises(ModuleNotFoundError, match=r"^spmm_sum: .*needs the package triton"):
        gr.ops.spmm(path_graph, torch.ones(2, 1))


@pytest.mark.parametrize(("installed", "expected"), [(False, "reference"), (True, "triton")])
def test_what_runs_on_a_gpu_by_default(installed, expected, monkeypatch):
    monkeypatch.setattr(library, "_triton_found", installed)
    monkeypatch.setenv("GRAPHREP_BACKEND", "auto")
    op = sparse_dense.sddmm_op
    monkeypatch.setattr(op, "_reference", lambda *_: "reference")
    monkeypatch.setattr(op, "_triton_kernel", lambda *_: "triton")
    on_gpu = SimpleNamespace(device=torch.device("cuda"))
    assert op.kernel(None, None, on_gpu, on_gpu, 1) == expected


def test_triton_is_imported_only_when_used():
    code = (
        "import sys, torch, graphrep as gr\n"
        "adj = gr.ops.Adjacency(torch.tensor([0, 1, 2]), torch.tensor([1, 0]))\n"
        "gr.ops.spmm(adj, torch.ones(2, 1, requires_grad=True)).sum().backward()\n"
        "print([name for name in sys.modules if name.startswith('graphrep.ops') and name.endswith('triton')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
