"""No binding trusts its caller: short arrays, ids outside and absurd sizes give an exception, not a crash."""

from __future__ import annotations

import subprocess
import sys

import pytest

from graphrep import _core

SETTINGS = {"isa", "set_isa", "set_cache_limit", "empty_cache", "cache_size"}
NAMES = sorted({name for name in vars(_core) if not name.startswith("_")} - SETTINGS)

FUZZ = """
import re, resource, signal, sys
import numpy as np
import torch
from graphrep import _core

trials, names = int(sys.argv[1]), sys.argv[2:]
rng = np.random.default_rng(0)


class Late(Exception):
    pass


def late(*_):
    raise Late


signal.signal(signal.SIGALRM, late)
sizes = [0, 1, 2, 3, 4, 5, 16, 33]
numbers = [-(2**62), -1, 0, 1, 1, 2, 2, 3, 4, 4, 5, 16, 2**31, 2**40, 2**62]
wild = np.array([-(2**31), -2, -1, 0, 1, 2, 3, 4, 5, 2**31 - 1])


def array(dtype, dims):
    n = int(rng.choice(sizes))
    kind = rng.integers(4)
    if dtype.startswith("float"):
        values = rng.random(n) if kind else np.full(n, [np.nan, -1, np.inf, 0][rng.integers(4)])
    elif kind == 0:
        values = rng.choice(wild, n)
    elif kind == 1:
        values = np.arange(n)
    else:
        values = np.sort(rng.integers(0, 5, n))
    values = np.asarray(values).astype(dtype)
    return values.reshape(rng.choice([1, max(n, 1)]) if n else 0, -1 if n else 4) if dims == 2 else values


def tensor():
    dtype = ["int64", "int64", "int32", "float32", "float64"][rng.integers(5)]
    return torch.from_numpy(array(dtype, 1).copy())


def relation():
    # sorted rows in most trials, so that samples are drawn
    n = int(rng.integers(1, 5))
    indptr = torch.from_numpy(np.sort(rng.integers(0, 5, n + 1)).astype(np.int64))
    indices = torch.from_numpy(rng.integers(0, n + (rng.random() < 0.3), 5))
    optional = [None if rng.random() < 0.7 else tensor() for _ in range(4)]
    if rng.random() < 0.3:
        indptr, indices = tensor(), tensor()
    return (indptr, indices, *optional, [int(rng.choice([-1, 0, 2, 2**40]))], int(rng.integers(2)), 0)


def argument(kind):
    if "Sequence[tuple" in kind:
        return [relation() for _ in range(rng.integers(3))]
    if "Sequence[Tensor" in kind:
        return [torch.from_numpy(rng.integers(0, 2, rng.integers(3))), tensor()][: rng.integers(3)]
    if kind.startswith("tuple[int"):
        return tuple(int(rng.choice(numbers)) for _ in kind.split(","))
    if "ndarray" in kind:
        if "None" in kind and rng.random() < 0.4:
            return None
        dtype = re.search(r"dtype=(\\w+)", kind).group(1)
        return array(dtype, 2 if re.search(r"shape=\\(\\*, \\*\\)", kind) else 1)
    if "Tensor" in kind:
        return None if "None" in kind and rng.random() < 0.3 else tensor()
    if "list" in kind or "Sequence" in kind:
        return [b"#"]
    return {
        "int": lambda: int(rng.choice(numbers)),
        "float": lambda: float(rng.choice([0.0, 0.5, 1.0, -1.0, np.nan, np.inf, 1e-300])),
        "bool": lambda: bool(rng.integers(2)),
        "str": lambda: ["sum", "max", "first", "?"][rng.integers(4)],
        "bytes": lambda: [b",", b"", b"xyz"][rng.integers(3)],
    }[kind]()


def signatures_of(name):
    signatures = []
    for text, *_ in getattr(_core, name).__nb_signature__:
        depth, part, parts = 0, "", []
        for c in text[text.index("(") + 1 : text.rindex(") ->")]:
            depth += (c in "[(") - (c in "])")
            if c == "," and depth == 0:
                parts.append(part)
                part = ""
            else:
                part += c
        signatures.append([p.split(":", 1) for p in [*parts, part] if p.strip()])
    return signatures


# Codes and small numbers are valid in most trials, so that the deeper checks are reached.
likely = {
    "scalar": (0, 6), "id": (4, 6), "reduce": (0, 5), "num_threads": (1, 3), "pass_": (0, 3), "path": (0, 3),
    "element_bytes": (1, 9), "weight": (-1, 3), "negatives": (0, 4), "window": (1, 4), "noise_rows": (1, 6),
    "hops": (1, 2), "walk_length": (1, 5), "step": (1, 3), "first_walk": (0, 3), "first_node": (0, 2),
    "column": (0, 2), "first_place": (-1, 2),
}
# Tables of walkers and questions are as long as one another in most trials.
columns = {"walkers": 4, "made": 2, "pairs": 2, "askers": 2, "items": 2, "where": 0, "answers": 0, "rows": 0}
walkers = {"step_walkers", "try_steps", "settle_steps", "scan_steps", "answer_questions", "route_items", "place_nodes"}


def walkers_of(name, values):
    size, own = int(rng.integers(4)), {}
    for key, width in columns.items():
        if isinstance(values.get(key), np.ndarray) and rng.random() < 0.9:
            width = 2 if name == "step_walkers" and width else width
            own[key] = rng.integers(-1, 5, (size, width) if width else size).astype(values[key].dtype)
    if name == "route_items" and rng.random() < 0.9:
        own["out"], own["counts"] = np.zeros((size, 2), np.int64), np.zeros(len(values["ends"]), np.int64)
    if "offsets" in values and rng.random() < 0.9:
        own["offsets"] = np.arange(size + 1)
    if rng.random() < 0.8:
        own |= {key: None for key in ("weights", "alias_keep", "alias_slot", "row_sums", "filter") if key in values}
    return own


resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
for name in names:
    print(name, end=" ", flush=True)  # the last name in the output is that of the binding that ended the process
    signatures, returned = signatures_of(name), 0
    for trial in range(trials):
        values = {key.strip(): argument(kind.strip()) for key, kind in signatures[trial % len(signatures)]}
        for key, (low, high) in likely.items():
            if isinstance(values.get(key), int) and rng.random() < 0.9:
                values[key] = int(rng.integers(low, high))
        if name in walkers:
            values |= walkers_of(name, values)
            if "num_nodes" in values and rng.random() < 0.9:
                values["num_nodes"] = int(rng.integers(4, 40))
        if "seed" in values:
            values["seed"] = 1
        try:
            signal.setitimer(signal.ITIMER_REAL, 1.0)
            getattr(_core, name)(**values)
            returned += 1
        except (Late, TypeError, ValueError, IndexError, MemoryError, OverflowError):
            pass
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    print(returned, flush=True)
"""


