"""Entries in groups, of odd shapes, for the tests of scatter and segments."""

from __future__ import annotations

import torch

FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
# entries, groups: nothing, one of each, empty groups, many entries of few groups, no multiple of a block
SIZES = [(0, 0), (0, 3), (1, 1), (5, 1), (7, 40), (300, 9), (301, 70)]
# leading dimensions, trailing dimensions, shape of the index: 0 = one, 1 = per leading, 2 = full
LAYOUTS = [
    ((), (), 0),
    ((), (1,), 0),
    ((), (5,), 0),
    ((), (37,), 0),
    ((), (3, 7), 0),
    ((), (6,), 2),
    ((2,), (), 0),
    ((2,), (), 1),
    ((5,), (19,), 0),
    ((5,), (19,), 1),
    ((2, 3), (4,), 1),
    ((3,), (4,), 2),
]


def values(*shape, dtype=torch.float64, seed=1):
    """Coarse values, so that extremes tie."""
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    if dtype.is_floating_point:
        return ((x * 8).round() / 8).to(dtype)
    return (x * 3).round().abs().to(dtype) if dtype == torch.uint8 else (x * 3).round().to(dtype)


def ids(*shape, groups, dtype=torch.int64, seed=2):
    """A hub and empty groups."""
    x = torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (x**3 * 0.9 * groups).to(dtype)


def case(layout, size, *, dtype=torch.float64, id_dtype=torch.int64):
    """(src, index, dim, groups)."""
    leading, trailing, kind = layout
    entries, groups = size
    shape = {0: (entries,), 1: (*leading, entries), 2: (*leading, entries, *trailing)}[kind]
    return (
        values(*leading, entries, *trailing, dtype=dtype),
        ids(*shape, groups=groups, dtype=id_dtype),
        len(leading),
        groups,
    )


def cut(entries, groups, *leading, seed=3):
    """Ascending offsets from somewhere at the start to somewhere at the end."""
    x = torch.rand(*leading, groups + 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (x * (entries + 1)).long().clamp(max=entries).sort().values


def assert_same(got, wanted):
    torch.testing.assert_close(got, wanted, rtol=0, atol=0, equal_nan=True)
