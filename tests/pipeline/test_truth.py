"""Against the truth: what in-silico experiments find in a model of simulated V1 is what its neurons are.

The configuration is the one that `hypercolumn train` takes by default, the protocol is `full`. Only neurons count whose
test correlation is above 0.7: of the others the model knows too little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, roc_auc_score

import schemas
from models.data import image_scale
from models.simulation import simulate_recording
from models.v1_neurons import V1Neurons
from pipeline.datasets import add_recording
from pipeline.protocols import declare_protocol
from pipeline.tasks import declare_task
from schemas.clustering import Clustering
from schemas.dataset import Dataset, TrainingSet
from schemas.insilico import MEI, GradientRF, OptimalGabor, OrthogonalPlaids, SizeContrastTuning
from schemas.training import TrainedModel

WELL_PREDICTED = 0.7
RECORDING = {"num_neurons": 96, "num_images": 2000}


@pytest.fixture(scope="module")
def key(connection) -> Iterator[dict]:
    """The key of the model, once it went through everything."""
    add_recording("truth", simulate_recording(**RECORDING))
    task = declare_task("truth", "rotation-equivariant", 0)
    declare_protocol(task, "full")
    for computed in schemas.computed_tables():
        computed.populate(task)
    yield task
    (TrainingSet & {"training_set": "truth"}).delete(prompt=False)
    (Dataset & {"dataset_name": "truth"}).delete(prompt=False)


def well_predicted(table, key: dict) -> dict[str, np.ndarray]:
    """Columns of a table's neurons, and of the truth as true_..., those with a good model only."""
    truth = Dataset.Neuron.proj(
        "kind", "neuron_index", true_x="x", true_y="y", true_orientation="orientation"
    ) * TrainedModel.Neuron.proj("test_corr")
    rows = (table.Neuron * truth & key & f"test_corr > {WELL_PREDICTED}").to_dicts()
    assert len(rows) > 40
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_receptive_fields_are_where_they_are(key):
    found = well_predicted(GradientRF, key)
    distance = np.hypot(found["x"] - found["true_x"], found["y"] - found["true_y"])
    assert (distance < 1.5).mean() >= 0.9


def test_optimal_gabors_are_where_and_as_they_should_be(key):
    found = well_predicted(OptimalGabor, key)
    distance = np.hypot(found["centre_x"] - found["true_x"], found["centre_y"] - found["true_y"])
    assert (distance < 1.5).mean() >= 0.9
    turned = found["preferred_orientation"] - found["true_orientation"]
    error = np.abs(np.angle(np.exp(2j * turned))) / 2
    assert (np.rad2deg(error) < 10).mean() >= 0.9


@pytest.mark.parametrize(
    ("table", "kind"),
    [(SizeContrastTuning, "end-stopped"), (OrthogonalPlaids, "cross-orientation suppressed")],
    ids=["size", "plaid"],
)
def test_suppressed_neurons_have_the_larger_index(key, table, kind):
    found = well_predicted(table, key)
    assert roc_auc_score(found["kind"] == kind, found["suppression_index"]) > 0.9


def test_clusters_are_the_kinds(key):
    found = well_predicted(Clustering, key)
    agreement = adjusted_rand_score(found["kind"], found["block"])
    print(f"adjusted Rand index: {agreement:.2f}")
    assert agreement > 0.6


def test_most_exciting_images_excite_the_true_neurons_more_than_any_that_was_shown(key):
    recording = simulate_recording(**RECORDING)
    neurons = V1Neurons(**{field.name: recording.neurons[field.name] for field in fields(V1Neurons)})
    mean, sd = image_scale(recording.train_images)
    images = mean + sd * (MEI & key).fetch1("images").load()
    rates = neurons.rates(images).diagonal()
    shown = neurons.rates(recording.train_images).max(axis=0)
    index = well_predicted(MEI, key)["neuron_index"].astype(int)
    assert (rates[index] > shown[index]).mean() >= 0.9
