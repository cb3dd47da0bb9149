"""The truncated SVD and eigenpairs against LAPACK, and its behavior where a matrix has no such rank."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from graphrep._svd import orthonormal, randomized_svd, rms_scaled, symmetric_eigenpairs
from graphrep._threads import one_blas_thread


def products(a):
    a = np.asarray(a, dtype=np.float64)
    return lambda x: (a @ x).astype(np.float32), lambda y: (a.T @ y).astype(np.float32)


def decaying(rows, columns, rate, seed=0):
    rng = np.random.default_rng(seed)
    u, _, v = np.linalg.svd(rng.standard_normal((rows, columns)), full_matrices=False)
    return u * np.exp(-np.arange(min(rows, columns)) / rate) @ v


@pytest.mark.parametrize("shape", [(90, 70), (70, 90), (9000, 50), (50, 9000), (300, 300)])
def test_singular_values_and_vectors_are_those_of_lapack(shape):
    a = decaying(*shape, rate=8)
    u, s, v = randomized_svd(*products(a), shape, 24, seed=3)
    left, exact, right = np.linalg.svd(a, full_matrices=False)
    assert (u.dtype, s.dtype, v.dtype) == (np.float32, np.float64, np.float32)
    assert (u.shape, s.shape, v.shape) == ((shape[0], 24), (24,), (shape[1], 24))
    np.testing.assert_allclose(s, exact[:24], atol=1e-5)
    np.testing.assert_allclose(np.abs(np.einsum("ij,ij->j", u, left[:, :24])), 1, atol=1e-3)
    np.testing.assert_allclose(np.abs(np.einsum("ij,ij->j", v, right[:24].T)), 1, atol=1e-3)
    for x in (u, v):
        np.testing.assert_allclose(x.T @ x, np.eye(24), atol=3e-6)
    assert (u.max(axis=0) >= -u.min(axis=0)).all()


def test_a_flat_spectrum_is_met_better_with_more_power():
    a = np.random.default_rng(0).standard_normal((400, 300))
    exact = np.linalg.svd(a)[1][:20]
    errors = [np.abs(randomized_svd(*products(a), a.shape, 20, power=q).values - exact).max() for q in (0, 1, 2, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-2 * exact[0]


def test_one_side_is_consistent_however_coarse_the_subspace():
    a = np.random.default_rng(0).standard_normal((200, 300))
    u, s, v = randomized_svd(*products(a), a.shape, 20, power=0)
    np.testing.assert_allclose(a.T @ u, v * s, atol=1e-5 * s[0])


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e25])
def test_low_rank_gives_zero_columns(scale):
    rng = np.random.default_rng(0)
    a = rng.standard_normal((500, 3)) @ rng.standard_normal((3, 400)) * scale
    u, s, v = randomized_svd(*products(a), a.shape, 12)
    np.testing.assert_allclose(s[:3], np.linalg.svd(a)[1][:3], rtol=1e-5)
    assert not s[3:].any()
    assert not u[:, 3:].any()
    assert not v[:, 3:].any()
    assert np.abs((u * s) @ v.T.astype(np.float64) - a).max() < 1e-4 * np.abs(a).max()


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 2), (40, 7)])
@pytest.mark.parametrize("rank", [1, 6, 50])
def test_matrices_smaller_than_the_rank_are_solved_exactly(shape, rank):
    a = np.random.default_rng(1).standard_normal(shape)
    u, s, v = randomized_svd(*products(a), shape, rank)
    assert (u.shape, v.shape) == ((shape[0], rank), (shape[1], rank))
    exact = np.linalg.svd(a)[1][:rank]
    np.testing.assert_allclose(s[: len(exact)], exact, rtol=1e-5)
    if rank >= min(shape):
        np.testing.assert_allclose((u * s) @ v.T, a, atol=1e-5)


def test_zeros():
    for shape in ((5, 4), (0, 0), (0, 3)):
        u, s, v = randomized_svd(*products(np.zeros(shape)), shape, 3)
        assert not np.concatenate([u.ravel(), s, v.ravel()]).any()
        assert (u.shape, s.shape, v.shape) == ((shape[0], 3), (3,), (shape[1], 3))


def test_an_overflow_is_said():
    with pytest.raises(FloatingPointError, match="a product overflowed float32"):
        randomized_svd(lambda x: x * np.float32(np.inf), lambda x: x, (4, 4), 2)


def test_the_start_follows_seed_and_keys():
    a = np.random.default_rng(0).standard_normal((60, 50))
    first = randomized_svd(*products(a), a.shape, 4, power=0).left
    assert (randomized_svd(*products(a), a.shape, 4, power=0).left == first).all()
    assert (randomized_svd(*products(a), a.shape, 4, power=0, seed=1).left != first).any()
    keys = np.arange(7, 57, dtype=np.uint64)
    keyed = randomized_svd(*products(a), a.shape, 4, power=0, keys=keys)
    order = np.random.default_rng(1).permutation(50)
    moved = randomized_svd(*products(a[:, order]), a.shape, 4, power=0, keys=keys[order])
    np.testing.assert_allclose(moved.left, keyed.left, atol=1e-5)
    np.testing.assert_allclose(moved.right, keyed.right[order], atol=1e-5)


def test_every_product_is_counted():
    calls = []
    randomized_svd(*products(np.eye(30)), (30, 30), 4, power=3, advance=lambda: calls.append(1))
    assert len(calls) == 8


def test_the_number_of_threads_changes_no_bit():
    """Also of BLAS: its results with two threads differ, so it is held to one."""
    code = """
