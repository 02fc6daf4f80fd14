"""From a declared task to a trained model: the row, its parts and its file, and what can be asked of them."""

from __future__ import annotations

import platform
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import datajoint as dj
import numpy as np
import pytest
import torch

import models
from declared_tasks import task
from models import scores
from pipeline.datasets import add_recording
from same_tensors import same_tensors
from schemas import recordings
from schemas.architecture import Core, ModelConfig, Readout
from schemas.dataset import Dataset, TrainingSet
from schemas.training import Regularization, Seed, TrainedModel, TrainerConfig, TrainingTask


def weights(key: dict) -> dict[str, torch.Tensor]:
    return (TrainedModel & key).fetch1("weights").load()


def test_row(trained):
    row = (TrainedModel & trained).proj(..., "-weights").fetch1()
    assert {name: row[name] for name in trained} == trained
    assert row["num_iterations"] == 6
    assert np.isfinite([row["val_loss"], row["val_corr"], row["test_corr"]]).all()
    assert -1 <= row["test_corr"] <= 1
    assert 0 < row["ceiling"] <= 1
    assert row["device"] == "cpu"
    assert row["device_name"]
    assert row["hostname"] == socket.gethostname()
    assert row["versions"]["python"] == platform.python_version()
    assert row["versions"]["torch"] == torch.__version__
    assert row["versions"]["datajoint"] == dj.__version__
    assert (row["cuda_version"], row["num_threads"]) == (None, torch.get_num_threads())
    assert row["numerics"]["cpu_capability"] == torch.backends.cpu.get_cpu_capability()
    assert row["recording_sha256"] == (Dataset & {"dataset_name": "tiny"}).fetch1("content_sha256")
    assert row["git_commit"] is None or len(row["git_commit"]) == 40
    assert row["git_dirty"] in (None, True, False)
    assert 0 < row["duration"] < 600
    assert abs(datetime.now(UTC).replace(tzinfo=None) - row["started"]) < timedelta(hours=1)


def test_parts(trained, recording):
    neurons = (TrainedModel.Neuron & trained).to_dicts(order_by="neuron_id")
    assert [neuron["neuron_id"] for neuron in neurons] == list(range(6))
    for neuron in neurons:
        for name in ("val_corr", "test_corr", "ceiling", "explainable_variance", "feve"):
            assert neuron[f"{name}_lower"] <= neuron[name] <= neuron[f"{name}_upper"]
    row = (TrainedModel & trained).proj(..., "-weights").fetch1()
    assert row["ceiling"] == pytest.approx(np.mean([neuron["ceiling"] for neuron in neurons]), abs=1e-12)
    repeats = models.Data.from_recording(recording).test_responses.numpy()
    for name, expected in (
        ("ceiling", scores.ceiling(repeats)),
        ("explainable_variance", scores.explainable_variance(repeats)),
    ):
        np.testing.assert_allclose([neuron[name] for neuron in neurons], expected, rtol=1e-12)

    for name in ("val_corr", "test_corr"):
        values = [neuron[name] for neuron in neurons]
        assert row[name] == pytest.approx(np.mean(values), abs=1e-12)
        assert row[f"{name}_median"] == pytest.approx(np.median(values), abs=1e-12)
        assert row[f"{name}_lower"] < row[name] < row[f"{name}_upper"]
    explained = [neuron["feve"] for neuron in neurons if neuron["explainable_variance"] >= 0.15]
    assert row["feve"] == pytest.approx(np.mean(explained), abs=1e-12)
    assert row["feve_median"] == pytest.approx(np.median(explained), abs=1e-12)

    curve = (TrainedModel.Curve & trained).to_dicts(order_by="iteration")
    assert [point["iteration"] for point in curve] == [2, 4, 6]
    losses = [point["val_loss"] for point in curve]
    assert [bool(point["is_best"]) for point in curve] == [losses[i] == min(losses[: i + 1]) for i in range(3)]
    assert {point["learning_rate"] for point in curve} == {(TrainerConfig & trained).fetch1("learning_rate")}
    assert row["val_loss"] == pytest.approx(losses[-1], rel=1e-6)  # after the last of six steps


def test_load_model_predicts_what_the_row_says(trained, recording):
    model = (TrainedModel & trained).load_model()
    data = models.Data.from_recording(recording)
    predictions = models.predict(model, data.test_images).numpy()
    found = scores.correlation(predictions, scores.mean_over_repeats(data.test_responses.numpy()))
    stored = (TrainedModel.Neuron & trained).to_arrays("test_corr", order_by="neuron_id")
    np.testing.assert_allclose(found, stored, rtol=0, atol=1e-6)
    loss = models.poisson_loss(models.predict(model, data.validation_images), data.validation_responses)
    assert float(loss) == pytest.approx((TrainedModel & trained).fetch1("val_loss"), rel=1e-6)


def test_weights_are_those_of_the_network(trained):
    stored = (TrainedModel & trained).fetch1("weights")
    assert stored.path.endswith(".safetensors")
    tensors = stored.load()
    state = (TrainedModel & trained).load_model().state_dict()
    assert same_tensors(tensors, state)


def test_every_hyper_parameter_is_a_query(trained):
    joined = TrainedModel.proj("test_corr") * ModelConfig * Core.Layer & trained
    assert len(joined & "layer = 3 AND num_filters = 4") == 1
    assert len(joined & "layer = 3 AND num_filters = 5") == 0
    assert len(joined & {"layer": 1, "filter_size": 5, "padding": "SAME"}) == 1
    all_of_it = joined * Core * Readout * Regularization * TrainerConfig * Seed & "layer = 1"
    row = all_of_it.fetch1()
    assert row["test_corr"] == (TrainedModel & trained).fetch1("test_corr")
    assert (row["core_class"], row["num_rotations"], row["shared_biases"]) == ("StackedConv2dCore", None, None)
    assert (row["batch_size"], row["max_iter"], row["seed"]) == (16, 6, 0)
    assert row["search_seed"] is None


