"""How well node vectors predict labels: the protocol of DeepWalk and node2vec, one that ignores scale, fixed splits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrep._arrays import as_vectors, to_numpy
from graphrep._labels import is_unlabeled, node_labels
from graphrep._names import NodeIndex, names_of
from graphrep._random import resolve_seed
from graphrep._threads import limited_threads
from graphrep.evaluate._node_splits import dealt_folds, fixed_splits, per_class_splits, random_splits
from graphrep.evaluate.checks import F64, I64, unit_rows
from graphrep.evaluate.logistic import class_scores, path_scores
from graphrep.evaluate.tables import Row, format_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from graphrep.evaluate._node_splits import Split

__all__ = ["NodeClassification", "f1_scores", "node_classification"]

CLASSIFIERS = ("ovr", "liblinear", "multinomial")
NORMALIZATIONS = ("none", "l2", "standardize")
PROTOCOLS = ("published", "scale-free", "unit")
SCALE_FREE_C = (0.1, 1.0, 10.0, 100.0, 1000.0)
UNIT_C = 10.0
_FOLDS = 3

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
    chosen_C : dict of str to float64 array of shape (num_settings, num_splits), or None
        The value of C chosen for each metric in each split, if there was a choice.
    beside : dict of str to NodeClassification
        Results of further protocols on the same splits, by the name of the protocol.
    """

    protocol: str
    train_shares: F64
    scores: dict[str, F64]
    majority: dict[str, F64] | None = None
    chosen_C: dict[str, F64] | None = None  # noqa: N815
    beside: Mapping[str, NodeClassification] = field(default_factory=dict)

    def mean(self, metric: str) -> F64:
        """Mean over the splits, float64 of shape (num_settings,)."""
        return np.asarray(self.scores[metric].mean(axis=1))

    def std(self, metric: str) -> F64:
        """Unbiased standard deviation over the splits, float64 of shape (num_settings,); NaN for a single split."""
        return _std(self.scores[metric])

    def row(self) -> Row:
        """Row of a table with a column per protocol, metric and setting, under the protocols."""
        header, cells = [], []
        for name, result in {"": self, **self.beside}.items():
            for key, label in result._metrics("accuracy").items():
                for i, share in enumerate(result.train_shares):
                    header.append(f"{name} {label}, {share:.3g}".lstrip())
                    cells.append(f"{result.mean(key)[i]:.4f} ± {result.std(key)[i]:.4f}")
                    if result.chosen_C is not None:
                        header.append("C")
                        cells.append(_counted(result.chosen_C[key][i]))
        return Row("\n".join([self.protocol, *(result.protocol for result in self.beside.values())]), header, cells)

    def __repr__(self) -> str:
        columns = [(label, self.scores[key]) for key, label in self._metrics("accuracy (= micro-F1)").items()]
        if self.majority is not None:
            columns += [(f"majority {label}", self.majority[key]) for key, label in self._metrics().items()]
        rows = [
            [f"{100 * share:.3g} %", *(_cell(values[i]) for _, values in columns)]
            for i, share in enumerate(self.train_shares)
        ]
        header = ["trained on", *(name for name, _ in columns)]
        if self.chosen_C is not None:
            for key, label in self._metrics("accuracy").items():
                header.append(f"C for {label}")
                for row, values in zip(rows, self.chosen_C[key], strict=True):
                    row.append(_counted(values))
        tables = [format_table(header, rows, self.protocol), *(repr(result) for result in self.beside.values())]
        return "\n\n".join(tables)

    def to_frame(self) -> pd.DataFrame:
        """Every score in a pandas data frame, a row per protocol, setting, split and metric, with the value of C.

        The columns are ``protocol`` (its description), ``trained_on``, ``split``, ``metric``, ``score`` and ``C``, NaN
        where it was not chosen.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ImportError("to_frame needs pandas; pip install pandas.") from None
        rows = [
            (result.protocol, share, split, metric, values[i, split], chosen[i, split])
            for result in (self, *self.beside.values())
            for metric, values in result.scores.items()
            for chosen in [np.full(values.shape, np.nan) if result.chosen_C is None else result.chosen_C[metric]]
            for i, share in enumerate(result.train_shares.tolist())
            for split in range(values.shape[1])
        ]
        return pd.DataFrame(rows, columns=["protocol", "trained_on", "split", "metric", "score", "C"])

    def _metrics(self, accuracy: str = "accuracy (= micro-F1)") -> dict[str, str]:
        micro = {"accuracy": accuracy} if "accuracy" in self.scores else {"micro_f1": "micro-F1"}
        return micro | {"macro_f1": "macro-F1"}


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
    protocol: str | Sequence[str] | None = None,
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
        One label per node (integers or strings; nodes with a negative integer, None or NaN are unlabeled and left
        out), or any number of labels per node. If ``vectors`` and ``y`` carry names (a pandas index, the keys of a
        mapping), they are matched by name.
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
    protocol : {"published", "scale-free", "unit", "both"}, sequence of the first three, or None
        Multiplying the vectors by c has the effect of multiplying C by :math:`c^2`, so that a fixed C ranks methods by
        the length of their vectors, too. Of several protocols, the result is that of the first, and the others are its
        ``beside``.

        * ``"published"``: the vectors and the penalty as given by ``normalize`` and ``C``, by default raw and 1, as in
          the published tables.
        * ``"scale-free"``: rows of length 1 (zero rows stay zero) and C from {0.1, 1, 10, 100, 1000}, chosen for each
          metric by its value in a 3-fold cross-validation inside the training nodes, among equals the smallest. A
          multiple or a rotation of the vectors has the same result.
        * ``"unit"``: rows of length 1 and C = 10, without a choice. As independent of scale, and much cheaper.
        * ``"both"``: the first two.

        None is "published" with "unit" beside it, or "published" alone if ``C`` or ``normalize`` is given.
    C : float or sequence of float
        Inverse strength of the L2 penalty of "published". 1 is customary, and published numbers depend on it. Of
        several values, each metric uses the one with its highest value on the validation nodes, among equals the
        smallest; test nodes are not used for this choice.
    normalize : {"none", "l2", "standardize"}
        For "published": scale each row to unit length, or each column to mean 0 and variance 1 on the training nodes.
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
        Lengths that disagree, vectors that are not finite, an unknown option, an empty training or test set, or fewer
        than 3 training nodes for "scale-free".
    IndexError
        A row number of ``train`` or ``test`` outside [0, num_nodes).

    Notes
    -----
    F1 is that of scikit-learn. With one label per node, macro-F1 averages over the labels that occur in the
    truth or the prediction; with a label matrix, over all columns, and those without true or predicted entries count as
    0.

    A fit takes O(num_train * dimensions * num_labels) per step, and some ten to some hundred steps, more for a larger
    C. Beside "published" with vectors of length 10, "unit" costs about a quarter, "scale-free" three to eight times as
    much.
    The folds are those of the nodes sorted by their rarest label and dealt out in turn; F1 is that of the predictions
    of all three folds together.

    References
    ----------
    Perozzi, Al-Rfou, Skiena: DeepWalk, KDD 2014, section 6. Grover, Leskovec: node2vec, KDD 2016, section 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from graphrep.evaluate import node_classification
    >>> y = np.arange(100) % 2
    >>> vectors = np.random.default_rng(0).standard_normal((100, 4)) + 3 * y[:, None]
    >>> result = node_classification(vectors, y, ratios=[0.5], repeats=5)
    >>> result
    one-vs-rest logistic regression, C=1, 5 random splits, mean ± standard deviation
    trained on  accuracy (= micro-F1)         macro-F1  majority accuracy (= micro-F1)  majority macro-F1
    -----------------------------------------------------------------------------------------------------
    50 %        ...
    <BLANKLINE>
    unit: one-vs-rest logistic regression, C=10, rows of unit length, 5 random splits, mean ± standard deviation
    trained on  accuracy (= micro-F1)         macro-F1
    --------------------------------------------------
    50 %        ...
    >>> bool(result.beside["unit"].mean("accuracy")[0] > 0.9)
    True
    """
    X, names = as_vectors(vectors), names_of(vectors)
    index = None if names is None else NodeIndex(names, len(X))
    Y, labeled, multilabel = _label_matrix(node_labels(y, index, "y"))
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
    protocols = _checked_protocols(protocol, plain=strengths == [1.0] and normalize == "none")
    ways = [
        _Way(name, unit_rows(X), list(SCALE_FREE_C), "none")
        if name == "scale-free"
        else _Way(name, unit_rows(X), [UNIT_C], "none")
        if name == "unit"
        else _Way(name, unit_rows(X) if normalize == "l2" else X, strengths, normalize)
        for name in protocols
    ]
    seed = resolve_seed(random_state)
    shares, splits = _splits(
        Y,
        labeled,
        multilabel=multilabel,
        ratios=ratios,
        per_class=per_class,
        num_valid=num_valid,
        fixed=(train, valid, test),
        repeats=repeats,
        seed=seed,
    )
    metrics = ("micro_f1", "macro_f1") if multilabel else ("micro_f1", "macro_f1", "accuracy")
    floor: dict[str, list[float]] = {name: [] for name in metrics}
    judge = _Judge(Y, known_label_counts or not multilabel, multilabel, classifier, n_jobs, seed)
    with limited_threads(n_jobs):
        for fit_rows, valid_rows, test_rows in splits:
            if not len(fit_rows) or not len(test_rows):
                raise ValueError(
                    f"each split needs a training and a test node, got {len(fit_rows)} and {len(test_rows)}."
                )
            for way in ways:
                judge(way, fit_rows, valid_rows, test_rows)
            if majority:
                truth = Y[test_rows]
                frequency = np.broadcast_to(Y[fit_rows].mean(axis=0) - 0.5, truth.shape)
                for metric, quality in judge.f1(frequency, truth).items():
                    floor[metric].append(quality)
    kind = "fixed" if train is not None else "random" if per_class is None else f"random {per_class}-per-class"
    topk = multilabel and known_label_counts

    def table(lists: Mapping[str, list[float]]) -> dict[str, F64]:
        return {name: np.reshape(values, (len(shares), -1)) for name, values in lists.items() if values}

    found = [
        NodeClassification(
            _protocol(classifier, way, len(way.scores["micro_f1"]) // len(shares), kind=kind, topk=topk),
            np.asarray(shares, dtype=np.float64),
            table(way.scores),
            table(floor) if majority and way is ways[0] else None,
            table(way.chosen) or None,
        )
        for way in ways
    ]
    return replace(found[0], beside=dict(zip(protocols[1:], found[1:], strict=True)))


@dataclass
class _Way:
    """A protocol: the vectors, the strengths to choose from, and what was found."""

    name: str
    X: npt.NDArray[Any]
    strengths: list[float]
    normalize: str
    scores: dict[str, list[float]] = field(default_factory=dict)
    chosen: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class _Judge:
    Y: _Bools
    counts_known: bool
    multilabel: bool
    classifier: str
    n_jobs: int | None
    seed: int

    def __call__(self, way: _Way, fit_rows: I64, valid_rows: I64, test_rows: I64) -> None:
        """Score the test nodes with the best strength for each metric, and note both."""
        truth = self.Y[test_rows]
        best: dict[str, float] = {}
        if way.name == "scale-free":
            best = self._cross_validated(way, fit_rows)
            wanted = sorted(set(best.values()))
            scores = dict(zip(wanted, self._path(way, fit_rows, test_rows, wanted), strict=True))
        elif len(way.strengths) == 1:
            scores = {way.strengths[0]: self._fit(way, fit_rows, test_rows, way.strengths[0])}
        else:
            if not len(valid_rows):
                raise ValueError(
                    "C must be one number without validation nodes; give num_valid or valid to choose among several."
                )
            rows = np.concatenate([valid_rows, test_rows])  # one fit per strength serves both
            both = {C: self._fit(way, fit_rows, rows, C) for C in way.strengths}
            head = self.Y[valid_rows]
            known = self.counts_known
            best = self._best(
                {C: _predict(found[: len(head)], head, counts_known=known) for C, found in both.items()}, head
            )
            scores = {C: found[len(valid_rows) :] for C, found in both.items()}
        quality = {C: self.f1(found, truth) for C, found in scores.items() if not best or C in best.values()}
        for name in next(iter(quality.values())):
            strength = best.get(name, way.strengths[0])
            way.scores.setdefault(name, []).append(quality[strength][name])
            if best:
                way.chosen.setdefault(name, []).append(strength)

    def _fit(self, way: _Way, fit_rows: I64, rows: I64, C: float) -> npt.NDArray[Any]:
        options: dict[str, Any] = {"normalize": way.normalize, "classifier": self.classifier, "n_jobs": self.n_jobs}
        if way.name == "unit":  # rotated to the principal axes, so that a rotation of the vectors changes nothing
            return next(self._path(way, fit_rows, rows, [C]))
        return class_scores(way.X, self.Y, fit_rows, rows, C=C, **options)

    def _path(self, way: _Way, fit_rows: I64, rows: I64, strengths: list[float]) -> Iterator[npt.NDArray[Any]]:
        options: dict[str, Any] = {"classifier": self.classifier, "n_jobs": self.n_jobs}
        return path_scores(way.X, self.Y, fit_rows, rows, strengths, **options)

    def _cross_validated(self, way: _Way, fit_rows: I64) -> dict[str, float]:
        """Best strength for each metric, by the predictions of each fold's nodes from the other folds."""
        if len(fit_rows) < _FOLDS:
            raise ValueError(
                f'protocol="scale-free" needs at least {_FOLDS} training nodes for its cross-validation, got '
                f'{len(fit_rows)}; take protocol="unit".'
            )
        fold = dealt_folds(self.Y, fit_rows, _FOLDS, self.seed)
        predicted = np.empty((len(way.strengths), len(fit_rows), self.Y.shape[1]), dtype=bool)
        for i in range(_FOLDS):
            held = fit_rows[fold == i]
            for j, scores in enumerate(self._path(way, fit_rows[fold != i], held, way.strengths)):
                predicted[j, fold == i] = _predict(scores, self.Y[held], counts_known=self.counts_known)
        return self._best(dict(zip(way.strengths, predicted, strict=True)), self.Y[fit_rows])

    def _best(self, predicted: Mapping[float, _Bools], truth: _Bools) -> dict[str, float]:
        """Strength with the highest value of each metric, the smallest among equals."""
        quality = {C: self.quality(found, truth) for C, found in predicted.items()}
        return {name: max(quality, key=lambda C: quality[C][name]) for name in next(iter(quality.values()))}

    def f1(self, scores: npt.NDArray[Any], truth: _Bools) -> dict[str, float]:
        """F1, and with one label per node the accuracy, of the labels predicted by the scores."""
        return self.quality(_predict(scores, truth, counts_known=self.counts_known), truth)

    def quality(self, predicted: _Bools, truth: _Bools) -> dict[str, float]:
        micro, macro = f1_scores(truth, predicted, all_labels=self.multilabel)
        found = {"micro_f1": micro, "macro_f1": macro}
        return found if self.multilabel else found | {"accuracy": float((truth & predicted).any(axis=1).mean())}


def _checked_protocols(protocol: Any, *, plain: bool) -> list[str]:
    if protocol is None:
        return ["published", "unit"] if plain else ["published"]
    names = ["published", "scale-free"] if protocol == "both" else [protocol] if isinstance(protocol, str) else protocol
    names = list(names)
    if not names or len(set(names)) < len(names) or not all(name in PROTOCOLS for name in names):
        raise ValueError(f"protocol must be both, or distinct names out of {', '.join(PROTOCOLS)}; got {protocol!r}.")
    if not plain and "published" not in names:
        raise ValueError(f'C and normalize are options of protocol="published", but protocol is {protocol!r}.')
    return names


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
            hint = "; of one label per node, give y.ravel()" if values.shape[1] == 1 else ""
            raise ValueError(f"y must hold only 0 and 1 if it is a label matrix{hint}.")
        return values.astype(bool), np.arange(len(values)), True
    if values.ndim != 1 or values.dtype.kind == "f":
        raise ValueError(
            "y must be one integer or string per node, or a 0/1 matrix of shape (num_nodes, num_labels); "
            f"got {values.dtype} {values.shape}."
        )
    rows = np.flatnonzero(~is_unlabeled(values))
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


def _protocol(classifier: str, way: _Way, splits: int, *, kind: str, topk: bool) -> str:
    model = {
        "ovr": "one-vs-rest logistic regression",
        "liblinear": "one-vs-rest logistic regression (LIBLINEAR)",
        "multinomial": "softmax regression",
    }[classifier]
    C = way.strengths
    how = "by cross-validation in the training nodes" if way.name == "scale-free" else "on validation nodes"
    parts = [model if way.name == "published" else f"{way.name}: {model}"]
    parts.append(f"C={C[0]:g}" if len(C) == 1 else f"C of {C[0]:g} … {C[-1]:g} chosen {how}")
    if way.name != "published" or way.normalize != "none":
        parts.append("standardized columns" if way.normalize == "standardize" else "rows of unit length")
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


def _counted(values: F64) -> str:
    """Distinct values, and how often each occurs if there are several."""
    found, counts = np.unique(values, return_counts=True)
    if len(found) == 1:
        return f"{found[0]:g}"
    return ", ".join(f"{value:g} ({count})" for value, count in zip(found, counts, strict=True))
