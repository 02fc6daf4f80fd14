"""Declaring and training, from the command line and in Python."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from models.build import build
from models.simulation import simulate_recording
from pipeline import configs, results
from pipeline import train as training
from pipeline.datasets import add_recording
from pipeline.errors import UserError
from pipeline.tasks import content_hash, declare_task
from schemas.architecture import ModelConfig
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainedModel, TrainingTask
from schemas.work import Lease


def test_train_and_train_again(command, tiny, quick, snapshot):
    code, out, err = command("train", tiny, "--config", "quick", "--seed", 11)
    key = {"training_set": tiny, "config": "quick", "seed": 11}
    row = (TrainedModel & key).proj("test_corr").fetch1()
    assert (code, err) == (0, "")
    assert results.short_id(row) in out
    assert f"{row['test_corr']:.3f}" in out

    before = snapshot()
    code, again, err = command("train", tiny, "--config", "quick", "--seed", 11)
    assert (code, err) == (0, "")
    assert again.splitlines()[0] == "quick is already trained on tiny with seed 11; nothing to do"
    assert f"{row['test_corr']:.3f}" in again
    assert snapshot() == before
    (TrainingTask & key).delete(prompt=False)


def test_train_as_a_process_of_its_own(hypercolumn, tiny, connection):
    code, out, err = hypercolumn("train", tiny, "--config", "quick-equivariant", "--seed", 12, quick=True)
    key = {"training_set": tiny, "config": "quick-equivariant", "seed": 12}
    assert (code, err) == (0, "")
    row = (TrainedModel * ModelConfig & key).proj(..., "-weights").fetch1()
    assert (row["core"], row["num_iterations"]) == ("hermite-2-2-4", 6)
    assert results.short_id(row) in out
    (TrainingTask & key).delete(prompt=False)


def test_what_a_worker_trains_is_waited_for(command, tiny, quick, monkeypatch):
    key = declare_task(tiny, "quick", 15)
    jobs = TrainedModel.jobs
    jobs.refresh(key)
    assert jobs.reserve(key)
    jobs.update1({name: key[name] for name in TrainedModel.primary_key} | {"pid": os.getppid()})  # which lives

    def end(_):
        TrainedModel.populate(key)
        jobs.complete(key)

    monkeypatch.setattr(training, "time", SimpleNamespace(sleep=end))
    code, out, err = command("train", tiny, "--config", "quick", "--seed", 15)
    assert (code, err) == (0, "")
    assert out.startswith("quick is being trained by a worker; waiting for it\n")
    assert f"{(TrainedModel & key).fetch1('test_corr'):.3f}" in out
    (TrainingTask & key).delete(prompt=False)


def test_no_worker_takes_what_is_being_trained(command, tiny, quick, monkeypatch):
    compute, held = TrainedModel.make_compute, []

    def noting(self, key, task):
        held.append((len(Lease()), len(TrainedModel.jobs.reserved & key), len(TrainedModel.jobs.pending & key)))
        return compute(self, key, task)

    monkeypatch.setattr(TrainedModel, "make_compute", noting)
    assert command("train", tiny, "--config", "quick", "--seed", 16).code == 0
    assert held == [(1, 1, 0)]
    assert not Lease()
    (TrainingTask & {"seed": 16}).delete(prompt=False)


def test_what_failed_is_tried_again(command, tiny, quick, monkeypatch):
    def fail(self, key, task):
        raise ValueError("this one fails")

    key = {"training_set": tiny, "seed": 17}
    with monkeypatch.context() as patch:
        patch.setattr(TrainedModel, "make_compute", fail)
        with pytest.raises(ValueError, match="this one fails"):
            training.train(tiny, ["quick"], 17, Console(quiet=True))
    assert (TrainedModel.jobs.errors & key).fetch1("error_message") == "ValueError: this one fails"
    assert command("train", tiny, "--config", "quick", "--seed", 17).code == 0
    assert not TrainedModel.jobs & key
    (TrainingTask & key).delete(prompt=False)


@pytest.mark.parametrize("why", ["left out", "declared no more"])
def test_what_cannot_be_trained_is_said(tiny, quick, monkeypatch, why):
    key = declare_task(tiny, "quick", 18)
    if why == "left out":
        TrainedModel.jobs.ignore(key)
    else:
        (TrainingTask & key).delete(prompt=False)
    with pytest.raises(UserError, match=f"quick was not trained \\(it.* {why}\\)"):
        training.train_declared([key], Console(quiet=True))
    (TrainingTask & key).delete(prompt=False)
    (TrainedModel.jobs & key).delete()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nobody", "--config", "quick"], "there is no recording 'nobody' (there are: "),
        (["it's", "--config", "quick"], 'there is no recording "it\'s"'),
        (["tiny", "--config", "fast"], "configuration 'fast' is unknown; allowed are rotation-equivariant, cnn, paper"),
        (["tiny", "--config", "paper"], "'tiny' has 60 training images, fewer than one batch of 'paper', 256; choose"),
        (["tiny", "--seed", 2**32], "invalid value for '--seed': 4294967296 is not in the range 0<=x<=4294967295"),
        (["tiny", "--seed", -1], "invalid value for '--seed': -1 is not in the range"),
        (["tiny", "--seed", "one"], "invalid value for '--seed': 'one' is not a valid integer"),
        (["tiny", "--device", "cuda:99"], "device 'cuda:99' is not there; this machine has "),
        (["tiny", "--device", "tpu9"], "device 'tpu9' is unknown; allowed are cpu, cuda, cuda:0, ..."),
        (["tiny", "--device", "meta"], "device 'meta' is not supported; allowed are cpu, cuda"),
        (["tiny", "--speed", "fast"], "no such option"),
        ([], "missing argument 'NAME'"),
    ],
)
def test_refused(refused, tiny, quick, arguments, expected):
    assert expected in refused("train", *arguments)


def test_largest_seed(tiny, quick, command):
    assert command("train", tiny, "--config", "quick", "--seed", 2**32 - 1).code == 0
    assert len(TrainedModel.Curve & {"seed": 2**32 - 1}) == 3
    (TrainingTask & {"seed": 2**32 - 1}).delete(prompt=False)


def test_seed_from_python(tiny, quick, snapshot):
    before = snapshot()
    for seed in (-1, 2**32):
        with pytest.raises(UserError, match=f"seed is {seed}; allowed is 0 to 4294967295"):
            declare_task(tiny, "quick", seed)
    assert snapshot() == before


def test_declared_rows_are_those_of_the_configuration(tiny, quick, connection):
    key = declare_task(tiny, "quick", 13)
    named = configs.CONFIGS["quick"]
    assert key == {
        "training_set": "tiny",
        "config": "quick",
        "regularization": content_hash(named.weights),
        "trainer": "quick",
        "seed": 13,
    }
    keywords = (TrainingTask & key).keywords()
    penalties = named.weights
    assert keywords["core"] == named.layers | {name: penalties[name] for name in penalties if name.startswith("conv_")}
    assert keywords["readout"] == {
        "positive_feature_weights": False,
        "init_masks": "rand",
        "readout_sparsity": penalties["readout_sparsity"],
    }
    trainer = named.trainer | {"precision": keywords["precision"], "trainer": "quick"}
    assert keywords["fit"] | {"precision": keywords["precision"], "trainer": "quick"} == trainer
    assert (keywords["core_class"], keywords["seed"]) == ("StackedConv2dCore", 13)
    assert declare_task(tiny, "quick", 13) == key
    assert len(TrainingTask & key) == 1
    (TrainingTask & key).delete(prompt=False)


@pytest.mark.parametrize("name", ["quick", "quick-equivariant", *configs.CONFIGS])
def test_every_configuration_can_be_declared(connection, quick, snapshot, name):
    recording = simulate_recording(num_neurons=2, num_images=256, image_size=16)
    before = snapshot()
    add_recording("enough", recording)
    try:
        key = declare_task("enough", name, 0)
        keywords = (TrainingTask & key).keywords()
        assert keywords["core_class"] == configs.CONFIGS[name].core["core_class"]
        assert build(keywords | {"image_size": (16, 16), "num_neurons": 2}).regularizer() > 0
    finally:
        (TrainingSet & {"training_set": "enough"}).delete(prompt=False)
        (Dataset & {"dataset_name": "enough"}).delete(prompt=False)
    assert snapshot()["TrainingTask"] == before["TrainingTask"]


@pytest.mark.parametrize(
    ("part", "values", "said"),
    [
        ("core", {"num_rotations": 7}, "core 'hermite-2-2-4'"),
        ("layers", {"filter_size": [5, 3, 5]}, "core 'hermite-2-2-4'"),
        ("layers", {"filter_size": [5, 3], "num_filters": [2, 2]}, "core 'hermite-2-2-4'"),
        ("readout", {"positive_feature_weights": True}, "readout 'joint-l1'"),
        ("trainer", {"batch_size": 17}, "trainer 'quick'"),
        ("core", {"core": "another"}, "config 'quick-equivariant'"),
    ],
)
def test_a_name_with_other_values_is_refused(refused, tiny, quick, monkeypatch, part, values, said):
    key = declare_task(tiny, "quick-equivariant", 0)
    named = configs.CONFIGS["quick-equivariant"]
    changes = getattr(named, part) | values
    if len(changes.get("filter_size", [0] * 3)) == 2:
        changes = {name: layers[:2] for name, layers in changes.items()}
    monkeypatch.setitem(configs.CONFIGS, "quick-equivariant", replace(named, **{part: changes}))
    line = refused("train", tiny, "--config", "quick-equivariant")
    assert line == f"hypercolumn: {said} is in this database with other values; give the new one another name"
    (TrainingTask & key).delete(prompt=False)


def test_the_package_can_train_after_the_command_line_has_shown_progress(tiny, quick, command):
    key = {"training_set": tiny, "seed": 14}
    assert command("train", tiny, "--config", "quick", "--seed", 14).code == 0
    (TrainedModel & key).delete(prompt=False)
    TrainedModel.populate(key)
    assert len(TrainedModel & key) == 1
    (TrainingTask & key).delete(prompt=False)
