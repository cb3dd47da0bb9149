"""Logistic regression: one-vs-rest for all classes in one optimization, and the variants of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphrep.evaluate.checks import F64, I64

_MOST_SPANNED = 4096  # samples; with more, the eigenvectors of their products take longer than the steps
_BLOCK = 8192  # rows per matrix product: the block of logits stays in cache


class LinearScorer(NamedTuple):
    """Scores ``x @ coef + intercept``."""

    coef: F64
    intercept: F64

    def __call__(self, X: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Logits in the dtype of X, shape (len(X), num_classes)."""
        return np.asarray(X @ self.coef.astype(X.dtype) + self.intercept.astype(X.dtype))


def fit_one_vs_rest(
    X: npt.NDArray[np.floating],
    Y: npt.NDArray[np.bool_],
    C: float = 1.0,
    *,
    standardize: bool = False,
    start: LinearScorer | None = None,
    tol: float = 1e-4,
    max_iter: int = 1000,
) -> LinearScorer:
    r"""Fit one L2-regularized logistic regression per column of Y.

    .. math:: \min_{w_c, b_c} \; \tfrac12 \lVert w_c \rVert^2
              + C \sum_i \log\bigl(1 + e^{-(2 Y_{ic} - 1)(w_c^\top x_i + b_c)}\bigr)

    The intercept is not penalized. The problems share X, so one L-BFGS run over the whole (dimensions, num_classes)
    matrix replaces num_classes runs over vectors: each step is two matrix products. The optimum is that of
    ``sklearn.linear_model.LogisticRegression`` fitted to each column. Internally, columns of X are centered and scaled
    and the penalty is adapted, and every weight is divided by the root of the curvature along its axis at the start,
    where each class is equally likely everywhere; convergence then depends little on the scale of X, C or the classes.

    Parameters
    ----------
    X : float array of shape (num_samples, dimensions)
    Y : bool array of shape (num_samples, num_classes)
        A class without positive examples scores -inf everywhere, one without negative examples +inf.
    C : float
        Inverse strength of the penalty.
    standardize : bool
        Penalize the weights of columns scaled to variance 1 instead, so that C means the same for any scale of X.
    start : LinearScorer, optional
        Where to start, such as the optimum for another C. Not used with more dimensions than samples.
    tol : float
        Stop when no entry of the gradient exceeds it, per sample and in units of that curvature.
    max_iter : int

    Returns
    -------
    LinearScorer

    Notes
    -----
    Each step O(num_samples * dimensions * num_classes) in float32; sums in float64. With more dimensions than samples
    (of which there are at most 4,096) the weights are sought in the span of the samples, where the optimum lies:
    O(num_samples**2 * dimensions) once, and num_samples in place of dimensions in each step.
    """
    from scipy.optimize import minimize

    n, d = X.shape
    if 0 < n < d and n <= _MOST_SPANNED:
        return _fit_in_span(X, Y, C, standardize=standardize, tol=tol, max_iter=max_iter)
    counts = Y.sum(axis=0)
    mixed = np.flatnonzero((counts > 0) & (counts < n))
    coef, intercept = np.zeros((d, Y.shape[1])), np.where(counts > 0, np.inf, -np.inf)
    if len(mixed):
        mean, scale = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
        scale[scale <= 1e-6 * np.abs(mean)] = np.inf  # a constant column gets weight 0; the intercept replaces it
        Z = np.ones((n, d + 1), dtype=np.float32)
        np.subtract(X, mean, out=Z[:, :d], casting="same_kind")
        np.divide(Z[:, :d], scale, out=Z[:, :d], casting="same_kind")
        ridge = np.append(1 / (C * n * (1 if standardize else scale) ** 2) * np.ones(d), 0)[:, None]
        share = counts[mixed] / n
        unit = 1 / np.sqrt(share * (1 - share) + ridge)
        objective = _Objective(Z, np.where(Y[:, mixed], np.float32(1), np.float32(-1)), ridge, unit)
        first = np.zeros((d + 1, len(mixed)))
        if start is None:
            first[d] = np.log(share / (1 - share)) / unit[d]
        else:
            first[:d] = start.coef[:, mixed] * np.where(np.isinf(scale), 0, scale)[:, None] / unit[:d]
            first[d] = (start.intercept[mixed] + mean @ start.coef[:, mixed]) / unit[d]
        found = minimize(
            objective,
            first.ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"gtol": tol, "ftol": 1e-10, "maxiter": max_iter, "maxfun": 2 * max_iter},
        )
        solution = found.x.reshape(d + 1, -1) * unit
        coef[:, mixed] = solution[:d] / scale[:, None]
        intercept[mixed] = solution[d] - mean @ coef[:, mixed]
    return LinearScorer(coef, intercept)


def _fit_in_span(
    X: npt.NDArray[np.floating], Y: npt.NDArray[np.bool_], C: float, *, standardize: bool, tol: float, max_iter: int
) -> LinearScorer:
    """Solve the same problem in an orthonormal basis of the centered samples whose axes are uncorrelated."""
    mean, scale = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
    flat = scale <= 1e-6 * np.abs(mean)
    scale = np.where(flat, np.inf, scale if standardize else 1.0)
    A = (X - mean) / scale
    basis = _uncorrelated(A)
    inner = fit_one_vs_rest(A @ basis, Y, C, tol=tol, max_iter=max_iter)
    coef = basis @ inner.coef / scale[:, None]
    return LinearScorer(coef, inner.intercept - mean @ coef)


