from __future__ import annotations

import json
import threading

import networkx as nx
import pytest
from sklearn.base import clone

import graphrep as gr
from graphrep.learn import JSONLines, TensorBoard, Tracker
from graphrep.learn.callbacks import check_callbacks, notify


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_json_lines_begin_anew_and_continue(tmp_path):
    path = tmp_path / "m.jsonl"
    write = JSONLines(path, seed=3)
    for epoch in (1, 2, 3):
        write(epoch, {"loss": epoch / 2}, None)
    assert lines(path) == [{"seed": 3, "epoch": epoch, "loss": epoch / 2} for epoch in (1, 2, 3)]
    JSONLines(path)(3, {"loss": 9}, None)  # a resumed fit trains the third epoch again
    JSONLines(path)(4, {"loss": 8}, None)
    assert [(line["epoch"], line["loss"]) for line in lines(path)] == [(1, 0.5), (2, 1.0), (3, 9), (4, 8)]
    path.write_text(path.read_text() + '{"epoch": 5, "lo')  # the process was killed while it wrote
    JSONLines(path)(5, {"loss": 7}, None)
    assert [line["epoch"] for line in lines(path)] == [1, 2, 3, 4, 5]
    JSONLines(path)(1, {"loss": 1}, None)
    assert len(lines(path)) == 1


def test_tensorboard_writes_events(tmp_path):
    pytest.importorskip("tensorboard")
    callback = TensorBoard(tmp_path, prefix="a/")
    callback(1, {"loss": 0.5}, None)
    assert any("events" in file.name for file in tmp_path.iterdir())


def test_only_true_stops_and_every_callback_is_called():
    seen = []
    answers = [lambda *a: seen.append(a) or True, lambda *a: seen.append(a), lambda *a: 1]
    assert notify(answers, 2, {"loss": 1.0}, "estimator")
    assert seen == [(2, {"loss": 1.0}, "estimator")] * 2
    assert not notify(answers[1:], 2, {}, None)
    for wrong in (len, "text", 3, [3]):
        with pytest.raises(TypeError, match="callbacks must be"):
            check_callbacks(wrong)


SMALL = {"epochs": 6, "dimensions": 4}
TRAINED = [
    gr.GAE(**SMALL),
    gr.NCN(**SMALL, batch_size=16),
    gr.NCNC(**SMALL, batch_size=16),
    gr.Contrastive(objective="cca-ssg", **SMALL),
    gr.StructComp(compression=2, **SMALL),
    gr.PamC(n_clusters=2, hidden=(4,), pretraining_epochs=1, **SMALL),
    gr.SCGC(n_clusters=2, hidden=(4,), pretraining_epochs=1, **SMALL),
]


@pytest.mark.parametrize("model", TRAINED, ids=lambda model: type(model).__name__)
def test_every_estimator_that_trains_calls_them_and_stops(model, karate, tmp_path):
    seen = []

    def watch(epoch, record, estimator):
        seen.append((epoch, sorted(record)[:1], estimator is fitted, len(estimator.history_)))
        return epoch == 3

    path = tmp_path / "m.jsonl"
    fitted = clone(model).set_params(callbacks=[watch, JSONLines(path)])
    fitted.fit(karate)
    assert [entry[0] for entry in seen] == [1, 2, 3]
    assert all(entry[2] for entry in seen)
    assert [entry[3] for entry in seen] == [1, 2, 3]
    assert len(fitted.history_) == 3
    assert [{k: v for k, v in line.items() if k not in ("epoch", "seconds")} for line in lines(path)] == fitted.history_
    with pytest.raises(TypeError, match="callbacks must be"):
        clone(model).set_params(callbacks=print).fit(karate)


@pytest.fixture
def karate():
    import networkx as nx

    return gr.as_graph(nx.karate_club_graph(), weights=False)


def test_a_tracker_gets_every_epoch_under_plain_names():
    graph = nx.karate_club_graph()
    split = gr.evaluate.random_link_split(graph, valid=0.2, test=0.2)
    lock, seen = threading.Lock(), []

    class Run:
        busy = lock  # has no copy

        def log(self, record, step):
            seen.append((step, record))

    tracker = Tracker(Run().log, prefix="karate/")
    model = gr.GAE(dimensions=8, epochs=3, metric="hits@5", callbacks=[tracker], progress=False)
    fitted = clone(model).fit(split.graph, val=split)
    assert [step for step, _ in seen] == [1, 2, 3]
    assert [record["karate/hits_5"] for _, record in seen] == [record["hits@5"] for record in fitted.history_]
    kept = []
    Tracker(lambda record, step: kept.append(record), rename=str)(1, {"hits@5": 1}, None)
    assert kept == [{"hits@5": 1.0}]
    with pytest.raises(TypeError, match="log must be a function"):
        Tracker("mlflow")
