"""Several recordings on one core, and readouts on the core of a trained model: from the command line to every table."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import models
import schemas
import small_configurations
from models import scores
from models.gradient_rf import gradient_rfs
from models.simulation import simulate_recording
from pipeline import protocols
from pipeline.datasets import add_recording
from pipeline.errors import UserError
from pipeline.experiments.durations import _measured
from pipeline.experiments.operations import operations
from pipeline.figures import rows
from pipeline.parts import Part, members_named
from pipeline.results import short_id
from pipeline.stored_cores import declare_on_core
from pipeline.tasks import declare_task
from pipeline.training_sets import declare_training_set
from pipeline.work.worker import work
from schemas import recordings
from schemas.architecture import Core, ModelConfig
from schemas.dataset import Dataset, TrainingSet
from schemas.training import StoredCore, StoredCoreError, TrainedModel, TrainingTask

BOTH = "other.1+tiny@neurons-2-of-2"  # five neurons and three of six


@pytest.fixture(scope="module")
def other(connection) -> str:
    """Another recording with images of the same size; it goes when the module ends, with all that came of it."""
    add_recording("other.1", simulate_recording(num_neurons=5, num_images=50, image_size=16, num_repeats=3, seed=2))
    yield "other.1"
    names = (TrainingSet.Member & {"dataset_name": "other.1"}).to_arrays("training_set").tolist()
    (StoredCore & [{"origin_training_set": name} for name in names]).delete(prompt=False)
    (TrainingSet & [{"training_set": name} for name in names]).delete(prompt=False)
    (Dataset & {"dataset_name": "other.1"}).delete(prompt=False)
    (TrainingSet & "training_set LIKE 'tiny@%%'").delete(prompt=False)
    named = "config LIKE '%%@%%'"
    (TrainingTask & named).delete(prompt=False)
    (ModelConfig & named).delete(prompt=False)
    (Core & "core LIKE '%%@%%'").delete(prompt=False)


@pytest.fixture(scope="module")
def wider(connection, recording) -> str:
    """A recording with images of another size."""
    images = {
        f"{split}_images": np.pad(getattr(recording, f"{split}_images"), ((0, 0), (0, 0), (0, 4)), mode="edge")
        for split in ("train", "validation", "test")
    }
    add_recording("wider", replace(recording, **images))
    yield "wider"
    (TrainingSet & {"training_set": "wider"}).delete(prompt=False)
    (Dataset & {"dataset_name": "wider"}).delete(prompt=False)


@pytest.fixture(scope="module")
def shared(tiny, other) -> dict:
    """The key of a model of both recordings."""
    key = declare_task(f"tiny@neurons-2-of-2+{other}", small_configurations.QUICK_EQUIVARIANT, 0)
    TrainedModel.populate(key)
    return key


def rows_of(command, key) -> dict[str, dict]:
    """What `results` prints of a model, by recording."""
    found = json.loads(command("results", "--format", "json").out)
    return {row["dataset_name"]: row for row in found if row["id"] == short_id(key)}


def test_rows(shared, command):
    assert shared["training_set"] == BOTH
    neurons = (TrainedModel.Neuron & shared).to_dicts()
    assert sorted((row["dataset_name"], row["neuron_id"]) for row in neurons) == [
        *(("other.1", i) for i in range(5)),
        *(("tiny", i) for i in (1, 3, 5)),
    ]
    row = (TrainedModel & shared).proj(..., "-weights").fetch1()
    assert row["test_corr"] == pytest.approx(np.mean([neuron["test_corr"] for neuron in neurons]), abs=1e-12)
    shown = rows_of(command, shared)
    assert shown.keys() == {"other.1", "tiny"}
    for name, of_recording in shown.items():
        own = [neuron for neuron in neurons if neuron["dataset_name"] == name]
        for score in ("test_corr", "val_corr", "ceiling"):
            assert of_recording[score] == pytest.approx(np.mean([neuron[score] for neuron in own]), abs=1e-12)
        assert of_recording["test_corr_lower"] is None
        assert of_recording["val_loss"] == row["val_loss"]
    table = command("results", "--dataset", "tiny").out
    line = next(line for line in table.splitlines() if short_id(shared) in line)
    assert line.split()[1:3] == [shared["training_set"], "tiny"]


def test_networks_of_all_and_of_one_recording(shared, recording):
    row = TrainedModel & shared
    data = recordings.load(shared).data
    network, own = row.load_model(), row.load_model("tiny")
    images = data.recordings["tiny"].test_images
    rates = models.predict(network, images)
    assert rates.shape == (100, 8)
    torch.testing.assert_close(models.predict(own, images), rates[:, 5:], rtol=1e-5, atol=1e-7)
    found = scores.correlation(
        models.predict(own, images).numpy(),
        scores.mean_over_repeats(models.Data.from_recording(recording).test_responses.numpy()[..., 1::2]),
    )
    stored = (TrainedModel.Neuron & shared & {"dataset_name": "tiny"}).to_arrays("test_corr", order_by="neuron_id")
    np.testing.assert_allclose(found, stored, atol=1e-6)
    with pytest.raises(ValueError, match=r"recording is 'third'; allowed are other.1, tiny"):
        row.load_model("third")


def test_every_in_silico_table(shared, monkeypatch, command, tmp_path):
    for table, settings in protocols.SETTINGS.items():
        tiny = settings["standard"] | small_configurations.SMALL_SETTINGS.get(table, {})
        monkeypatch.setitem(protocols.SETTINGS, table, settings | {"tiny": tiny})
    monkeypatch.setitem(protocols.PROTOCOLS, "tiny", dict.fromkeys(protocols.PROTOCOLS["full"], "tiny"))
    protocols.declare_protocol(shared, "tiny")
    for computed in schemas.computed_tables()[1:]:
        computed.populate(shared)
        assert len(computed.Neuron & shared) == 8
    in_silico = json.loads(command("show", short_id(shared), "--format", "json").out)["in_silico"]
    assert len(in_silico) == len(schemas.computed_tables()) - 1
    data, rfs = recordings.load(shared).data, (schemas.insilico.GradientRF & shared).fetch1("rfs").load()
    images = data.recordings["tiny"].train_images[:4]  # those of its neurons, the last three
    own = gradient_rfs((TrainedModel & shared).load_model("tiny"), images)
    np.testing.assert_allclose(rfs[5:], own, atol=1e-5 * np.abs(own).max())
    # figures and the report are of models of one recording
    assert rows.query_models("other.1") == []
    assert rows.best_row(schemas.insilico.GradientRF, "other.1") is None
    report = tmp_path / "report.html"
    assert command("report", "--out", report, "--dataset", "other.1").code == 0
    assert "No model is trained yet of all neurons of one recording" in report.read_text()


def test_verify_and_export(shared, command, tmp_path):
    done = command("verify", short_id(shared))
    assert (done.code, done.out.splitlines()[-1]) == (0, "the same to the bit")
    assert sum(line.startswith("recording: the same") for line in done.out.splitlines()) == 2
    line = command("export", short_id(shared), "--to", tmp_path / "any").err
    assert line == "hypercolumn: the model is of 2 recordings; name one of them by --dataset: other.1 or tiny\n"
    assert command("export", short_id(shared), "--to", tmp_path / "tiny", "--dataset", "tiny").code == 0
    network, settings = models.load_model(tmp_path / "tiny")
    assert settings["neuron_id"] == [1, 3, 5]
    images = recordings.load(shared).data.recordings["tiny"].test_images
    expected = models.predict((TrainedModel & shared).load_model("tiny"), images)
    torch.testing.assert_close(models.predict(network, images), expected)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["tiny+nobody"], "there is no recording 'nobody' (there are: "),
        (["tiny+tiny"], "'tiny+tiny' names recording 'tiny' twice"),
        (["tiny@neurons-3-of-2"], "'tiny@neurons-3-of-2' names no part of a recording; allowed are NAME@125"),
        (["tiny@0125"], "'tiny@0125' names no part"),
        (["tiny@neurons-7-of-9"], "recording 'tiny' has 6 neurons, too few"),
        (["other.1+tiny", "--config", "paper"], "has 50 training images, fewer than one batch of 'paper', 256"),
        (["other.1+wider"], "images of one size, in pixels, and have other.1 16 x 16, wider 16 x 20; ingest"),
        (["tiny+other.1", "--as", "both", "--config", "paper"], "fewer than one batch of 'paper', 256"),
        (["TINY+other.1"], "there is no recording 'TINY' (there are: "),  # also where a server takes it for the same
        (["TINY"], "there is no recording 'TINY' (there are: "),
        (["tiny@" + 5000 * "9"], "names no part of a recording"),
        (["tiny", "--core", "01234567"], "'01234567' leaves 0 trained models"),
    ],
)
def test_refused(refused, tiny, other, wider, quick, arguments, expected):
    assert expected in refused("train", *arguments)


@pytest.mark.parametrize(
    "members",
    [{}, {"tiny": Part(neuron_parts=2, neuron_part=3)}, {"tiny": Part(num_parts=2, part=0)}],
)
def test_parts_that_are_none(tiny, snapshot, members):
    before = snapshot()
    with pytest.raises(UserError, match=r"is no part of recordings; see docs/how-to/several-recordings.md"):
        declare_training_set(members, "parts")
    assert snapshot() == before


def test_figures_are_of_all_neurons(shared, trained):
    key = declare_task("tiny@neurons-2-of-2", small_configurations.QUICK, 0)
    TrainedModel.populate(key)
    shown = {row["training_set"] for row in rows.query_models("tiny")}
    assert "tiny" in shown
    assert not shown & {"tiny@neurons-2-of-2", BOTH}


def test_how_long_others_take_goes_by_the_neurons_that_were_trained(tiny, trained, connection):
    named = small_configurations.QUICK
    TrainedModel.populate(declare_task("tiny@neurons-2-of-2", named, 0))
    cost = {row["training_set"]: row["operations"] for row in _measured()[1] if row["config"] == named.config}
    sizes = (named.layers, named.core["num_rotations"], 16, 16)
    assert (cost["tiny"], cost["tiny@neurons-2-of-2"]) == (operations(*sizes, 6), operations(*sizes, 3))


def test_a_core_that_is_not_trained_yet(tiny):
    origin = declare_task(tiny, small_configurations.QUICK, 81)
    with pytest.raises(UserError, match="is not trained yet"):
        declare_on_core(tiny, origin, None, 0)
    (TrainingTask & origin).delete(prompt=False)


def test_names_tell_what_training_sets_are(tiny, other, connection):
    parts = [Part(), Part(125), Part(num_parts=2), Part(250, 3, 2, 7), Part(500, neuron_parts=3, neuron_part=2)]
    for part in parts:
        assert members_named(f"{part.name('a-1.b')}+c") == {"a-1.b": part, "c": Part()}
    assert declare_training_set({tiny: Part(), other: Part(500)}, "both") == "both"
    assert len(TrainingSet.Member & {"training_set": "both"}) == 2
    with pytest.raises(UserError, match="'both' is in this database with other members"):
        declare_training_set({tiny: Part(), other: Part()}, "both")
    with pytest.raises(UserError, match=r"have a name of 68 characters; allowed are 64, so name it yourself \(--as\)"):
        declare_training_set({tiny: Part(), other: Part(500, 100_000_000, 50_000_000, 10**18)})


def test_a_readout_on_the_core_of_another_model(shared, command, quick, tiny, snapshot):
    """As the paper's control for transfer: the neurons that were left out, on the core of the others."""
    code, out, err = command("train", "tiny@neurons-1-of-2", "--core", short_id(shared), "--seed", 3)
    assert (code, err) == (0, "")
    config = f"quick-equivariant@{short_id(shared)}"
    key = (TrainedModel & {"config": config, "training_set": "tiny@neurons-1-of-2"}).fetch1("KEY")
    assert short_id(key) in out
    origin, found = ((TrainedModel & one).fetch1("weights").load() for one in (shared, key))
    for name, tensor in origin.items():
        if name.startswith("core."):
            assert torch.equal(found[name], tensor), name
    assert (TrainedModel.Neuron & key).to_arrays("neuron_id", order_by="neuron_id").tolist() == [0, 2, 4]
    story = json.loads(command("show", short_id(key), "--format", "json").out)
    assert story["core_origin"] == {"id": short_id(shared)} | shared
    assert "the core's origin" in command("show", short_id(key)).out
    done = command("verify", short_id(key))
    assert (done.code, done.out.splitlines()[-1]) == (0, "the same to the bit")
    before = snapshot()
    assert "nothing to do" in command("train", "tiny@neurons-1-of-2", "--core", short_id(shared), "--seed", 3).out
    assert "has itself a stored core" in command("train", "tiny", "--core", short_id(key)).err
    assert snapshot() == before


