from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch
from torch import nn

from graphrep.learn import BestMetric, Checkpoint, LastEpoch, Loop, LowestLoss, StopRule, Verdict
from graphrep.nn import Dropout, Linear, make_generator, using_generator
from graphrep.nn.generators import current_generator, random_seed, random_uniform


class Scalar(nn.Module):
    """One parameter, whose gradient under ``lambda _: model.w`` is one."""

    def __init__(self, start=0.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(float(start)))


def loop_of(model, *, batches=lambda epoch: [None], lr=1.0, **options):
    options = {"epochs": 4, "progress": False} | options
    return Loop(model, lambda _: model.w, batches, torch.optim.SGD(model.parameters(), lr=lr), **options)


def test_every_batch_is_a_step_and_records_are_means():
    model = Scalar()
    loop = loop_of(model, batches=lambda epoch: range(epoch + 1), epochs=3)
    loop.run()
    assert model.w.item() == -6  # 1 + 2 + 3 steps
    assert loop.history == [{"loss": 0.0}, {"loss": -1.5}, {"loss": -4.0}]
    assert loop.best_epoch == 3


def test_a_loss_may_have_parts_and_may_accumulate_its_own_gradients():
    model = Scalar(2.0)

    def loss(_):
        (3 * model.w).backward()
        return {"loss": model.w.detach(), "part": torch.tensor(7.0)}

    loop = Loop(model, loss, lambda _: [None], torch.optim.SGD(model.parameters(), 0.5), epochs=1, progress=False)
    loop.run()
    assert model.w.item() == 0.5
    assert loop.history == [{"loss": 2.0, "part": 7.0}]


def test_the_schedule_scales_the_initial_rates():
    model = Scalar()
    factors = [1.0, 0.5, 0.25, 0.0]
    loop_of(model, schedule=factors.__getitem__, lr=2.0).run()
    assert model.w.item() == -3.5


def test_gradients_are_clipped_part_by_part():
    model = nn.ModuleDict({"a": Scalar(), "b": Scalar()})
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    loss = lambda _: 3 * model["a"].w + 0.5 * model["b"].w  # noqa: E731
    parts = (model["a"], model["b"])
    Loop(model, loss, lambda _: [None], optimizer, epochs=1, clip_norm=1.0, clipped=parts, progress=False).run()
    assert model["a"].w.item() == pytest.approx(-1.0, rel=1e-4)
    assert model["b"].w.item() == -0.5
    Loop(model, loss, lambda _: [None], optimizer, epochs=1, clip_norm=1.0, progress=False).run()
    assert model["b"].w.item() == pytest.approx(-0.5 - 0.5 / math.hypot(3, 0.5), rel=1e-4)


def test_the_first_of_equally_good_epochs_is_used():
    values = iter([0.1, 0.7, 0.7, 0.3, 0.7])
    model = Scalar()
    loop = loop_of(model, epochs=5, stop=BestMetric("auc"), validate=lambda: {"auc": next(values)})
    loop.run()
    assert loop.best_epoch == 2
    assert model.w.item() == -2  # the parameters of the second epoch, not of the last
    assert [record["auc"] for record in loop.history] == [0.1, 0.7, 0.7, 0.3, 0.7]


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 7), (None, 8)])
def test_patience_counts_epochs_without_a_better_one(patience, epochs):
    values = iter([0.1, 0.2, 0.2, 0.3, 0.4, 0.1, 0.1, 0.9])
    loop = loop_of(Scalar(), epochs=8, stop=BestMetric("m", patience), validate=lambda: {"m": next(values)})
    loop.run()
    assert len(loop.history) == epochs


def test_training_stops_when_it_overfits():
    records = iter([{"m": 0.5, "train_m": 0.8}, {"m": 0.6, "train_m": 0.9}, {"m": 0.7, "train_m": 0.91}])
    loop = loop_of(Scalar(), stop=BestMetric("m", train_limit=0.9), validate=lambda: next(records))
    loop.run()
    assert len(loop.history) == loop.best_epoch == 3


def test_lowest_loss_keeps_the_lowest():
    rule = LowestLoss(patience=2)
    seen = [rule.after(epoch, {"loss": loss}) for epoch, loss in enumerate([3.0, 2.0, 2.5, 1.0, 1.0, 1.5], 1)]
    assert [verdict.best for verdict in seen] == [True, True, False, True, False, False]
    assert [verdict.stop for verdict in seen] == [False] * 5 + [True]
    assert rule.keeps_best
    assert not LastEpoch.keeps_best


def test_a_stop_rule_sees_records_and_the_probe_and_its_notes_are_recorded():
    class Nosy(StopRule):
        def after(self, epoch, record, probe=None):
            return Verdict(best=True, stop=epoch == 2, notes={"seen": probe + record["loss"]})

    loop = loop_of(Scalar(), stop=Nosy(), probe=10.0)
    loop.run()
    assert loop.history == [{"loss": 0.0, "seen": 10.0}, {"loss": -1.0, "seen": 9.0}]


def test_a_callback_sees_records_with_seconds_and_can_stop():
    seen = []
    loop = loop_of(Scalar(), on_epoch=lambda epoch, record: seen.append((epoch, record)) or epoch == 3)
    loop.run()
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert all(record["seconds"] > 0 for _, record in seen)
    assert not any("seconds" in record for record in loop.history)


