"""A model's whole story: for a program nothing is lost, for a person everything is there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline import panels, results
from schemas.architecture import Core, ModelConfig, Readout
from schemas.dataset import Dataset
from schemas.experiment import Experiment
from schemas.training import Regularization, TrainedModel, TrainerConfig


@pytest.fixture
def experiment(trained):
    Experiment.insert1({"experiment_name": "told", "summary": "what is told"})
    point = {"series": "[b]a series", "label": "a label", "family": "own", "position": 1}
    Experiment.Member.insert1({"experiment_name": "told", **point, **trained})
    yield "told"
    (Experiment & {"experiment_name": "told"}).delete(prompt=False)


def as_plain(row: dict[str, Any]) -> dict[str, Any]:
    """As JSON has a row: without its own dates."""
    return json.loads(json.dumps(row, default=lambda date: date.isoformat()))


def test_json_tells_all_columns(command, trained, experiment):
    row = (TrainedModel & trained).proj(..., "-weights").fetch1()
    code, out, err = command("show", results.short_id(row), "--format", "json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    flat = told | told["training"] | told["scores"] | told["provenance"] | told["key"]
    assert {name: flat[name] for name in row} == as_plain(row)
    assert flat["git_dirty"] is None or type(flat["git_dirty"]) is bool  # which MySQL gives as a number

    recording = (Dataset & {"dataset_name": "tiny"}).proj(..., "-recording").fetch1()
    (member,) = told["recordings"]
    assert as_plain(recording).items() <= member.items()
    assert member["content_sha256"] == told["recording_sha256"]
    assert (member["trials_per_mille"], member["size"] > 0) == (1000, True)
    config = (ModelConfig & trained).fetch1()
    layers = (Core.Layer & config).to_dicts(order_by="layer")
    assert [{"core": config["core"]} | layer for layer in told["core"].pop("layers")] == layers
    for part, table in (("core", Core), ("readout", Readout)):
        assert told[part] == (table & config).fetch1()
    assert told["trainer"] == (TrainerConfig & trained).fetch1()
    assert told["regularization"] == (Regularization & trained).fetch1() | {"bounds": []}
    curve = (TrainedModel.Curve & trained).to_dicts(order_by="iteration")
    assert [trained | point for point in told["training"]["curve"]] == curve
    assert all(type(point["is_best"]) is bool for point in told["training"]["curve"])
    assert [member["experiment_name"] for member in told["experiments"]] == [experiment]
    assert (told["imported"], told["in_silico"]) == (None, [])
    stored = (TrainedModel & trained).fetch1("weights")
    assert told["weights"] == {"path": stored.path, "size": stored.size, "sha256": stored.sha256}


def test_panels_show_all_of_it(command, trained, experiment):
    where = " AND ".join(f"{name} = '{value}'" for name, value in trained.items())
    code, out, err = command("show", where)
    assert (code, err) == (0, "")
    row = (TrainedModel & trained).proj(..., "-weights").fetch1()
    words = set(out.replace(",", " ").split())
    assert {results.short_id(row), *map(str, trained.values()), row["recording_sha256"], row["hostname"]} <= words
    assert {row["versions"]["torch"], (TrainedModel & trained).fetch1("weights").sha256} <= words
    assert {format(row["test_corr"], ".6g"), f"({row['test_corr_lower']:.6g}", format(row["ceiling"], ".6g")} <= words
    assert {"filter_size", "batch_size", "conv_smooth_weight", "told", "[b]a"} <= words
    assert set(panels.BARS) & set(out)


def test_a_sparkline():
    assert panels.sparkline([8.0, None, 1.0, 4.5]) == "8 █ ▁▅ 4.5"
    assert panels.sparkline([2.0, 2.0]) == "2 ▁▁ 2"
    assert panels.sparkline([None, None]) == "-"
    long = panels.sparkline([float(i) for i in range(1000)])
    assert long.startswith("0 ▁")
    assert long.endswith("█ 999")
    assert len(long) <= panels.MAX_BARS + 10


def test_refused(refused, trained):
    assert "'00000000' leaves 0 trained models" in refused("show", "00000000")
    assert "'4c96' leaves 0 trained models; name one by its id" in refused("show", "4c96")
    assert "is not a condition on the results" in refused("show", "colour = 3")
    assert "invalid value for '--format'" in refused("show", "00000000", "--format", "xml")
