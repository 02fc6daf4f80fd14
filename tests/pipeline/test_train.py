"""Declaring, training and looking at results from the command line."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest

from models.exported import build
from models.simulation import simulate_recording
from pipeline import configs, demo, results
from pipeline.cli import cli
from pipeline.datasets import add_recording
from pipeline.errors import UserError
from pipeline.tasks import content_hash, declare_task
from schemas.architecture import ModelConfig
from schemas.dataset import Dataset, TrainingSet
from schemas.training import TrainedModel, TrainingTask


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


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nobody", "--config", "quick"], "there is no recording 'nobody' (there are: "),
        (["it's", "--config", "quick"], 'there is no recording "it\'s"'),
        (["tiny", "--config", "fast"], "configuration 'fast' is unknown; allowed are rotation-equivariant, cnn, paper"),
        (["tiny", "--config", "paper"], "'tiny' has 60 training images, fewer than one batch of 'paper', 256; choose"),
        (["tiny", "--seed", 2**32], "Invalid value for '--seed': 4294967296 is not in the range 0<=x<=4294967295"),
        (["tiny", "--seed", -1], "Invalid value for '--seed': -1 is not in the range"),
        (["tiny", "--seed", "one"], "Invalid value for '--seed': 'one' is not a valid integer"),
        (["tiny", "--device", "cuda:99"], "device 'cuda:99' is not there; this machine has "),
        (["tiny", "--device", "tpu9"], "device 'tpu9' is unknown; allowed are cpu, cuda, cuda:0, ..."),
        (["tiny", "--device", "meta"], "device 'meta' is not supported; allowed are cpu, cuda"),
        (["tiny", "--speed", "fast"], "No such option"),
        ([], "Missing argument 'NAME'"),
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


def test_results_agree_with_the_tables_in_every_format(command, trained, tiny):
    others = [declare_task(tiny, "quick-equivariant", seed) for seed in (50, 51)]
    TrainedModel.populate(others)
    join = TrainedModel.proj(..., "-weights") * ModelConfig * TrainingSet.Member.proj() & {"dataset_name": tiny}
    expected = join.to_dicts(order_by="test_corr DESC")
    assert len(expected) == 3
    rows = json.loads(command("results", "--dataset", tiny, "--format", "json").out)
    names = {"dataset_name", "config", "core", "readout", "seed", "val_loss", "test_corr", "num_iterations"}
    assert all(names <= row.keys() for row in rows)
    for row, stored in zip(rows, expected, strict=True):
        expected_row = {"id": results.short_id(stored)} | stored | dict.fromkeys(results.IMPORTED)
        assert row == {name: expected_row[name] for name in row}

    lines = list(csv.DictReader(io.StringIO(command("results", "--dataset", tiny, "--format", "csv").out)))
    text = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    assert text == lines

    table = command("results", "--dataset", tiny).out
    for row in rows:
        line = next(line for line in table.splitlines() if row["id"] in line)
        assert line.split()[:4] == [row["id"], tiny, row["config"], str(row["seed"])]
        assert f"{row['test_corr']:.3f}" in line.split()
    (TrainingTask & others).delete(prompt=False)


def test_results_of_another_process(hypercolumn, trained, tiny):
    found = json.loads(hypercolumn("results", "--format", "json", "--where", "config = 'quick'").out)
    rows = results.query_results(where="config = 'quick'")
    assert [row["test_corr"] for row in found] == [row["test_corr"] for row in rows]


def test_results_that_fit_a_condition(command, trained):
    def count(*arguments: str) -> int:
        return len(json.loads(command("results", "--format", "json", *arguments).out))

    everything = count()
    assert count("--where", "seed = 0 AND config = 'quick'") == 1
    assert count("--where", "test_corr > 1") == 0
    assert count("--where", "test_corr <= 1") == everything
    assert count("--where", "config LIKE 'qu%'") == everything
    assert count("--dataset", "nobody") == 0
    assert count("--dataset", "it's 100%") == 0


def test_no_results(command, connection):
    said = "no trained model fits; `hypercolumn train NAME` trains one\n"
    assert command("results", "--dataset", "nobody") == (0, said, "")
    assert json.loads(command("results", "--dataset", "nobody", "--format", "json").out) == []
    heading = command("results", "--dataset", "nobody", "--format", "csv").out
    assert heading == ",".join(results.COLUMNS) + "\n"


@pytest.mark.parametrize(
    "where",
    ["colour = 3", "test_corr >", "'", "test_corr > 0; DROP TABLE x", "1 = 1) OR (", "100%", "seed = 'a", "%s", ""],
)
def test_bad_conditions(command, snapshot, trained, where):
    before = snapshot()
    code, out, err = command("results", "--where", where)
    if where == "":
        assert code == 0
    else:
        assert (code, out) == (2, "")
        assert len(err.splitlines()) == 1
        assert err.startswith(f"hypercolumn: {where!r} is not a condition on the results (")
    assert snapshot() == before


@pytest.mark.parametrize("arguments", [["--format", "xml"], ["--dataset"], ["unknown"]])
def test_results_usage(refused, arguments):
    assert refused("results", *arguments).startswith("Error: ")


def test_configs_lists_all(command):
    code, out, err = command("configs")
    assert (code, err) == (0, "")
    for name, named in configs.CONFIGS.items():
        assert name in out
        assert named.trainer["trainer"] in out


def test_a_failing_query_leaves_the_connection_usable(command, trained):
    assert command("results", "--where", "colour = 3").code == 2
    assert command("results", "--where", "seed = 0").code == 0


def _commands() -> list[list[str]]:
    names = []
    for name, command in cli.commands.items():
        names.append([name])
        names += [[name, below] for below in getattr(command, "commands", {})]
    return [[], *names]


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(command, words, option):
    code, out, err = command(*words, option)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: ")
    assert "Show this message and exit." in out


def test_help_and_version_connect_to_nothing(hypercolumn, tmp_path):
    home = tmp_path / "home"
    for arguments in (["--help"], ["train", "--help"], ["--version"], ["configs"]):
        code, out, err = hypercolumn(*arguments, HYPERCOLUMN_HOME=str(home), DJ_HOST=None)
        assert (code, err) == (0, "")
        assert out
    assert not home.exists()


def test_demo(command, connection, quick, monkeypatch, snapshot, tmp_path):
    monkeypatch.setattr(demo, "CONFIGS", ["quick-equivariant", "quick"])
    arguments = ["demo", "--neurons", 6, "--images", 60, "--seed", 3, "--out", tmp_path / "new" / "folder"]
    code, out, err = command(*arguments)
    assert (code, err) == (0, "")
    name = "demo-6-neurons-60-images-seed-3"
    assert f"2. Declaring the recording '{name}'\n" in out
    assert f"Next: hypercolumn results --dataset {name} --format json\n" in out
    figure = tmp_path / "new" / "folder" / f"{name}.png"
    assert f"Figure: {figure}\n" in out
    pixels = matplotlib.image.imread(figure)
    assert pixels.shape == (1110, 1800, 4)
    assert np.ptp(pixels[..., :3]) > 0.9
    rows = results.query_results(dataset=name)
    assert {row["config"] for row in rows} == {"quick-equivariant", "quick"}
    assert all(row["id"] in out for row in rows)

    before = snapshot()
    code, again, err = command(*arguments)
    assert (code, err) == (0, "")
    assert f"2. Declaring the recording '{name}': it is there already\n" in again
    for config in ("quick", "quick-equivariant"):
        assert f"{config} is already trained on {name} with seed 3; nothing to do" in again
    assert snapshot() == before
    (TrainingSet & {"training_set": name}).delete(prompt=False)
    (Dataset & {"dataset_name": name}).delete(prompt=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--neurons", 0],
        ["--images", 49],
        ["--seed", 2**32],
        ["--seed", -1],
        ["--device", "cuda:99"],
        ["--out", __file__],
        ["--images", "many"],
    ],
)
def test_demo_refused(refused, connection, arguments):
    assert refused("demo", "--neurons", 6, "--images", 60, *arguments)


def test_the_package_can_train_after_the_command_line_has_shown_progress(tiny, quick, command):
    key = {"training_set": tiny, "seed": 14}
    assert command("train", tiny, "--config", "quick", "--seed", 14).code == 0
    (TrainedModel & key).delete(prompt=False)
    TrainedModel.populate(key)
    assert len(TrainedModel & key) == 1
    (TrainingTask & key).delete(prompt=False)


def test_demo_where_no_folder_can_be_made(refused, connection, tmp_path):
    (tmp_path / "file").write_text("")
    assert "Not a directory" in refused("demo", "--neurons", 6, "--images", 60, "--out", tmp_path / "file" / "folder")
