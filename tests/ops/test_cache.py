"""The memory of large results is used again, and never while a result holds it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

import graphrep as gr
from graphrep import _core
from graphrep.ops.library import CACHED, empty

LIKE = torch.empty(0)
LARGE = (CACHED // 4 // 64, 64)


@pytest.fixture(autouse=True)
def clean():
    gr.ops.empty_cache()
    yield
    gr.ops.empty_cache()


def test_memory_of_a_dead_result_serves_the_next_one():
    first = empty(LIKE, LARGE)
    place = first.data_ptr()
    del first
    assert _core.cache_size() == CACHED
    second = empty(LIKE, LARGE)
    assert second.data_ptr() == place
    assert _core.cache_size() == 0


def test_no_two_living_results_share_memory():
    results = [empty(LIKE, LARGE).fill_(i) for i in range(4)]
    kept = results[1][5:7]  # a view keeps its memory, too
    del results[1]
    results.append(empty(LIKE, LARGE).fill_(9.0))
    assert kept.eq(1).all()
    assert [float(result.min()) for result in results] == [0, 2, 3, 9]


def test_a_block_that_is_much_too_large_is_not_taken():
    large = empty(LIKE, (LARGE[0] * 2, 64))
    place = large.data_ptr()
    del large
    assert empty(LIKE, LARGE).data_ptr() != place
    assert empty(LIKE, (LARGE[0] * 2 - 3, 64)).data_ptr() == place


def test_what_is_not_wanted_for_long_is_given_back():
    large = empty(LIKE, (LARGE[0] * 2, 64))
    del large
    for i in range(70):
        result = empty(LIKE, (LARGE[0] + 64 * (i % 2), 64))  # noqa: F841
    assert _core.cache_size() <= 2 * (CACHED + 64 * 64 * 4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int32])
def test_a_cached_result_is_an_ordinary_tensor(dtype):
    result = empty(LIKE, (LARGE[0], 128), dtype)
    assert result.dtype == dtype
    assert result.is_contiguous()
    assert not result._is_view()
    assert result.storage_offset() == 0
    assert result.clone().shape == result.shape


def test_results_of_ops_come_from_the_cache_and_have_gradients():
    n = CACHED // 4 // 64
    adj = gr.ops.Adjacency.from_edges(torch.arange(n), torch.arange(n).flip(0), num_rows=n)
    x = torch.ones(n, 64, requires_grad=True)
    gr.ops.spmm(adj, x).sum().backward()
    assert x.grad is not None
    assert x.grad.eq(1).all()
    with torch.no_grad():
        first = gr.ops.spmm(adj, x).data_ptr()
        assert gr.ops.spmm(adj, x).data_ptr() == first


@pytest.mark.parametrize(("setting", "kept"), [("0", 0), ("64", CACHED)])
def test_the_limit_comes_from_the_environment(setting, kept):
    program = (
        "import torch\nfrom graphrep import _core\nfrom graphrep.ops.library import empty\n"
        f"result = empty(torch.empty(0), {LARGE})\ndel result\nprint(_core.cache_size())"
    )
    done = run(program, setting)
    assert done.stdout.split() == [str(kept)], done.stderr


def test_a_limit_that_is_no_number():
    done = run("import graphrep.ops\ngraphrep.ops.spmm", "much")
    assert done.returncode != 0
    assert "GRAPHREP_CACHE_MB must be a non-negative integer number of MiB, got 'much'." in done.stderr


def run(program: str, setting: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"GRAPHREP_CACHE_MB": setting}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
