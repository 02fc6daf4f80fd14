"""Rows of in-silico experiments with made-up numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import datajoint as dj
import numpy as np
import torch

SETTINGS = {"min_share": 0.05}  # that figures read


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
        "preferred_orientation": generator.integers(0, 4, neurons) * np.pi / 2,
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


def _blobs(place: np.ndarray, height: int, width: int) -> np.ndarray:
    """(neurons, height, width): a spot at each place, nothing for the last neuron."""
    y, x = np.mgrid[:height, :width]
    spots = np.exp(-((x - place[0][:, None, None]) ** 2 + (y - place[1][:, None, None]) ** 2) / 8)
    spots[-1] = 0
    return spots


def _without_last(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[:-1], np.full_like(values[-1:], np.nan)])
