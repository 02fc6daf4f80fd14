"""Every readout, optimiser and schedule as rows: declared, trained by populate(), loaded and predicted from."""

from __future__ import annotations

import numpy as np
import pytest

import models
from models.evaluation import test_correlation as correlation_of
from pipeline import configs
from pipeline.tasks import declare_task
from schemas.architecture import Core, ModelConfig, Readout
from schemas.dataset import Dataset
from schemas.training import Regularization, TrainedModel, TrainerConfig, TrainingTask

NONE = dict.fromkeys(("readout_sparsity", "mask_sparsity", "feature_sparsity", "feature_l2"))
READOUTS = {
    "SpatialXFeatureJointL1Readout": {"readout_sparsity": 0.01},
    "SpatialXFeatureSeparateL1Readout": {"mask_sparsity": 0.01, "feature_sparsity": 0.02},
    "SpatialSparseXFeatureDenseReadout": {"mask_sparsity": 0.01},
    "SpatialSparseXFeatureDenseSeparateReadout": {"mask_sparsity": 0.01, "feature_l2": 0.02},
    "SpatialXFeatureJointL1TransferReadout": {"readout_sparsity": 0.01},
}
TRAINERS = [
    {},
    {"optimizer": "adamw", "weight_decay": 0.1},
    {"schedule": "cosine"},
    {"optimizer": "adamw", "schedule": "cosine", "precision": "float64"},
]


@pytest.fixture
def declare(tiny, quick):
    """Declare a variant of the quick configuration; its rows are removed in the end, but for those that others use."""
    keys = []

    def run(**parts):
        named = configs.CONFIGS["quick-equivariant"].derived("variant", "for this test", **parts)
        keys.append(declare_task(tiny, named, 0))
        return keys[-1]

    yield run
    for key in keys:
        (TrainingTask & key).delete(prompt=False)
        (ModelConfig & {"config": "variant"}).delete(prompt=False)
        for table, name in ((Readout, "readout"), (Core, "core"), (TrainerConfig, "trainer")):
            (table & {name: "variant"}).delete(prompt=False)
        of_penalties = {"regularization": key["regularization"]}
        if not TrainingTask & of_penalties:
            (Regularization & of_penalties).delete(prompt=False)


def check(key):
    TrainedModel.populate(key)
    row = (TrainedModel & key).proj("test_corr").fetch1()
    model = (TrainedModel & key).load_model()
    dtype = model.readout.biases.dtype
    data = models.Data.from_recording((Dataset & {"dataset_name": "tiny"}).load()).to("cpu", dtype)
    assert correlation_of(model, data).mean() == pytest.approx(row["test_corr"], rel=1e-6)
    return model


@pytest.mark.parametrize("init_masks", ["rand", "sta"])
@pytest.mark.parametrize("name", READOUTS)
def test_readouts(declare, name, init_masks):
    readout = {"readout": "variant", "readout_class": name, "init_masks": init_masks}
    readout["k_transfer"] = 3 if "Transfer" in name else None
    key = declare(readout=readout, regularization=NONE | READOUTS[name])
    model = check(key)
    assert type(model.readout) is getattr(models, name)
    assert model.readout.penalty_weights == READOUTS[name]
    assert model.readout.init_masks == init_masks
    (row,) = (TrainedModel * ModelConfig * Readout & key & f"init_masks = '{init_masks}'").proj("k_transfer").to_dicts()
    assert row["k_transfer"] == readout["k_transfer"]


@pytest.mark.parametrize("trainer", TRAINERS, ids=str)
def test_trainers(declare, trainer):
    key = declare(trainer={"trainer": "variant"} | trainer)
    check(key)
    rates = (TrainedModel.Curve & key).to_arrays("learning_rate", order_by="iteration")
    assert np.all(np.diff(rates) < 0) == (trainer.get("schedule") == "cosine")
    for name, value in trainer.items():
        assert TrainedModel * TrainerConfig & key & {name: value}


@pytest.mark.parametrize("shared", [True, False])
def test_cores(declare, shared):
    layers = {"stride": [2, 1, 1], "padding": ["VALID", "SAME", "VALID"], "activation_fn": ["relu", "soft", "none"]}
    key = declare(
        core={"core": "variant", "shared_biases": shared, "upsampling": 1}, layers=layers | {"rate": [1, 2, 1]}
    )
    model = check(key)
    assert model.core.output_shape(16, 16)[1:] == tuple(model.readout.masks.shape[1:])
    assert len(TrainedModel * ModelConfig * Core.Layer & key & "padding = 'VALID'") == 2