def test_without_its_origin_a_stored_core_is_not_trained(tiny, quick, command, connection):
    origin = declare_task(tiny, "quick", 77)
    TrainedModel.populate(origin)
    name = short_id(origin)
    assert command("train", tiny, "--core", name, "--config", "quick", "--seed", 1).code == 0
    (key,) = (TrainedModel & {"config": f"quick@{name}"}).keys()
    later = key | {"seed": 2}
    assert command("train", tiny, "--core", name, "--config", "quick", "--seed", 2).code == 0
    (TrainedModel & later).delete(prompt=False)
    (TrainedModel & origin).delete(prompt=False)
    assert not StoredCore & {"origin_seed": 77}
    (TrainedModel & key).load_model()  # has all of its weights
    with pytest.raises(StoredCoreError, match="are gone with the trained model that it came from; train that model"):
        TrainedModel.populate(later)
    done, failures = work("TrainedModel")
    assert any("StoredCoreError" in line for line in failures)
    done = command("verify", short_id(key))
    assert done.code == 1
    assert done.out.splitlines()[-1] == "not the same: stored core"
    assert "scores of the stored weights: the same" in done.out
    TrainedModel.populate(origin)  # to the same bits, so that its core may be stored again
    assert command("train", tiny, "--core", name, "--config", "quick", "--seed", 2).code == 0
    assert len(TrainedModel & later) == 1
    TrainedModel.jobs.delete()
    (TrainingTask & origin).delete(prompt=False)


def test_the_page(tiny, other, quick):
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "several-recordings.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    given = {"mouse1": tiny, "mouse2": other, "mouse3": "tiny@500", "rotation-equivariant": "quick-equivariant"}
    for name, here in given.items():
        code = code.replace(f'"{name}"', f'"{here}"')
    names: dict = {}
    exec(code, names)  # the page's own lines
    assert [names[name].readout.masks.shape[0] for name in ("whole", "second")] == [11, 5]
    assert len(TrainedModel & names["transferred"]) == len(StoredCore & {"origin_training_set": "both-mice"}) == 1
