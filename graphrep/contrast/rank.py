"""Effective rank of node vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import to_numpy

__all__ = ["rankme", "singular_values"]


def rankme(vectors: Any, *, eps: float = 1e-7, max_rows: int = 25_600, seed: int = 0) -> float:
    r"""Effective rank: the exponential of the entropy of the normalized singular values.

    .. math:: \mathrm{RankMe} = \exp\bigl(-\sum_k p_k \log p_k\bigr), \qquad
              p_k = \frac{\sigma_k}{\sum_l \sigma_l} + \epsilon

    The vectors are not centered and the singular values are not squared. RankMe compares runs of one method; a high
    rank is necessary for good vectors, but not sufficient.

    Parameters
    ----------
    vectors : array or tensor of shape (num_nodes, dimensions)
    eps : float
    max_rows : int
        If there are more nodes, a random sample of this size is used.
    seed : int
        Seed of the sample.

    Returns
    -------
    float
        From 1 to min(num_nodes, dimensions); 0 if all vectors are 0.

    Notes
    -----
    O(rows * k² + k³) time, where k is the smaller of rows and dimensions.

    References
    ----------
    Garrido et al. RankMe: Assessing the Downstream Performance of Pretrained Self-Supervised Representations by Their
    Rank. ICML 2023, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.contrast import rankme
    >>> round(rankme(np.eye(4)), 3), round(rankme(np.ones((5, 3))), 3)
    (4.0, 1.0)
    """
    sigma = singular_values(vectors, max_rows=max_rows, seed=seed)
    if not sigma.sum() > 0:
        return 0.0
    p = sigma / sigma.sum() + eps
    return float(np.exp(-(p * np.log(p)).sum()))


def singular_values(vectors: Any, *, max_rows: int = 25_600, seed: int = 0) -> npt.NDArray[np.float64]:
    """Singular values, descending, float64, from the eigenvalues of the smaller Gram matrix."""
    z = to_numpy(vectors)
    if z.ndim != 2:
        raise ValueError(f"vectors must have shape (num_nodes, dimensions), got {z.shape}.")
    if len(z) > max_rows:
        z = z[np.sort(np.random.default_rng(seed).choice(len(z), max_rows, replace=False))]
    z = z.astype(np.float64)
    gram = z @ z.T if len(z) < z.shape[1] else z.T @ z
    return np.asarray(np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0)))
