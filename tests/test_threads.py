from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from graphrep._threads import available_cpus, limited_threads, resolve_threads


def in_a_fresh_process(code, **environment):
    code = f"from graphrep._threads import available_cpus, resolve_threads\n{code}"
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=clean | environment).stdout.strip()


def test_positive_numbers_are_taken_as_they_are():
    assert resolve_threads(1) == 1
    assert resolve_threads(available_cpus() + 7) == available_cpus() + 7
    assert resolve_threads(np.int64(3)) == 3


def test_negative_numbers_count_back_from_all_processors():
    assert resolve_threads(-1) == available_cpus()
    assert resolve_threads(-2) == max(1, available_cpus() - 1)
    assert resolve_threads(-(10**6)) == 1


@pytest.mark.parametrize("n_jobs", [True, 1.0, "2", [1]])
def test_other_types_are_refused(n_jobs):
    with pytest.raises(TypeError, match="n_jobs must be an integer or None"):
        resolve_threads(n_jobs)


def test_zero_is_refused():
    with pytest.raises(ValueError, match="n_jobs must not be 0"):
        resolve_threads(0)


def test_the_default_is_every_processor_of_the_process():
    assert in_a_fresh_process("print(resolve_threads(None) == available_cpus())") == "True"
    if hasattr(os, "sched_setaffinity"):
        code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(resolve_threads(None))"
        assert in_a_fresh_process(code) == "1"


@pytest.mark.parametrize(("value", "threads"), [("1", 1), ("100000", available_cpus()), ("0", available_cpus())])
def test_omp_num_threads_bounds_the_default(value, threads):
    assert in_a_fresh_process("print(resolve_threads(None))", OMP_NUM_THREADS=value) == str(threads)


@pytest.mark.parametrize("value", ["", "many", "-1", "2,1"])
def test_a_strange_omp_num_threads_is_as_good_as_none(value):
    code = "print(resolve_threads(None) == available_cpus())"
    assert in_a_fresh_process(code, OMP_NUM_THREADS=value) == "True"


def test_torch_governs_the_default_once_it_is_loaded():
    code = "import torch; torch.set_num_threads(3); print(resolve_threads(None), resolve_threads(2))"
    assert in_a_fresh_process(code) == "3 2"


def test_a_limit_holds_for_blas_and_torch_and_ends_with_the_block():
    import torch

    def counts():
        return torch.get_num_threads(), {pool["num_threads"] for pool in threadpool_info()}

    before = counts()
    for n_jobs in (1, 3):
        with limited_threads(n_jobs):
            assert counts() == (n_jobs, {n_jobs})
    with limited_threads(None):
        assert counts() == before
    assert counts() == before
    with pytest.raises(RuntimeError, match="inside"), limited_threads(3):
        raise RuntimeError("inside")
    assert counts() == before
    with pytest.raises(ValueError, match="n_jobs must not be 0"), limited_threads(0):
        pass
    assert (
        in_a_fresh_process("from graphrep._threads import limited_threads\nwith limited_threads(2): print('ok')")
        == "ok"
    )
