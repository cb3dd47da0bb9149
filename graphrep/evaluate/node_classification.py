"""How well node vectors predict labels: the one-vs-rest protocol of DeepWalk and node2vec, and fixed splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import as_vectors, to_numpy
from graphrep._names import NodeIndex, aligned, names_of
from graphrep._random import resolve_seed
from graphrep._threads import limited_threads
from graphrep.evaluate._node_splits import fixed_splits, per_class_splits, random_splits
from graphrep.evaluate.checks import F64, I64
from graphrep.evaluate.logistic import class_scores
from graphrep.evaluate.tables import Row, format_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphrep.evaluate._node_splits import Split

__all__ = ["NodeClassification", "f1_scores", "node_classification"]

CLASSIFIERS = ("ovr", "liblinear", "multinomial")
NORMALIZATIONS = ("none", "l2", "standardize")

_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, repr=False)
class NodeClassification:
    """Scores of every split; print it for a table of means and unbiased standard deviations.

    Attributes
    ----------
    protocol : str
        Description of the evaluation.
    train_shares : float64 array of shape (num_settings,)
        Share of the labeled nodes that each setting trained on.
    scores : dict of str to float64 array of shape (num_settings, num_splits)
        ``"micro_f1"``, ``"macro_f1"`` and, with one label per node, ``"accuracy"`` (equal to micro-F1 there).
    majority : dict like ``scores``, or None
        The same for a baseline that predicts from the label frequencies of the training nodes.
    chosen_C : float64 array of shape (num_settings, num_splits), or None
        The value chosen on the validation nodes of each split.
    """

    protocol: str
    train_shares: F64
    scores: dict[str, F64]
    majority: dict[str, F64] | None = None
    chosen_C: F64 | None = None  # noqa: N815

    def mean(self, metric: str) -> F64:
        """Mean over the splits, float64 of shape (num_settings,)."""
        return np.asarray(self.scores[metric].mean(axis=1))

    def std(self, metric: str) -> F64:
        """Unbiased standard deviation over the splits, float64 of shape (num_settings,); NaN for a single split."""
        return _std(self.scores[metric])

    def row(self) -> Row:
        """Row of a table with a column per metric and setting, under the protocol."""
        metrics = [("accuracy", "accuracy") if "accuracy" in self.scores else ("micro_f1", "micro-F1")]
        metrics.append(("macro_f1", "macro-F1"))
        header = [f"{label}, {share:.3g}" for _, label in metrics for share in self.train_shares]
        pairs = [pair for name, _ in metrics for pair in zip(self.mean(name), self.std(name), strict=True)]
        return Row(self.protocol, header, [f"{mean:.4f} ± {std:.4f}" for mean, std in pairs])

    def __repr__(self) -> str:
        micro = "accuracy (= micro-F1)" if "accuracy" in self.scores else "micro-F1"
        names = {"micro_f1": micro, "macro_f1": "macro-F1"}
        tables = {"": self.scores} | ({} if self.majority is None else {"majority ": self.majority})
        columns = [(f"{who}{names[key]}", scores[key]) for who, scores in tables.items() for key in names]
        rows = [
            [f"{100 * share:.3g} %", *(_cell(values[i]) for _, values in columns)]
            for i, share in enumerate(self.train_shares)
        ]
        return format_table(["trained on", *(name for name, _ in columns)], rows, self.protocol)


def node_classification(
    vectors: npt.ArrayLike,
    y: Any,
    *,
    ratios: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    per_class: int | None = None,
    num_valid: float = 0,
    train: npt.ArrayLike | None = None,
    valid: npt.ArrayLike | None = None,
    test: npt.ArrayLike | None = None,
    repeats: int = 10,
    C: float | Sequence[float] = 1.0,
    normalize: str = "none",
    known_label_counts: bool = True,
    classifier: str = "ovr",
    majority: bool = True,
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> NodeClassification:
    r"""Train a logistic regression on the vectors of some nodes and predict the labels of the others.

    Parameters
    ----------
    vectors : array or tensor of shape (num_nodes, dimensions), NodeVectors or DataFrame
    y : array of shape (num_nodes,), or 0/1 matrix of shape (num_nodes, num_labels), dense or scipy.sparse
        One label per node (integers or strings; nodes with a negative integer are unlabeled and left out), or any
        number of labels per node. If ``vectors`` and ``y`` carry names (a pandas index), they are matched by name.
    ratios : sequence of float in (0, 1)
        Shares of the labeled nodes to train on; the others are test nodes. Ignored if ``per_class`` or ``train`` is
        given.
    per_class : int, optional
        Number of random training nodes of each class; 20 is the "Planetoid-style" protocol. Needs one label per node.
    num_valid : int, or float below 1
        Number of validation nodes of a random split, or their share of the labeled nodes. They are neither trained on
        nor tested.
    train, valid, test : int array of row numbers, or bool mask of shape (num_nodes,) or (num_nodes, num_splits)
        A fixed split instead of random ones. ``test`` defaults to all labeled nodes outside ``train`` and ``valid``.
    repeats : int
        Number of random splits per ratio. Split r depends only on (seed, r), and the training nodes of a smaller ratio
        are among those of a larger one.
    C : float or sequence of float
        Inverse strength of the L2 penalty. 1 is customary, and published numbers depend on it. Of several values, the
        one with the highest micro-F1 (accuracy) on the validation nodes is used, among equals the smallest; test nodes
        are not used for this choice.
    normalize : {"none", "l2", "standardize"}
        Scale each row to unit length, or each column to mean 0 and variance 1 on the training nodes.
    known_label_counts : bool
        Only used for a label matrix. True is the TopK rule of DeepWalk, which published numbers follow: each test node
        gets its best-scoring labels, as many as it truly has, so that the number of labels is taken from the truth.
        False predicts the labels whose probability exceeds 1/2 and gives far lower scores.
    classifier : {"ovr", "liblinear", "multinomial"}
        * ``"ovr"``: one-vs-rest, all classes in one L-BFGS run, without a penalty on the intercept. This is the
          published protocol, and several times faster than LIBLINEAR with many classes.
        * ``"liblinear"``: one-vs-rest with scikit-learn and LIBLINEAR, which penalizes the intercept, as in DeepWalk's
          own script.
        * ``"multinomial"``: softmax regression with scikit-learn, for one label per node.
    majority : bool
        Whether to evaluate the label frequencies as a baseline, too.
    random_state : int, RandomState, Generator or None
        For the splits.
    n_jobs : int or None
        Threads of the matrix products, or jobs of LIBLINEAR; None leaves the settings of the libraries unchanged.

    Returns
    -------
    NodeClassification

    Raises
    ------
    ValueError
        Lengths that disagree, vectors that are not finite, an unknown option, or an empty training or test set.
    IndexError
        A row number of ``train`` or ``test`` outside [0, num_nodes).

    Notes
    -----
    F1 is that of scikit-learn. With one label per node, macro-F1 averages over the labels that occur in the
    truth or the prediction; with a label matrix, over all columns, and those without true or predicted entries count as
    0.

    References
    ----------
    Perozzi, Al-Rfou, Skiena: DeepWalk, KDD 2014, section 6. Grover, Leskovec: node2vec, KDD 2016, section 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.evaluate import node_classification
    >>> y = np.arange(100) % 2
    >>> vectors = np.random.default_rng(0).standard_normal((100, 4)) + 3 * y[:, None]
    >>> node_classification(vectors, y, ratios=[0.5], repeats=5)
    one-vs-rest logistic regression, C=1, 5 random splits, mean ± standard deviation
    trained on  accuracy (= micro-F1)         macro-F1  majority accuracy (= micro-F1)  majority macro-F1
    -----------------------------------------------------------------------------------------------------
    50 %        ...
    """
    X, names = as_vectors(vectors), names_of(vectors)
    index = None if names is None else NodeIndex(names, len(X))
    Y, labeled, multilabel = _label_matrix(aligned(y, index, "y"))
    if len(Y) != len(X):
        raise ValueError(f"y has {len(Y)} rows, but vectors has {len(X)}.")
    for name, value, allowed in (("normalize", normalize, NORMALIZATIONS), ("classifier", classifier, CLASSIFIERS)):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {value!r}.")
    strengths = sorted(float(value) for value in np.atleast_1d(np.asarray(C)))
    if not strengths or not strengths[0] > 0:
        raise ValueError(f"C must be positive, got {C}.")
    if classifier == "multinomial" and multilabel:
        raise ValueError('classifier must not be "multinomial" for a label matrix; it predicts one label per node.')
    if normalize == "l2":
        length = np.linalg.norm(X, axis=1, keepdims=True)
        X = X / np.where(length > 0, length, 1)

    shares, splits = _splits(
        Y,
        labeled,
        multilabel=multilabel,
        ratios=ratios,
        per_class=per_class,
        num_valid=num_valid,
        fixed=(train, valid, test),
        repeats=repeats,
        seed=resolve_seed(random_state),
    )
    metrics = ("micro_f1", "macro_f1") if multilabel else ("micro_f1", "macro_f1", "accuracy")
    learned: dict[str, list[float]] = {name: [] for name in metrics}
    floor: dict[str, list[float]] = {name: [] for name in metrics}
    counts_known = known_label_counts or not multilabel
    chosen: list[float] = []
    with limited_threads(n_jobs):
        for fit_rows, valid_rows, test_rows in splits:
            if not len(fit_rows) or not len(test_rows):
                raise ValueError(
                    f"each split needs a training and a test node, got {len(fit_rows)} and {len(test_rows)}."
                )
            if len(strengths) > 1 and not len(valid_rows):
                raise ValueError(
                    "C must be one number without validation nodes; give num_valid or valid to choose among several."
                )
            rows, best = test_rows, -1.0
            if len(strengths) > 1:
                rows = np.concatenate([valid_rows, test_rows])  # one fit per strength serves both
            scores = np.zeros(0)
            for strength in strengths:
                found = class_scores(
                    X, Y, fit_rows, rows, C=strength, normalize=normalize, classifier=classifier, n_jobs=n_jobs
                )
                head = Y[rows[: len(rows) - len(test_rows)]]
                quality = f1_scores(head, _predict(found[: len(head)], head, counts_known=counts_known))[0]
                if quality > best:
                    best, scores, choice = quality, found[len(head) :], strength
            chosen.append(choice)
            truth = Y[test_rows]
            _append(learned, truth, _predict(scores, truth, counts_known=counts_known), multilabel=multilabel)
            if majority:
                frequency = np.broadcast_to(Y[fit_rows].mean(axis=0) - 0.5, truth.shape)
                _append(floor, truth, _predict(frequency, truth, counts_known=counts_known), multilabel=multilabel)
    done = len(learned["micro_f1"]) // len(shares)
    table = {name: np.reshape(values, (len(shares), done)) for name, values in learned.items()}
    return NodeClassification(
        _protocol(
            classifier,
            strengths,
            normalize,
            done,
            kind="fixed" if train is not None else "random" if per_class is None else f"random {per_class}-per-class",
            topk=multilabel and known_label_counts,
        ),
        np.asarray(shares, dtype=np.float64),
        table,
        {name: np.reshape(values, (len(shares), done)) for name, values in floor.items()} if majority else None,
        np.reshape(chosen, (len(shares), done)) if len(strengths) > 1 else None,
    )


def f1_scores(truth: _Bools, predicted: _Bools, *, all_labels: bool = True) -> tuple[float, float]:
    r"""Micro-F1 and macro-F1 of 0/1 label matrices.

    With true positives, false positives and false negatives counted per label, F1 is
    :math:`2\,\mathrm{tp} / (2\,\mathrm{tp} + \mathrm{fp} + \mathrm{fn})`: micro-F1 of the summed counts, macro-F1 the
    mean over labels.

    Parameters
    ----------
    truth, predicted : bool arrays of shape (num_samples, num_labels)
    all_labels : bool
        Whether a label that is neither true nor predicted anywhere counts as 0 in macro-F1 or is left out.

    Returns
    -------
    tuple of float

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.evaluate.node_classification import f1_scores
    >>> f1_scores(np.array([[True, False], [True, True]]), np.array([[True, False], [False, True]]))
    (0.8, 0.8333333333333333)
    """
    hits = np.count_nonzero(truth & predicted, axis=0)
    total = np.count_nonzero(truth, axis=0) + np.count_nonzero(predicted, axis=0)
    per_label = 2 * hits / np.maximum(total, 1)
    if not all_labels:
        per_label = per_label[total > 0]
    micro = 2 * int(hits.sum()) / max(1, int(total.sum()))
    return float(micro), float(per_label.mean()) if len(per_label) else 0.0


def _splits(
    Y: _Bools,
    labeled: I64,
    *,
    multilabel: bool,
    ratios: Sequence[float],
    per_class: int | None,
    num_valid: float,
    fixed: tuple[Any, Any, Any],
    repeats: int,
    seed: int,
) -> tuple[list[float], Iterator[Split]]:
    """Shares of training nodes, and the splits of each share in turn."""
    train, valid, test = fixed
    if train is not None:
        splits = fixed_splits(train, valid, test, labeled, len(Y))
        return [len(splits[0][0]) / max(1, len(labeled))], iter(splits)
    for name, rows in (("test", test), ("valid", valid)):
        if rows is not None:
            raise ValueError(f"{name} was given without train; give train, too.")
    if per_class is None:
        return random_splits(labeled, ratios, repeats, seed, num_valid)
    if multilabel:
        raise ValueError("per_class must be None for a label matrix; it needs one label per node.")
    counts = Y.sum(axis=0)
    share = np.minimum(counts, per_class).sum() / max(1, counts.sum())
    return [float(share)], per_class_splits(Y, labeled, per_class, repeats, seed, num_valid)


def _label_matrix(y: Any) -> tuple[_Bools, I64, bool]:
    """Labels as a 0/1 matrix, the labeled rows, and whether a node may have several labels."""
    import scipy.sparse as sp

    values = y.toarray() if sp.issparse(y) else to_numpy(y)
    if values.ndim == 2:
        if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
            raise ValueError("y must hold only 0 and 1 if it is a label matrix.")
        return values.astype(bool), np.arange(len(values)), True
    if values.ndim != 1 or values.dtype.kind == "f":
        raise ValueError(
            "y must be one integer or string per node, or a 0/1 matrix of shape (num_nodes, num_labels); "
            f"got {values.dtype} {values.shape}."
        )
    known = values >= 0 if values.dtype.kind == "i" else np.ones(len(values), dtype=bool)
    rows = np.flatnonzero(known)
    names, codes = np.unique(values[rows], return_inverse=True)
    Y = np.zeros((len(values), len(names)), dtype=bool)
    Y[rows, codes] = True
    return Y, rows, False


def _predict(scores: npt.NDArray[Any], truth: _Bools, *, counts_known: bool) -> _Bools:
    """Predict the best-scoring labels, as many as are true, or those with a positive score; ties go to the first."""
    if not counts_known:
        return np.asarray(scores > 0)
    wanted = np.count_nonzero(truth, axis=1)
    predicted = np.zeros_like(truth)
    if (wanted == 1).all():
        predicted[np.arange(len(truth)), scores.argmax(axis=1)] = True
        return predicted
    order = np.argsort(-scores, axis=1, kind="stable")
    np.put_along_axis(predicted, order, np.arange(truth.shape[1]) < wanted[:, None], axis=1)
    return predicted


def _append(table: dict[str, list[float]], truth: _Bools, predicted: _Bools, *, multilabel: bool) -> None:
    micro, macro = f1_scores(truth, predicted, all_labels=multilabel)
    table["micro_f1"].append(micro)
    table["macro_f1"].append(macro)
    if not multilabel:
        table["accuracy"].append(float((truth & predicted).any(axis=1).mean()))


def _protocol(classifier: str, C: list[float], normalize: str, splits: int, *, kind: str, topk: bool) -> str:
    model = {
        "ovr": "one-vs-rest logistic regression",
        "liblinear": "one-vs-rest logistic regression (LIBLINEAR)",
        "multinomial": "softmax regression",
    }[classifier]
    strength = f"C={C[0]:g}" if len(C) == 1 else f"C of {C[0]:g} … {C[-1]:g} chosen on validation nodes"
    parts = [model, strength]
    if normalize != "none":
        parts.append({"l2": "rows of unit length", "standardize": "standardized columns"}[normalize])
    if topk:
        parts.append("number of labels per node known (TopK)")
    parts.append(f"{splits} {kind} split{'s' if splits > 1 else ''}")
    if splits > 1:
        parts.append("mean ± standard deviation")
    return ", ".join(parts)


def _std(values: F64) -> F64:
    if values.shape[1] < 2:
        return np.full(len(values), np.nan)
    return np.asarray(values.std(axis=1, ddof=1))


def _cell(values: F64) -> str:
    text = f"{values.mean():.4f}"
    return text if len(values) < 2 else f"{text} ± {values.std(ddof=1):.4f}"