def test_the_time_limit_lets_the_first_epoch_through(tmp_path):
    def run(limit):
        checkpoint = Checkpoint(tmp_path / "c", "same")
        loop = loop_of(Scalar(), max_seconds=limit, checkpoint=checkpoint, epochs=3)
        loop.run()
        return loop

    lengths = [(len(loop.history), loop.timed_out) for loop in (run(0.0) for _ in range(3))]
    assert lengths == [(1, True), (2, True), (3, False)]
    assert not run(1e9).timed_out


def test_after_step_is_told_the_progress():
    seen = []
    loop_of(Scalar(), after_step=seen.append, batches=lambda _: [0, 1]).run()
    assert seen == [0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_training(value):
    model = Scalar(value)
    with pytest.raises(
        ValueError, match=rf"the loss became {value} in epoch 1 of training; try a smaller learning rate"
    ):
        loop_of(model).run()


def draws(seed, epochs=3, **options):
    """What batches and losses draw, and the final parameter."""
    with using_generator(make_generator(0)):
        model = Linear(4, 1)
    drop, seen = Dropout(0.5), []

    def batches(epoch):
        for _ in range(2):  # drawn while the losses draw, too
            yield torch.randperm(6, generator=current_generator()), random_seed()

    def loss(batch):
        seen.append((batch[0].tolist(), batch[1], random_seed(), random_uniform(2).tolist()))
        drop.train()
        return model(drop(torch.ones(3, 4))).square().mean()

    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    loop = Loop(model, loss, batches, optimizer, epochs=epochs, seed=seed, progress=False, **options)
    loop.run()
    return seen, model.weight.detach().clone()


def test_random_numbers_are_a_function_of_seed_epoch_and_batch_and_leave_torchs_alone():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    first, weight = draws(7)
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(99)  # torch's generator is not read either
    again, other = draws(7)
    assert first == again
    assert torch.equal(weight, other)
    assert len({str(item) for item in first}) == 6  # no batch draws what another drew
    assert draws(8)[0] != first
    assert draws(7, epochs=2)[0] == first[:4]


def test_a_resumed_training_is_the_training(tmp_path):
    whole, weight = draws(7, epochs=5)

    def stop(epoch, record):
        if epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draws(7, epochs=5, checkpoint=Checkpoint(tmp_path / "c", "id"), on_epoch=stop)
    rest, other = draws(7, epochs=5, checkpoint=Checkpoint(tmp_path / "c", "id"))
    assert rest == whole[4:]
    assert torch.equal(weight, other)


def test_the_progress_of_a_stop_rule_is_resumed(tmp_path):
    values = [0.5, 0.4, 0.3, 0.2]

    def run(values, epochs):
        model = Scalar()
        loop = loop_of(
            model,
            epochs=epochs,
            stop=BestMetric("m", patience=3),
            validate=lambda: {"m": values.pop(0)},
            checkpoint=Checkpoint(tmp_path / "c", "id"),
        )
        loop.run()
        return loop, model.w.item()

    run(values, 2)
    loop, w = run(values, 9)
    assert (len(loop.history), loop.best_epoch, w) == (4, 1, -1.0)
    loop, w = run(values, 9)  # the rule had stopped it
    assert (len(loop.history), w) == (4, -1.0)


def test_a_checkpoint_that_does_not_fit_the_model_is_refused(tmp_path):
    loop_of(Scalar(), checkpoint=Checkpoint(tmp_path / "c", "id")).run()
    model = nn.Linear(2, 2)
    loop = Loop(
        model,
        lambda _: model.weight.sum(),
        lambda _: [None],
        torch.optim.SGD(model.parameters(), 0.1),
        epochs=9,
        checkpoint=Checkpoint(tmp_path / "c", "id"),
        progress=False,
    )
    with pytest.raises(ValueError, match="does not fit the model"):
        loop.run()


def test_the_log_says_what_happens(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="graphrep")
    loop_of(Scalar(), epochs=2, checkpoint=Checkpoint(tmp_path / "c", "id"), name="Test").run()
    loop_of(
        Scalar(), epochs=3, checkpoint=Checkpoint(tmp_path / "c", "id"), name="Test", on_epoch=lambda *_: True
    ).run()
    text = caplog.text
    assert "Test: epoch 1 of 2, loss 0, seconds" in text
    assert f"Test: resumed from {tmp_path / 'c'} after epoch 2" in text
    assert "Test: stopped after epoch 3, best epoch 3" in text
    assert all(record.name == "graphrep.learn" for record in caplog.records)


def test_generators_belong_to_their_block_and_thread():
    import threading

    assert current_generator() is None
    found = {}
    with using_generator(make_generator(0)) as generator:
        assert current_generator() is generator
        thread = threading.Thread(target=lambda: found.update(other=current_generator()))
        thread.start()
        thread.join()
        with using_generator(make_generator(1)) as inner:
            assert current_generator() is inner
        assert current_generator() is generator
    assert current_generator() is None
    assert found == {"other": None}
    streams = [
        make_generator(0),
        make_generator(0, 0),
        make_generator(0, 1),
        make_generator(0, 0, 1),
        make_generator(1),
    ]
    numbers = [int(torch.randint(2**62, (), generator=stream)) for stream in streams]
    assert len(set(numbers)) == 5
    uniform = torch.rand(4000, generator=make_generator(5, 6)).numpy()
    assert abs(np.mean(uniform) - 0.5) < 0.03