def test_hostile_arguments_do_not_crash():
    run = subprocess.run([sys.executable, "-c", FUZZ, "250", *NAMES], capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, (run.returncode, run.stdout[-200:], run.stderr[-2000:])
    lines = [line.split() for line in run.stdout.splitlines()]
    assert [name for name, _ in lines] == NAMES
    # Some of the random calls are valid: what is refused is refused for a reason.
    assert sum(int(returned) > 0 for _, returned in lines) > len(NAMES) // 2


def test_what_is_refused_says_why():
    import numpy as np
    import torch

    ids = np.array([0, 1], dtype=np.int32)
    with pytest.raises(ValueError, match="num_nodes must not be negative"):
        _core.build_csr(ids, ids, None, -1, True, "sum", True, False, 1)
    with pytest.raises(ValueError, match="num_nodes is too large to build a CSR"):
        _core.build_csr(ids, ids, None, 2**45, False, "sum", True, True, 1)
    with pytest.raises(IndexError, match=r"source holds node id 1, outside \[0, 1\)"):
        _core.build_csr(ids, ids, None, 1, True, "sum", True, False, 1)
    with pytest.raises(ValueError, match="weights must have one entry per edge"):
        _core.build_csr(ids, ids, np.ones(1, np.float32), 2, True, "sum", True, False, 1)
    with pytest.raises(TypeError):
        _core.build_csr(np.array([0, 1, 2, 3], dtype=np.int32)[::2], ids, None, 4, True, "sum", True, False, 1)
    indptr, indices = torch.tensor([0, 1, 2]), torch.tensor([0, 7])
    x, out = torch.ones(2, 4), torch.empty(2, 4)
    with pytest.raises(IndexError, match=r"indices must lie in \[0, 2\), got 7"):
        _core.spmm(0, 5, 0, indptr, indices, None, x, 2, 2, 1, 4, out, None, 1)
    with pytest.raises(ValueError, match="out must hold 8 elements of 4 bytes, got 16 bytes"):
        _core.spmm(0, 5, 0, indptr, indices, None, x, 2, 2, 1, 4, out[0], None, 1)
    with pytest.raises(TypeError):  # not contiguous
        _core.spmm(0, 5, 0, indptr, indices, None, x, 2, 2, 1, 4, out.t(), None, 1)


def test_samples_are_not_drawn_outside_the_graph():
    import torch

    def draw(indptr=(0, 2, 2), indices=(0, 1), seeds=(0,), *, times=None, nodes=2):
        parts = (torch.tensor(indptr), torch.tensor(indices), None, None, None, times, [-1], 0, 0)
        of = None if times is None else torch.zeros(len(seeds), dtype=torch.int64)
        seeds = torch.tensor(seeds)
        return _core.sample_neighbors(0, 5, [parts], [seeds], 1, False, times is not None, False, of, 0, 0, 1)

    assert draw()[2][0][0].tolist() == [0, 1]
    with pytest.raises(IndexError, match=r"seed must lie in \[0, 2\), got 2"):
        draw(seeds=(2,))
    with pytest.raises(IndexError, match=r"node must lie in \[0, 2\), got -1"):
        draw(indices=(0, -1))
    with pytest.raises(ValueError, match="row 0"):
        draw(indptr=(0, 3, 3))
    with pytest.raises(IndexError, match="node"):
        draw(times=torch.zeros(1, dtype=torch.int64))
    indptr, indices, one = torch.tensor([0, 2, 2]), torch.tensor([0, 1]), torch.tensor([1])
    with pytest.raises(IndexError, match="node"):
        _core.induced_edges(5, indptr, indices, None, None, None, one + 1, None, None, 1)
    with pytest.raises(ValueError, match="examples must hold 1 elements"):
        _core.induced_edges(5, indptr, indices, None, None, None, one, one[:0], None, 1)