import hashlib, sys, numpy as np, scipy.sparse as sp
from graphrep._svd import randomized_svd, symmetric_eigenpairs
rng = np.random.default_rng(0)
a = sp.csr_array((rng.standard_normal(90_000).astype(np.float32), rng.integers(0, 9000, (2, 90_000))), (9000, 9000))
b, transposed = a + a.T, sp.csr_array(a.T)
threads = int(sys.argv[1])
found = randomized_svd(lambda x: a @ x, lambda x: transposed @ x, (9000, 9000), 130, power=1, n_jobs=threads)
pairs = symmetric_eigenpairs(lambda x: b @ x, 9000, 130, order=lambda w: w, steps=[], n_jobs=threads)
print(hashlib.sha256(b"".join(part.tobytes() for part in (*found, *pairs))).hexdigest())
"""
    run = [
        subprocess.run(
            [sys.executable, "-c", code, n],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": n, "OMP_NUM_THREADS": n},
        ).stdout
        for n in ("1", "2")
    ]
    assert run[0] == run[1] != ""


@pytest.mark.parametrize("condition", [1.0, 1e3, 1e6])
def test_orthonormal(condition):
    rng = np.random.default_rng(0)
    mix = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    y = (rng.standard_normal((5000, 30)) * np.geomspace(1, 1 / condition, 30)) @ mix
    y = y.astype(np.float32)
    before = y.copy()
    q, r = orthonormal(y)
    assert (y == before).all()
    np.testing.assert_allclose(q.T @ q, np.eye(30), atol=3e-6)
    assert np.abs(q @ r - y).max() < 3e-6 * np.abs(y).max()


def test_orthonormal_drops_what_is_not_there():
    y = np.random.default_rng(0).standard_normal((100, 4)).astype(np.float32)
    y = np.concatenate([y, y[:, :2], np.zeros((100, 1), np.float32)], axis=1)
    q, r = orthonormal(y)
    expected = np.diag([1.0, 1, 1, 1, 0, 0, 0])
    np.testing.assert_allclose(q.T @ q, expected, atol=3e-6)
    np.testing.assert_allclose(q @ r, y, atol=3e-5)


def test_eigenpairs_in_the_asked_order():
    rng = np.random.default_rng(0)
    v = np.linalg.qr(rng.standard_normal((80, 80)))[0]
    w = np.concatenate([np.geomspace(1, 1e-3, 40), -np.geomspace(1.1, 1e-3, 40)])
    a = v * w @ v.T
    step = products(a)[0]
    largest = symmetric_eigenpairs(step, 80, 6, order=np.abs, steps=[step] * 12)
    np.testing.assert_allclose(largest.values, w[np.argsort(-np.abs(w))[:6]], atol=1e-4)
    np.testing.assert_allclose(a @ largest.vectors, largest.vectors * largest.values, atol=2e-3)
    upper = symmetric_eigenpairs(step, 80, 6, order=lambda w: w, steps=[lambda x: step(x) + x * 1.1] * 40)
    np.testing.assert_allclose(upper.values, np.sort(w)[::-1][:6], atol=1e-3)
    exact = symmetric_eigenpairs(step, 80, 90, order=lambda w: w, steps=[])
    np.testing.assert_allclose(exact.values[:80], np.sort(w)[::-1], atol=1e-5)
    assert not exact.vectors[:, 80:].any()


def test_eigenpairs_of_a_star_lack_most_columns():
    a = np.zeros((200, 200))
    a[0, 1:] = a[1:, 0] = 1
    step = products(a)[0]
    found = symmetric_eigenpairs(step, 200, 8, order=np.abs, steps=[step, step])
    np.testing.assert_allclose(np.sort(found.values[:2]), [-np.sqrt(199), np.sqrt(199)], rtol=1e-5)
    assert not found.values[2:].any()
    assert not found.vectors[:, 2:].any()


def test_scaling_leaves_zero_rows_out():
    x = np.array([[3.0, 4.0], [0.0, 0.0], [5.0, 0.0]], dtype=np.float32)
    scaled, factor = rms_scaled(x.copy(), 10.0)
    assert factor == pytest.approx(2)
    np.testing.assert_allclose(scaled, 2 * x)
    assert rms_scaled(np.zeros((2, 3), np.float32))[1] == 1


def test_blas_has_one_thread_inside_and_its_own_number_after():
    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    before, seen = threads(), []

    def other():
        with one_blas_thread():
            seen.append(threads())
        seen.append(threads())

    worker = threading.Thread(target=other)
    with one_blas_thread():
        worker.start()
        with one_blas_thread():
            assert threads() == {1}
        assert threads() == {1}
        assert not seen  # the other thread waits
    worker.join()
    assert seen[0] == {1}
    assert threads() == before
    with pytest.raises(RuntimeError, match="inside"), one_blas_thread():
        raise RuntimeError("inside")
    assert threads() == before
