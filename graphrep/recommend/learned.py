"""Recommenders that are trained: matrix factorization and LightGCN."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from graphrep._checks import checked_float, checked_int, warn_caller
from graphrep._estimator import LoopEstimator
from graphrep._interactions import Interactions, aligned_interactions
from graphrep._memory import check_memory
from graphrep._threads import limited_threads
from graphrep.evaluate.recommendation import hold_out_items
from graphrep.recommend._base import FactorRecommender, initial_vectors

if TYPE_CHECKING:
    from typing_extensions import Self

    from graphrep.learn.checkpoint import Checkpoint
    from graphrep.learn.loop import Loop
    from graphrep.recommend.training import RankingTask

__all__ = ["LightGCN", "MatrixFactorization"]

log = logging.getLogger("graphrep.recommend")

F32 = npt.NDArray[np.float32]

LOSSES = ("bpr", "ccl")


@dataclass(kw_only=True, eq=False, repr=False)
class LearnedRecommender(LoopEstimator, FactorRecommender):
    """Base class of the trained recommenders; a subclass says how many steps of propagation there are."""

    dimensions: int = 64
    loss: str = "bpr"
    epochs: Any = 1000
    learning_rate: float = 0.01
    batch_size: int = 2048
    num_negatives: int | None = None
    margin: float = 0.2
    negative_weight: float = 20.0
    l2: float = 0.02
    validation: float = 0.1
    patience: int | None = 20
    refit: bool = True

    _learned: ClassVar[tuple[str, ...]] = ("user_factors_", "item_factors_", "basis_")

    def _num_layers(self) -> int:
        return 0

    def _history(self) -> float:
        return 0.0

    def fit(self, graph: Any, y: Any = None, *, val: Any = None) -> Self:
        """Train on users and their items.

        Parameters
        ----------
        graph : table, pairs, path, matrix of users by items, or Graph with sides
            As for :meth:`graphrep.ItemKNN.fit`.
        y : ignored
        val : as graph, optional
            Items of users to choose the epoch by, which ``graph`` does not hold. Then the model is not fitted again.
            Default: the share ``validation`` of each user's items.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            A setting is out of range, or the input as for :meth:`graphrep.ItemKNN.fit`.
        """
        del y
        self._check()
        found = self._read(graph)
        with limited_threads(self.n_jobs):
            self._train(found, val)
        self._keep(found)
        return self

    def _check(self) -> None:
        self._check_training()
        checked_int("epochs", self.epochs, 1)
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}; got {self.loss!r}.")
        for name in ("dimensions", "batch_size", "num_negatives", "patience"):
            if getattr(self, name) is not None:
                checked_int(name, getattr(self, name), 1)
        checked_float("learning_rate", self.learning_rate, 0.0, exclusive=True)
        checked_float("margin", self.margin, -1.0, 1.0)
        checked_float("negative_weight", self.negative_weight, 0.0)
        checked_float("l2", self.l2, 0.0)
        if checked_float("validation", self.validation, 0.0, 1.0) == 1:
            raise ValueError("validation must be below 1, because each user keeps an item to train on, got 1.")

    def _train(self, found: Interactions, val: Any) -> None:
        begin, (height, width) = time.monotonic(), found.matrix.shape
        size = 4 * (height + width) * self.dimensions
        check_memory(9 * size, f"{type(self).__name__} of {height + width:,} users and items", "take fewer dimensions")
        valid, inner = None, found.matrix
        if val is not None:
            valid = aligned_interactions(val, found, "val").astype(bool).astype(np.float32)
        checkpoint = self._open_checkpoint(found.matrix, found.users, found.items, valid)
        seed = checkpoint.seed
        if val is None and self.validation:
            split = hold_out_items(found, share=self.validation, random_state=seed)
            inner, valid = split.train.matrix, split.valid.matrix
        if valid is not None and not valid.nnz:
            if val is not None:
                raise ValueError("val must hold at least one item.")
            warn_caller(
                "no user has enough items to hold one out for validation, so that all epochs are trained; give val=, "
                "or validation=0 and the number of epochs."
            )
            valid, inner = None, found.matrix
        again = self.refit and valid is not None and val is None
        bound = self.max_seconds
        half = bound if bound is None or not again else bound / 2
        saved = checkpoint.load("choice")
        done = None if saved is None else len(saved["history"])
        task, loop = self._run(found, inner, valid, checkpoint, "choice", self.epochs, half)
        if done is not None and done < len(loop.history):
            checkpoint.discard("all items")  # may belong to another epoch
        self.history_, self.best_epoch_ = loop.history, loop.best_epoch
        self.training_ = {"epochs": len(loop.history), "stopped_by": loop.stopped_by}
        if again:
            left = None if bound is None else max(0.0, bound - (time.monotonic() - begin))
            task, loop = self._run(found, found.matrix, None, checkpoint, "all items", loop.best_epoch, left)
        self.user_factors_, self.item_factors_ = task.factors()
        self.basis_ = task.basis()
        if not loop.timed_out:
            checkpoint.remove()

    def _run(
        self,
        found: Interactions,
        matrix: Any,
        valid: Any,
        checkpoint: Checkpoint,
        stage: str,
        epochs: int,
        max_seconds: float | None,
    ) -> tuple[RankingTask, Loop]:
        """Train on a matrix from the start."""
        import torch

        from graphrep.learn.loop import Loop
        from graphrep.learn.stopping import BestMetric
        from graphrep.recommend.training import Losses, RankingTask, Table

        start = [
            initial_vectors(names, size, self.dimensions, checkpoint.seed, scale=0.1, stream=side)
            for side, (names, size) in enumerate(zip((found.users, found.items), matrix.shape, strict=True))
        ]
        table = Table(np.concatenate(start), mixing=self._history() > 0).to(self._device())
        count = self.num_negatives or (1 if self.loss == "bpr" else 1000)
        settings = Losses(self.loss, count, self.margin, self.negative_weight, self.l2, self._history())
        task = RankingTask(table, matrix, self._num_layers(), settings, self.batch_size)

        def validate() -> dict[str, float]:
            result = task.validated(valid, 20)
            return {"ndcg@20": result.ndcg, "recall@20": result.recall}

        loop = Loop(
            table,
            task.loss,
            task.batches,
            torch.optim.Adam(table.parameters(), lr=self.learning_rate, fused=True),
            epochs=epochs,
            seed=checkpoint.seed,
            stop=None if valid is None else BestMetric("ndcg@20", self.patience),
            validate=None if valid is None else validate,
            on_epoch=self._notify,
            max_seconds=max_seconds,
            checkpoint=checkpoint,
            stage=stage,
            progress=self.progress,
            name=f"{type(self).__name__}, {stage}" if valid is not None else type(self).__name__,
        )
        loop.run()
        return task, loop

    def _fold_in(self, rows: Any) -> F32:
        sums = np.asarray(rows @ self.basis_, dtype=np.float32)
        if self.loss == "ccl":
            length = np.linalg.norm(sums, axis=1)
        else:
            counts = np.diff(rows.indptr)
            length = np.sqrt(counts) if self._num_layers() else counts
        scale = np.divide(1, length, out=np.zeros(len(sums)), where=length > 0)
        return np.ascontiguousarray(sums * scale[:, None], dtype=np.float32)

    def _state(self) -> dict[str, Any]:
        return super()._state() | {name: getattr(self, name) for name in ("history_", "best_epoch_", "training_")}

    def _check_learned(self, num_users: int, num_items: int) -> None:
        super()._check_learned(num_users, num_items)
        if self.basis_.shape != self.item_factors_.shape:
            raise ValueError("interactions and model differ in size")


@dataclass(kw_only=True, eq=False, repr=False)
class MatrixFactorization(LearnedRecommender):
    r"""A vector per user and item, trained to rank a user's items above others (BPR), or by cosines (MF-CCL).

    With a user u, an item i that u has, and items j that u has not, the loss is the mean of

    .. math:: \log\bigl(1 + e^{x_u^\top y_j - x_u^\top y_i}\bigr) \quad (\text{"bpr"}), \qquad
        1 - \cos(x_u, y_i) + \frac{w}{|N|} \sum_{j \in N} \max(0, \cos(x_u, y_j) - m) \quad (\text{"ccl"}),

    plus :math:`\frac{\lambda}{2B}` times the squared lengths of the rows of both tables in a batch of B. With
    ``history``, the vector of a user also has the mean over the user's items, by a learned matrix V:

    .. math:: x_u = g\, e_u + (1 - g)\, V\, \frac{1}{|I_u|} \sum_{i \in I_u} y_i.

    Parameters
    ----------
    dimensions : int
        Length of the vectors.
    loss : {"bpr", "ccl"}
    epochs : int
        Upper bound on the passes over all interactions.
    learning_rate : float
        Of Adam.
    batch_size : int
        B.
    num_negatives : int, optional
        Items that a user has not: for each interaction, default 1, with "bpr"; shared by a batch, default 1000, with
        "ccl".
    margin : float
        m of "ccl".
    negative_weight : float
        w of "ccl".
    l2 : float
        :math:`\lambda`.
    history : float in [0, 1]
        Share :math:`1 - g` of the user's items in the vector of the user, with the loss "ccl" (SimpleX). All training
        items of a user count, also the one that is ranked.
    validation : float in [0, 1)
        Share of each user's items that is held out to choose the epoch by NDCG@20; 0 trains for all epochs.
    patience : int, optional
        Stop after this many epochs without a better NDCG; None: never.
    refit : bool
        Whether to train again on all items for the chosen number of epochs.
    max_seconds : float, optional
        Bound on the time; half of it is for the choice of the epoch.
    checkpoint, callbacks, device, progress
        As for :class:`graphrep.GAE`.
    random_state : int, RandomState, Generator or None
        Start vectors are a function of it and the name, batches and negatives of it, the epoch and the batch.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Attributes
    ----------
    user_factors_ : float32 array of shape (num_users, dimensions)
        Unit rows with "ccl".
    item_factors_ : float32 array of shape (num_items, dimensions)
    history_ : list of dict
        Loss, NDCG@20 and recall@20 of the epochs in which the epoch was chosen.
    best_epoch_ : int
    training_ : dict
        Number of these epochs, and what ended them.

    Notes
    -----
    An epoch takes O(num_entries * dimensions) for "bpr", num_negatives times that for "ccl", and the update of all
    vectors for each batch; ``history`` adds two sparse products per batch. The vector of a new user is the mean of the
    vectors of the user's items, with ``history`` times V. The second reference draws negatives for each interaction;
    here a batch shares them, and those that a user has are left out. It truncates the history; here all of it counts.

    References
    ----------
    Rendle et al. BPR: Bayesian Personalized Ranking from Implicit Feedback. UAI 2009, section 4.
    Mao et al. SimpleX: A Simple and Strong Baseline for Collaborative Filtering. CIKM 2021, section 3.

    Examples
    --------
    >>> import graphrep as gr
    >>> pairs = [("ann", "tea"), ("bob", "tea"), ("bob", "jam"), ("cy", "jam"), ("cy", "nut")]
    >>> model = gr.MatrixFactorization(dimensions=8, epochs=5, validation=0).fit(pairs)
    >>> len(model.recommend("ann")[0])
    2
    """

    history: float = 0.0

    def _check(self) -> None:
        super()._check()
        if checked_float("history", self.history, 0.0, 1.0) and self.loss != "ccl":
            raise ValueError(f'history needs loss="ccl", got {self.loss!r}.')

    def _history(self) -> float:
        return float(self.history)


@dataclass(kw_only=True, eq=False, repr=False)
class LightGCN(LearnedRecommender):
    r"""Vectors of users and items that are propagated over the graph of purchases, trained to rank (BPR).

    With the adjacency A of users and items, divided by the roots of the degrees of both ends, and a learned table
    :math:`E^{(0)}`,

    .. math:: E = \frac{1}{K + 1} \sum_{k=0}^{K} A^k E^{(0)},

    and the score of a user and an item is the inner product of their rows of E; the loss is that of
    :class:`MatrixFactorization`, with the lengths of the rows of :math:`E^{(0)}`. Parameters and attributes that are
    not listed are those of :class:`MatrixFactorization`.

    Parameters
    ----------
    layers : int
        K.
    l2 : float
        As there, with another default.

    Notes
    -----
    A batch takes 2 K sparse products: A is symmetric, so that the gradient is propagated as the vectors are, and no
    layer is kept. The vector of a new user is what the layers above the first give a user without a row of
    :math:`E^{(0)}`, for the items' vectors as they are.

    References
    ----------
    He et al. LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation. SIGIR 2020, section 3.

    Examples
    --------
    >>> import graphrep as gr
    >>> pairs = [("ann", "tea"), ("bob", "tea"), ("bob", "jam"), ("cy", "jam"), ("cy", "nut")]
    >>> model = gr.LightGCN(dimensions=8, epochs=20, validation=0).fit(pairs)
    >>> model.recommend("ann", k=1)[0][0][0]
    'jam'
    """

    layers: int = 3
    l2: float = 1e-4

    def _check(self) -> None:
        checked_int("layers", self.layers, 1)
        super()._check()

    def _num_layers(self) -> int:
        return self.layers
