"""Fixtures of several tests of kernels."""

from __future__ import annotations

import pytest
import torch

from graphrep import _core


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def isa(request):
    """Run with the kernels compiled for one instruction set."""
    before = _core.isa()
    if not _core.set_isa(request.param):
        pytest.skip(f"this processor lacks {request.param}")
    yield request.param
    _core.set_isa(before)


@pytest.fixture
def nan_filled():
    """Memory that a kernel forgets to write shows as NaN."""
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(False)
