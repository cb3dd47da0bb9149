"""For the cases that test_triton.py runs in a process of their own: in Triton's interpreter, and on a GPU.

By hand: ``TRITON_INTERPRET=1 python -m pytest tests/ops/triton_cases/cases_*.py``, without the variable where a GPU is.
``GRAPHREP_CASES=3`` keeps every third case of each test, since the interpreter is slow.
"""

from __future__ import annotations

import os
import warnings

import pytest
import torch

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
LONG = 8  # so that the cutting of long rows is at work in small graphs


def pytest_collection_modifyitems(config, items):
    step, seen, kept = int(os.environ.get("GRAPHREP_CASES", "1")), {}, []
    if step == 1:
        return
    for item in items:
        number = seen[item.function] = seen.get(item.function, -1) + 1
        if number % step == 0:
            kept.append(item)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture(
    params=[
        pytest.param("cpu", marks=pytest.mark.skipif(not INTERPRETED, reason="needs TRITON_INTERPRET=1")),
        pytest.param(
            "cuda",
            marks=[pytest.mark.gpu, pytest.mark.skipif(INTERPRETED or not torch.cuda.is_available(), reason="no GPU")],
        ),
    ]
)
def device(request):
    return request.param


@pytest.fixture(autouse=True)
def triton_backend(monkeypatch):
    from graphrep.ops.sparse_dense import triton

    monkeypatch.setenv("GRAPHREP_BACKEND", "triton")
    monkeypatch.setattr(triton, "LONG", LONG)
    torch.manual_seed(0)


@pytest.fixture
def nan_filled():
    """Fresh memory holds NaN, so that what a kernel forgets to write is seen."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have a deterministic implementation")  # references on a GPU
        yield
    torch.use_deterministic_algorithms(False)