def _uncorrelated(A: F64) -> F64:
    """Orthonormal basis of the centered rows of A in which they are uncorrelated, shape (dimensions, rank)."""
    wide = len(A) < A.shape[1]
    squares, axes = np.linalg.eigh(A @ A.T if wide else A.T @ A)
    kept = squares > 1e-12 * squares[-1]
    return A.T @ (axes[:, kept] / np.sqrt(squares[kept])) if wide else axes[:, kept]


def fit_path(
    X: npt.NDArray[np.floating], Y: npt.NDArray[np.bool_], strengths: Sequence[float]
) -> Iterator[LinearScorer]:
    """Fit :func:`fit_one_vs_rest` for ascending values of C, each from the optimum of the one before.

    The samples are rotated to their principal axes first. The penalty does not depend on a rotation, so the optimum is
    the same; the steps, of which fewer are needed, are then the same for any rotation of X.
    """
    if min(X.shape) > _MOST_SPANNED:
        yield from (fit_one_vs_rest(X, Y, C) for C in strengths)
        return
    mean = X.mean(axis=0, dtype=np.float64)
    basis = _uncorrelated(X - mean)
    rotated = ((X - mean) @ basis).astype(np.float32)
    inner: LinearScorer | None = None
    for C in strengths:
        inner = fit_one_vs_rest(rotated, Y, C, start=inner)
        coef = basis @ inner.coef
        yield LinearScorer(coef, inner.intercept - mean @ coef)


class _Objective:
    """Loss per sample and its gradient: float64 for L-BFGS, float32 in torch within a block of rows."""

    def __init__(self, Z: npt.NDArray[np.float32], signs: npt.NDArray[np.float32], ridge: F64, unit: F64) -> None:
        import torch

        starts = range(0, len(Z), _BLOCK)
        self.blocks = [tuple(torch.from_numpy(part[i : i + _BLOCK]) for part in (Z, signs)) for i in starts]
        self.num_samples, self.ridge, self.unit = len(Z), ridge, unit

    def __call__(self, flat: F64) -> tuple[float, F64]:
        import torch
        from torch.nn.functional import softplus

        W = flat.reshape(self.unit.shape) * self.unit
        W32 = torch.from_numpy(W.astype(np.float32))
        loss, gradient = 0.0, np.zeros_like(W)
        for Z, signs in self.blocks:
            margin = (Z @ W32).mul_(signs).neg_()
            loss += float(softplus(margin).sum(dtype=torch.float64))
            gradient -= (Z.T @ margin.sigmoid_().mul_(signs)).numpy()
        gradient = gradient / self.num_samples + self.ridge * W
        return loss / self.num_samples + 0.5 * float((self.ridge * W**2).sum()), (gradient * self.unit).ravel()


def class_scores(
    X: npt.NDArray[Any],
    Y: npt.NDArray[np.bool_],
    fit_rows: I64,
    test_rows: I64,
    *,
    C: float,
    normalize: str,
    classifier: str,
    n_jobs: int | None,
) -> npt.NDArray[Any]:
    """Score of every class for every test node, float of shape (len(test_rows), num_classes).

    Positive where a one-vs-rest classifier would predict the class; -inf for a class without training nodes.
    """
    A, B, truth = X[fit_rows], X[test_rows], Y[fit_rows]
    if normalize == "standardize":
        mean, scale = A.mean(axis=0), A.std(axis=0)
        scale[scale == 0] = 1
        A, B = (A - mean) / scale, (B - mean) / scale
    if classifier == "ovr":
        return fit_one_vs_rest(A, truth, C)(B)
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    scores = np.full((len(B), Y.shape[1]), -np.inf)
    if classifier == "liblinear":
        counts = truth.sum(axis=0)
        scores[:, counts == len(truth)] = np.inf
        mixed = np.flatnonzero((counts > 0) & (counts < len(truth)))
        if len(mixed):
            model = OneVsRestClassifier(LogisticRegression(C=C, solver="liblinear"), n_jobs=n_jobs)
            # a lone column would be taken for a vector of class names
            model.fit(A, truth[:, mixed] if len(mixed) > 1 else truth[:, mixed[0]])
            scores[:, mixed] = model.decision_function(B).reshape(len(B), -1)
        return scores
    present = np.flatnonzero(truth.any(axis=0))
    if len(present) == 1:
        scores[:, present] = np.inf
    else:
        logits = LogisticRegression(C=C, max_iter=1000).fit(A, truth.argmax(axis=1)).decision_function(B)
        scores[:, present] = logits if logits.ndim == 2 else np.stack([-logits, logits], axis=1)
    return scores


def path_scores(
    X: npt.NDArray[Any],
    Y: npt.NDArray[np.bool_],
    fit_rows: I64,
    test_rows: I64,
    strengths: Sequence[float],
    *,
    classifier: str,
    n_jobs: int | None,
) -> Iterator[npt.NDArray[Any]]:
    """:func:`class_scores` for each of several ascending values of C."""
    if classifier == "ovr":
        yield from (model(X[test_rows]) for model in fit_path(X[fit_rows], Y[fit_rows], strengths))
        return
    options: dict[str, Any] = {"normalize": "none", "classifier": classifier, "n_jobs": n_jobs}
    yield from (class_scores(X, Y, fit_rows, test_rows, C=C, **options) for C in strengths)
