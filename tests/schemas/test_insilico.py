"""In-silico tables: only what was asked for is computed, with its settings, for every neuron, null where undefined."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import schemas
from models.data import Data
from models.gradient_rf import gradient_rfs
from pipeline.results import short_id
from schemas.clustering import Clustering
from schemas.dataset import Dataset
from schemas.insilico import (
    MEI,
    ClusteringParameters,
    FeatureWeights,
    GaborParameters,
    GradientRF,
    MEIParameters,
    OptimalGabor,
    OrthogonalPlaids,
    SizeContrastTuning,
)
from schemas.training import TrainedModel

TABLES = schemas.computed_tables()[1:]


def of_neuron(table, key: dict, index: int) -> dict:
    return (table.Neuron * Dataset.Neuron.proj("neuron_index") & key & {"neuron_index": index}).fetch1()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_neuron_has_a_row(characterised, table):
    assert len(table & characterised) == 1
    assert len(table.Neuron & characterised) == 6
    row = (table.proj("device", "git_commit", "duration") & characterised).fetch1()
    assert row["device"] in ("cpu", "cuda")
    assert row["duration"] > 0


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_what_was_not_asked_for_is_not_computed(characterised, table):
    other = characterised | {"seed": 0}
    assert TrainedModel & other
    assert not table().key_source & other
    assert len(table().key_source & characterised) == 1


@pytest.mark.parametrize(
    ("table", "undefined"),
    [
        (FeatureWeights, ["dominant_share", "dominant_feature", "preferred_orientation"]),
        (GradientRF, ["x", "y", "size"]),
        (MEI, ["rate", "worst_rate", "shown_image", "shown_rate"]),
        (
            OptimalGabor,
            ["response", "gabor_index", "x", "orientation", "preferred_orientation", "orientation_selectivity"],
        ),
        (SizeContrastTuning, ["preferred_size", "suppression_index"]),
        (OrthogonalPlaids, ["suppression_index"]),
        (Clustering, ["cluster", "block", "angle"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_undefined_is_null(characterised, table, undefined):
    dead, alive = (of_neuron(table, characterised, index) for index in (0, 1))
    assert {name: dead[name] for name in undefined} == dict.fromkeys(undefined)
    assert all(value == value for value in dead.values())  # no NaN
    assert alive[undefined[0]] is not None


def test_feature_weights_of_a_known_neuron(characterised):
    neuron = of_neuron(FeatureWeights, characterised, 1)
    assert (neuron["num_features"], neuron["dominant_feature"], neuron["dominant_share"]) == (1, 3, 1.0)
    assert neuron["preferred_orientation"] == pytest.approx(np.pi / 2)  # channel 7 of 4 rotations x 4 features
    features = (FeatureWeights.Feature & characterised).to_dicts(order_by="feature")
    assert sum(feature["num_dominated"] for feature in features) == 5
    assert (FeatureWeights & characterised).fetch1("shares").load().shape == (6, 4)


def test_arrays_are_those_of_the_model(characterised):
    model = (TrainedModel & characterised).load_model()
    data = Data.from_recording((Dataset & {"dataset_name": "characterised"}).load())
    rfs = (GradientRF & characterised).fetch1("rfs").load()
    np.testing.assert_allclose(rfs, gradient_rfs(model, data.train_images[:4]), atol=1e-5)
    images = torch.from_numpy((MEI & characterised).fetch1("images").load())
    rates = model(images[1:, None]).diagonal(offset=1).detach().numpy()
    found = (MEI.Neuron * Dataset.Neuron.proj("neuron_index") & characterised & "neuron_index > 0").to_arrays(
        "rate", order_by="neuron_index"
    )
    np.testing.assert_allclose(rates, found, rtol=1e-4)


def test_gabor_sets_have_the_size_that_their_columns_tell(characterised):
    settings = (GaborParameters & (OptimalGabor & characterised)).fetch1()
    gabors = GaborParameters.gabor_set(settings, (16, 16))
    assert (OptimalGabor & characterised).fetch1("num_stimuli") == len(gabors)


@pytest.mark.parametrize(("left", "found"), [(2, False), (3, True)])
def test_clusters_of_too_few_neurons_are_null(characterised, left, found):
    model = (TrainedModel & characterised).load_model()
    data = Data.from_recording((Dataset & {"dataset_name": "characterised"}).load())
    parameters = (ClusteringParameters & (Clustering & characterised)).fetch1()
    scores = sorted((TrainedModel.Neuron & characterised & "test_corr IS NOT NULL").to_arrays("test_corr"))
    parameters |= {"min_test_corr": scores[-left]}
    row, neurons = Clustering().measure(model, data, characterised, parameters)
    assert ("num_clusters" in row, bool(row["likelihood"])) == (found, found)
    assert sum(value is not None for value in neurons["cluster"]) == (left if found else 0)


def test_settings_are_columns(characterised):
    strong = MEI * MEIParameters & characterised & "contrast > 0.4 AND num_starts = 2"
    assert len(strong) == 1
    assert not MEI * MEIParameters & characterised & "contrast > 0.6"


def test_what_is_shown_of_a_model_with_in_silico_rows(command, characterised):
    id_of_model = short_id(characterised)
    told = json.loads(command("show", id_of_model, "--format", "json").out)
    assert told["imported"]["log_hash"] == "0" * 32
    assert told["training"]["curve"] == []
    tables = [one["table"] for one in told["in_silico"]]
    assert {"FeatureWeights", "MEI", "OptimalGabor", "SizeContrastTuning", "Clustering"} <= set(tables)
    (name,) = GaborParameters.primary_key
    gabors = (OptimalGabor & characterised).to_arrays(name).tolist()
    assert [one["settings"][name] for one in told["in_silico"] if one["table"] == "OptimalGabor"] == gabors
    out = command("show", id_of_model).out
    assert "where it was scored" in out
    assert "0" * 32 in out
