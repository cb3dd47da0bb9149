"""The example of an operation on the design page works as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "design.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="needs a checkout")


@pytest.fixture(scope="module")
def example():
    import torch

    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    names = {"torch": torch}
    exec(compile(code, str(PAGE), "exec"), names)
    return names


def test_the_op_multiplies_rows_on_every_path(example, monkeypatch):
    torch, op = example["torch"], example["scale_rows"]
    expected = torch.tensor([[2.0] * 4, [3.0] * 4], dtype=torch.float64)
    assert torch.equal(example["y"], expected)
    scale, x = example["scale"].detach(), example["x"].detach()
    assert torch.equal(torch.ops.graphrep.scale_rows(scale, x), expected)
    monkeypatch.setenv("GRAPHREP_BACKEND", "reference")
    assert torch.equal(op(scale, x), expected)
    monkeypatch.setenv("GRAPHREP_BACKEND", "triton")
    with pytest.raises(NotImplementedError, match="scale_rows has no 'triton' implementation"):
        op(scale, x)


def test_the_op_is_differentiable_twice_and_traced(example):
    torch, op = example["torch"], example["scale_rows"]
    inputs = example["scale"], example["x"]
    assert torch.autograd.gradcheck(op, inputs)
    assert torch.autograd.gradgradcheck(op, inputs)
    torch.library.opcheck(torch.ops.graphrep.scale_rows.default, inputs)
