"""Rows for figures and reports: experiments that are partly trained, and in-silico rows with made-up numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import datajoint as dj
import numpy as np
import pytest
import torch

from models.recording import Recording
from pipeline import configs

AWKWARD = 'a <b>lab\'s</b> & "own" $\\frac$'  # a name that would break a page that does not escape it
EXPERIMENTS = ("fig3-like", "table-like", "transfer-like", "halves-like", "lonely", "untrained")
SETTINGS = {"min_share": 0.05}  # that figures read
SOURCE = "Ecker et al., ICLR 2019, Fig. 2; 6,005 neurons of mouse V1"


@pytest.fixture(scope="module")
def shown(connection, recording) -> Iterator[dict[str, Any]]:
    """Experiments on a recording of six simulated neurons, and a model with in-silico rows.

    One neuron's model predicts nothing, so what is undefined of it is null. There is also a recording of one real
    neuron without repeats. Gives the names of the recordings and the key of the model.
    """
    from pipeline.datasets import add_recording
    from pipeline.tasks import declare_task
    from pipeline.training_sets import Part, insert_part
    from schemas.dataset import Dataset, TrainingSet
    from schemas.experiment import Experiment
    from schemas.training import TrainedModel

    add_recording("shown", recording)
    add_recording("alone", _alone(recording))
    add_recording("bare", _alone(recording))

    def training(seed: int = 0, config: str = "shown-equivariant", part: Part | None = None, **changes: Any) -> dict:
        named = _named(config, **changes)
        return declare_task(insert_part("shown", part) if part else "shown", named, seed)

    best = training()
    readout = {"readout": "shown-transfer", "readout_class": "SpatialXFeatureJointL1TransferReadout", "k_transfer": 2}
    transfer = training(config="shown-transfer", readout=readout)
    halves = [training(part=Part(num_parts=2, part=part)) for part in (1, 2)]
    quarter = training(part=Part(trials_per_mille=250))
    draws = [best, training(seed=1), training(seed=2)]
    unfinished = [training(seed=3), training(seed=4)]
    alone = declare_task("alone", _named("shown-equivariant"), 0)
    TrainedModel.populate([*draws, transfer, *halves, quarter, alone])

    by_share = [("25 %", 25, [quarter]), ("50 %", 50, halves[:1]), ("100 %", 100, draws + unfinished[:1])]
    _experiment("fig3-like", [("equivariant", *point) for point in by_share], "training trials (per cent)")
    _experiment("table-like", [("models", "main", None, draws), ("models", AWKWARD, None, [transfer])])
    _experiment("transfer-like", [("models", "transfer", None, [transfer]), ("models", "all", None, draws[:1])])
    _experiment("halves-like", [("halves", f"half {i}", None, [half]) for i, half in enumerate(halves, start=1)])
    _experiment("lonely", [("models", "one neuron", None, [alone])])
    _experiment("untrained", [("models", "later", None, unfinished)])
    _insert_published("fig3-like")
    _insert_published("table-like")
    made_up_rows(best)
    yield {"dataset": "shown", "alone": "alone", "bare": "bare", "key": best, "alone_key": alone}
    recordings = [{"dataset_name": name} for name in ("shown", "alone", "bare")]
    parts = (TrainingSet.Member & recordings).to_arrays("training_set")  # now: parts are deleted before their master
    (Experiment & [{"experiment_name": name} for name in EXPERIMENTS]).delete(prompt=False)
    (TrainingSet & [{"training_set": name} for name in parts]).delete(prompt=False)
    (Dataset & recordings).delete(prompt=False)


def made_up_rows(key: dict[str, Any], seed: int = 0) -> None:
    """A row of every in-silico table below a trained model, the last neuron null wherever it may be."""
    from schemas import insilico
    from schemas.clustering import Clustering
    from schemas.dataset import Dataset, TrainingSet

    generator = np.random.default_rng(seed)
    dataset = Dataset & (TrainingSet.Member & key)
    height, width, neurons = dataset.fetch1("image_height", "image_width", "num_neurons")
    features, clusters = 5, 3
    shares = generator.dirichlet(np.full(features, 0.4), neurons)
    shares[-1] = np.nan
    place = generator.uniform(2, min(height, width) - 2, (2, neurons))
    dominant = shares[:-1].argmax(axis=1)
    tuning = 1 + np.cos(2 * (np.linspace(0, np.pi, 8, endpoint=False) - generator.uniform(0, np.pi, (neurons, 1))))
    blobs = _blobs(place, height, width)
    cluster = np.append(np.arange(neurons - 1) % clusters, np.nan)
    flat = {"grey_response": generator.uniform(size=neurons)}

    key = _insert(insilico.FeatureWeights, key, {"shares": shares}, {
        "num_features": (np.nan_to_num(shares) > 0.05).sum(axis=1),
        "dominant_feature": np.append(dominant, np.nan),
        "dominant_share": shares.max(axis=1),
        "preferred_orientation": generator.integers(0, 8, neurons) * np.pi / 4,
    })  # fmt: skip
    insilico.FeatureWeights.Feature.insert(
        key | {"feature": i, "num_dominated": int((dominant == i).sum()), "same_sign": None if i == 4 else 0.8}
        for i in range(features)
    )
    _insert(
        insilico.GradientRF, key, {"rfs": blobs}, {"x": place[0], "y": place[1], "size": place[0], "energy": place[1]}
    )
    _insert(insilico.MEI, key, {"images": -blobs}, {"rate": place[0], "worst_rate": place[0], "shown_rate": place[1]})
    gabor = _insert(insilico.OptimalGabor, key, {
        "tuning_orientations": np.linspace(0, np.pi, 8, endpoint=False), "tuning_curves": _without_last(tuning)
    }, {
        "response": place[0], "mean_response": place[0], "contrast": place[0], "phase": place[0],
        **dict.fromkeys(("x", "centre_x"), place[0]), **dict.fromkeys(("y", "centre_y"), place[1]),
        "size": generator.uniform(4, 12, neurons), "spatial_frequency": generator.uniform(0.05, 0.2, neurons),
        **{name: generator.uniform(0, np.pi, neurons) for name in ("orientation", "preferred_orientation")},
        "orientation_selectivity": generator.uniform(0, 1, neurons),
    })  # fmt: skip
    sizes, contrasts = np.geomspace(3, 24, 6), np.array([0.5, 1.0, 2.0])
    curves = generator.uniform(0.2, 1, (neurons, 6, 3)).cumsum(axis=1)
    _insert(insilico.SizeContrastTuning, gabor, {
        "sizes": sizes, "contrasts": contrasts, "curves": _without_last(curves)
    }, flat | {"preferred_size": sizes[curves[:, :, -1].argmax(axis=1)],
               "suppression_index": generator.uniform(0, 0.8, neurons)})  # fmt: skip
    _insert(insilico.OrthogonalPlaids, gabor, {
        "contrasts": np.append(0, contrasts), "responses": _without_last(generator.uniform(0, 2, (neurons, 4, 4)))
    }, flat | {"suppression_index": generator.uniform(-0.1, 0.8, neurons)})  # fmt: skip
    clustering = _insert(Clustering, key, {
        "aligned": _without_last(shares), "correlation": np.corrcoef(generator.normal(size=(clusters, 6))),
        "num_clusters": clusters, "num_blocks": 2,
    }, {"cluster": cluster, "block": np.minimum(cluster, 1), "angle": cluster})  # fmt: skip
    Clustering.Likelihood.insert(
        clustering | {"num_clusters": k, "test_log_likelihood": -((k - clusters) ** 2)} for k in range(1, 6)
    )


def _insert(table: type[dj.Computed], key: dict, row: dict[str, Any], neurons: dict[str, np.ndarray]) -> dict[str, Any]:
    """Insert a row with its settings and neurons; columns that are not given are 1, or null. Gives the key."""
    from schemas import insilico, provenance
    from schemas.clustering import ClusteringParameters
    from schemas.dataset import Dataset, TrainingSet

    known = {name: one for name, one in vars(insilico).items() if name.endswith("Parameters")}
    for parameters in (*known.values(), ClusteringParameters):
        (name,) = parameters.primary_key
        if name in table.primary_key:
            settings = {key: SETTINGS.get(key, value) for key, value in _defaults(parameters).items()}
            parameters.insert1({name: "made-up"} | settings, skip_duplicates=True)
    key = {name: key.get(name, "made-up") for name in table.primary_key}
    made = provenance.of_run(torch.device("cpu"), datetime.now(UTC), 1.0)
    table.insert1(key | _defaults(table) | made | row, allow_direct_insert=True)
    dataset = (TrainingSet.Member & key).fetch1("dataset_name")
    ids = (Dataset.Neuron & {"dataset_name": dataset}).to_arrays("neuron_id", order_by="neuron_index")
    attributes = table.Neuron.heading.attributes
    for i, neuron_id in enumerate(ids):
        values: dict[str, Any] = {}
        for name, column in neurons.items():
            value = float(column[i])
            is_null = attributes[name].nullable and (i == len(ids) - 1 or np.isnan(value))
            number = int if _type(attributes[name]).startswith("int") else float
            values[name] = None if is_null else number(np.nan_to_num(value))
        where = {"dataset_name": dataset, "neuron_id": int(neuron_id)}
        table.Neuron.insert1(key | where | _defaults(table.Neuron) | values)
    return key


def _defaults(table: type[dj.Table]) -> dict[str, Any]:
    """1 for numbers that must be there."""
    attributes = [table.heading.attributes[name] for name in table.heading.secondary_attributes]
    return {one.name: 1 for one in attributes if _type(one).startswith(("int", "float")) and not one.nullable}


def _type(attribute: Any) -> str:
    return attribute.original_type or ""


def _alone(recording: Recording) -> Recording:
    """One neuron of it, of which nothing is known, each test image shown once."""
    return Recording(
        **{f"{split}_images": getattr(recording, f"{split}_images") for split in ("train", "validation", "test")},
        train_responses=recording.train_responses[:, :1],
        validation_responses=recording.validation_responses[:, :1],
        test_responses=recording.test_responses[:1, :, :1],
    )


def _named(config: str, **changes: Any) -> configs.NamedConfig:
    return configs.CONFIGS["rotation-equivariant"].derived(
        config,
        "a few steps of a tiny network",
        core={"core": "shown-2-2-5", "num_rotations": 4},
        layers={"filter_size": [5, 3, 3], "num_filters": [2, 2, 5]},
        trainer={"trainer": "shown", "batch_size": 12, "val_steps": 2, "max_iter": 4},
        **changes,
    )


def _experiment(name: str, points: list[tuple[str, str, float | None, list[dict]]], axis: str | None = None) -> None:
    from schemas.experiment import Experiment

    Experiment.insert1({"experiment_name": name, "summary": f"What {AWKWARD} asks", "axis": axis})
    for position, (series, label, value, keys) in enumerate(points, start=1):
        point = {"series": series, "label": label, "value": value, "position": position, "family": "own"}
        Experiment.Member.insert({"experiment_name": name, **point, **key} for key in keys)


def _insert_published(name: str) -> None:
    from schemas.experiment import Experiment

    series = (Experiment.Member & {"experiment_name": name}).to_dicts(limit=1)[0]["series"]
    row = {"experiment_name": name, "series": series, "source": SOURCE, "test_corr_sd": None, "val_loss": None}
    Experiment.Published.insert(
        [
            row | {"label": "theirs", "value": 8.0, "position": 1, "test_corr": 0.454, "val_loss": 3664.3},
            row | {"label": "no member", "value": 12.0, "position": 9, "test_corr": 0.471, "test_corr_sd": 0.005},
            row | {"series": "weights", "label": "a share", "value": 0.62, "position": 1, "test_corr": None},
        ]
    )


def _blobs(place: np.ndarray, height: int, width: int) -> np.ndarray:
    """(neurons, height, width): a spot at each place, nothing for the last neuron."""
    y, x = np.mgrid[:height, :width]
    spots = np.exp(-((x - place[0][:, None, None]) ** 2 + (y - place[1][:, None, None]) ** 2) / 8)
    spots[-1] = 0
    return spots


def _without_last(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[:-1], np.full_like(values[-1:], np.nan)])