@pytest.mark.parametrize("attribute", ["training_set", "config", "regularization", "trainer", "seed"])
def test_a_restriction_by_any_key_of_the_task_works_below(trained, attribute):
    key = {attribute: trained[attribute]}
    everything = [Dataset.Neuron & {"dataset_name": "tiny"}]
    for table, expected in (
        (TrainingTask, 1),
        (TrainedModel, 1),
        (TrainedModel.Neuron, len(everything[0])),
        (TrainedModel.Curve, 3),
    ):
        assert len(table & trained & key) == expected
        other = {attribute: 4294967295 if attribute == "seed" else "no such thing"}
        assert len(table & trained & other) == 0


def test_deleting_a_task_deletes_what_came_of_it(tiny, quick):
    with task(tiny, seed=5) as key:
        TrainedModel.populate(key)
        assert len(TrainedModel.Curve & key) == 3
    for table in (TrainingTask, TrainedModel, TrainedModel.Neuron, TrainedModel.Curve):
        assert not table & key


@pytest.mark.parametrize("config", ["quick", "quick-equivariant"])
def test_training_again_gives_the_same_bits(tiny, quick, config):
    with task(tiny, config) as key:
        TrainedModel.populate(key)
        before = weights(key), (TrainedModel.Neuron & key).to_dicts(order_by="neuron_id")
        curve = (TrainedModel.Curve & key).to_dicts(order_by="iteration")
        (TrainedModel & key).delete(prompt=False)
        assert not TrainedModel & key
        TrainedModel.populate(key)
        after = weights(key)
        assert same_tensors(before[0], after)
        assert (TrainedModel.Neuron & key).to_dicts(order_by="neuron_id") == before[1]
        assert (TrainedModel.Curve & key).to_dicts(order_by="iteration") == curve


def test_another_seed_gives_other_weights(tiny, trained):
    with task(tiny, seed=7) as key:
        TrainedModel.populate(key)
        other, first = weights(key), weights(trained)
    assert not any(torch.equal(other[name], first[name]) for name in first if name.endswith("weight"))


def test_half_of_the_trials_train_on_half(tiny, quick, recording, monkeypatch):
    recordings.forget()  # that half may be kept from another test
    seen = []
    from_recording = models.Data.from_recording
    monkeypatch.setattr(models.Data, "from_recording", lambda part: seen.append(part) or from_recording(part))
    TrainingSet.insert1({"training_set": "half"})
    TrainingSet.Member.insert1({"training_set": "half", "dataset_name": tiny, "trials_per_mille": 500})
    try:
        with task("half") as key:
            TrainedModel.populate(key)
            assert len(TrainedModel.Neuron & key) == 6
            (TrainedModel & key).load_model()
    finally:
        (TrainingSet & {"training_set": "half"}).delete(prompt=False)
    assert [len(part.train_images) for part in seen] == [30]
    assert seen[0].train_responses.shape == (30, 6)
    assert len(seen[0].test_images) == len(recording.test_images)


def test_without_repeats_what_they_tell_is_null(connection, recording, quick):
    add_recording("once", replace(recording, test_responses=recording.test_responses[:1]))
    try:
        with task("once") as key:
            TrainedModel.populate(key)
            row = (TrainedModel & key).proj(..., "-weights").fetch1()
            assert {name for name in row if row[name] is None} >= {"ceiling", "feve", "feve_median"}
            assert row["test_corr_lower"] < row["test_corr_upper"]
            neurons = (TrainedModel.Neuron & key).to_dicts()
            assert len(neurons) == recording.num_neurons
            for neuron in neurons:
                null = {name for name in neuron if neuron[name] is None}
                names = ("ceiling", "explainable_variance", "feve")
                assert null == {f"{name}{end}" for name in names for end in ("", "_lower", "_upper")}
            assert len(TrainedModel & key & "ceiling IS NULL") == 1
    finally:
        (TrainingSet & {"training_set": "once"}).delete(prompt=False)
        (Dataset & {"dataset_name": "once"}).delete(prompt=False)


def test_a_loss_that_is_not_finite_is_null(tiny, quick, monkeypatch):
    fit = models.Trainer.fit

    def diverging(self, **keywords):
        result = fit(self, **keywords)
        broken = replace(result.curve[0], val_loss=float("nan"), train_loss=float("inf"))
        return replace(result, curve=[broken, *result.curve[1:]])

    monkeypatch.setattr(models.Trainer, "fit", diverging)
    with task(tiny) as key:
        TrainedModel.populate(key)
        curve = (TrainedModel.Curve & key).to_dicts(order_by="iteration")
    assert (curve[0]["val_loss"], curve[0]["train_loss"]) == (None, None)
    assert np.isfinite([curve[1]["val_loss"], curve[1]["train_loss"]]).all()


def test_progress_is_told(tiny, quick, monkeypatch):
    told = []
    monkeypatch.setattr(TrainedModel, "on_validation", staticmethod(lambda key, point: told.append((key, point))))
    with task(tiny) as key:
        TrainedModel.populate(key)
    assert [point.iteration for _, point in told] == [2, 4, 6]
    assert all(told_key == key for told_key, _ in told)
