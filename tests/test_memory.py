from __future__ import annotations

import pytest

import graphrep as gr
from graphrep import _memory
from graphrep._memory import available_memory, check_memory, readable_bytes


@pytest.fixture
def system(tmp_path):
    """A root folder with the given files."""

    def system(files):
        for name, content in {"proc/meminfo": "MemTotal: 99 kB\nMemAvailable:    5000 kB\n", **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return tmp_path

    return system


def group(place, limit, usage, version, cached=0):
    names = ("memory.max", "memory.current") if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    return {
        f"{place}/{names[0]}": f"{limit}\n",
        f"{place}/{names[1]}": f"{usage}\n",
        f"{place}/memory.stat": f"active_file 7\n{'total_' * (version == 1)}inactive_file {cached}\nanon 1\n",
    }


def test_without_control_groups(system):
    assert available_memory(system({})) == 5000 * 1024
    assert available_memory() > 0


def test_control_groups_of_version_2(system):
    files = {"proc/self/cgroup": "0::/user/job\n", **group("sys/fs/cgroup/user/job", "max", 100, 2)}
    assert available_memory(system(files)) == 5000 * 1024
    files |= group("sys/fs/cgroup/user", 4000, 3000, 2, cached=500)
    assert available_memory(system(files)) == 1500
    files |= group("sys/fs/cgroup/user/job", 1000, 3000, 2)
    assert available_memory(system(files)) == 0


def test_control_groups_of_version_1(system):
    files = {"proc/self/cgroup": "5:cpu:/a\n4:memory:/a/b\n0::/\n", **group("sys/fs/cgroup/memory/a", 4000, 3000, 1, 9)}
    assert available_memory(system(files)) == 1009
    # A container sees its own group as the top.
    files = {"proc/self/cgroup": "4:memory:/outside\n", **group("sys/fs/cgroup/memory", 900, 200, 1)}
    assert available_memory(system(files)) == 700


def test_sizes_are_readable():
    sizes = (0, 999, 1000, 123_456, 3_210_000_000, 10**15, 10**20)
    assert [readable_bytes(size) for size in sizes] == [
        "0 bytes",
        "999 bytes",
        "1 kB",
        "123 kB",
        "3.21 GB",
        "1 PB",
        "100000 PB",
    ]


def test_work_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(_memory, "available_memory", lambda: 1000)
    check_memory(1000, "work", "do less")
    with pytest.raises(MemoryError, match=r"^work needs about 1 kB of memory, but 1 kB are available; do less\.$"):
        check_memory(1001, "work", "do less")
    with pytest.raises(MemoryError, match=r"^FastRP of 2 nodes needs about"):
        gr.FastRP().fit([[0], [1]])
    with pytest.raises(MemoryError, match=r"^Spectral of 2 nodes needs about .* give fit out=, which computes"):
        gr.Spectral().fit([[0], [1]])
    monkeypatch.setattr(_memory, "available_memory", lambda: None)
    check_memory(10**30, "work", "do less")
