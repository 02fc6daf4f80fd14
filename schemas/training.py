"""What is to be trained, and what came of it. Only declared tasks are trained."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import Any, ClassVar

import datajoint as dj
import numpy as np
import torch

import models
from models import evaluation
from models.exported import build
from models.training import Trainer, TrainingResult
from schemas import provenance
from schemas.architecture import Core, ModelConfig, Readout
from schemas.codecs import SafetensorsCodec  # noqa: F401 - registers <safetensors>
from schemas.dataset import Dataset, TrainingSet

schema = dj.Schema()

CORE_WEIGHTS = ("conv_smooth_weight", "conv_sparse_weight")
READOUT_WEIGHTS = ("readout_sparsity", "mask_sparsity", "feature_sparsity", "feature_l2")


@schema
class Seed(dj.Manual):
    definition = """
    # Everything random of a training: start values, minibatches, shifts, dropout
    seed    : int64     # 0 to 4294967295
    """


@schema
class TrainerConfig(dj.Manual):
    definition = """
    # How a model is trained
    trainer             : varchar(64)   # chosen by who designed it
    ---
    learning_rate       : float64       # at the start
    batch_size          : int32         # images
    val_steps           : int32         # steps from one validation to the next
    patience            : int32         # validations without a new best that end a stage
    lr_decay_steps      : int32         # stages
    max_iter=null       : int32         # steps at most; null: until the last stage has stopped
    map_dropout         : float64       # share of the core's maps that a training image is read without
    max_shift           : int32         # largest shift of a training image, pixels
    optimizer           : enum('adam', 'adamw')     # TensorFlow's form of Adam, as in the paper; PyTorch's AdamW
    weight_decay        : float64       # of AdamW
    schedule            : enum('stages', 'cosine')  # of the learning rate: a tenth in each stage; half a cosine
    precision           : enum('float32', 'float64')
    """


@schema
class Regularization(dj.Manual):
    definition = """
    # Weights of the penalties on kernels and readout, given or drawn; null: a penalty that the readout has not
    regularization          : varchar(32)   # hash over names and values of the weights
    ---
    conv_smooth_weight      : float64       # smoothness of kernels
    conv_sparse_weight      : float64       # group sparsity of kernels
    readout_sparsity=null   : float64       # joint L1 of masks and feature weights
    mask_sparsity=null      : float64       # L1 of masks, by itself or times the L2 of feature weights
    feature_sparsity=null   : float64       # L1 of feature weights
    feature_l2=null         : float64       # squared L2 of feature weights
    search_seed=null        : int64         # of the random search that drew them
    """

    class Bound(dj.Part):
        definition = """
        # Interval from which a search drew a weight, log-uniformly
        -> master
        weight  : varchar(64)   # name of the column above
        ---
        lower   : float64
        upper   : float64
        """


@schema
class TrainingTask(dj.Manual):
    definition = """
    # A training that was asked for
    -> TrainingSet
    -> ModelConfig
    -> Regularization
    -> TrainerConfig
    -> Seed
    ---
    declared    : datetime      # UTC
    """

    def keywords(self) -> dict[str, Any]:
        """All that makes the model and its training, of the one task that is left."""
        config = ModelConfig & self
        core_class, core = (Core & config).keywords()
        readout_class, readout = (Readout & config).keywords()
        weights = (Regularization & self).fetch1()
        trainer = (TrainerConfig & self).fetch1()
        core |= {name: weights[name] for name in CORE_WEIGHTS}
        readout |= {name: weights[name] for name in READOUT_WEIGHTS if weights[name] is not None}
        precision = trainer.pop("precision")
        del trainer["trainer"]
        return {
            "core_class": core_class,
            "core": core,
            "readout_class": readout_class,
            "readout": readout,
            "fit": trainer,
            "precision": precision,
            "seed": self.fetch1("seed"),
        }


@schema
class TrainedModel(dj.Computed):
    definition = """
    # A trained model, its scores and where it came from
    -> TrainingTask
    ---
    num_iterations=null : int32         # steps whose effect the weights hold; null where that is not known
    val_loss            : float64       # Poisson loss of the validation set, per image
    val_corr            : float64       # mean correlation over neurons, validation set
    test_corr           : float64       # mean over neurons of the correlation with the mean over test repeats
    ceiling=null        : float64       # mean over neurons of the best that test_corr can be; null without repeats
    weights             : <safetensors@main>
    device              : varchar(32)   # cpu or cuda:0, ...
    device_name         : varchar(128)
    hostname            : varchar(255)
    versions            : json          # of Python and packages
    git_commit=null     : varchar(40)   # of this code; null where it came from no checkout
    git_dirty=null      : bool          # whether that checkout held changes
    started             : datetime      # UTC
    duration            : float64       # seconds
    """

    class Neuron(dj.Part):
        definition = """
        # Scores of one neuron; lower and upper end an interval of 0.95 by bootstrap over test images
        -> master
        -> Dataset.Neuron
        ---
        test_corr           : float64   # correlation with the mean over repeats; 0 for a constant neuron
        test_corr_lower     : float64
        test_corr_upper     : float64
        ceiling=null        : float64   # square root of the explainable fraction of variance; null without repeats
        ceiling_lower=null  : float64
        ceiling_upper=null  : float64
        """

    class Curve(dj.Part):
        definition = """
        # The learning curve, a row a validation
        -> master
        iteration       : int32     # steps taken, those included that were taken back
        ---
        learning_rate   : float64
        train_loss=null : float64   # of the last minibatch, penalties included; null if not finite
        val_loss=null   : float64   # per image; null if not finite
        val_corr        : float64
        is_best         : bool      # whether no validation before was better
        """

    class Imported(dj.Part):
        definition = """
        # A model that was trained by other code; device, versions and times above are those of its scoring here
        -> master
        ---
        log_hash                    : char(32)  # the original's name of its training
        variables_sha256            : char(64)  # over names and values of all variables of its checkpoint
        published_val_loss=null     : float64   # in the paper, of the model of that log hash
        published_test_corr=null    : float64   # in the paper, of the model of that log hash
        """

    device: ClassVar[str | None] = None  # None: CUDA where there is a device, the CPU otherwise
    on_validation: ClassVar[Any] = staticmethod(
        lambda key, validation: None
    )  # called with a models.training.Validation

    def make_fetch(self, key: dict) -> tuple:
        return ((TrainingTask & key).keywords(),)

    def make_compute(self, key: dict, task: dict[str, Any]) -> tuple:
        started, clock = datetime.now(UTC), time.monotonic()
        device = torch.device(self.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        recording = (TrainingSet & key).load()
        model = build(task | {"image_size": recording.image_size, "num_neurons": recording.num_neurons})
        data = models.Data.from_recording(recording)
        dtype = getattr(torch, task["precision"])
        trainer = Trainer(model, data, seed=task["seed"], device=device, dtype=dtype)
        result = trainer.fit(**task["fit"], progress=lambda validation: self.on_validation(key, validation))
        row, neurons = _scores(model, trainer.data)
        row |= {"num_iterations": result.num_iterations, "weights": model.state_dict()}
        row |= provenance.of_run(device, started, time.monotonic() - clock)
        return row, neurons, _curve(result)

    def make_insert(self, key: dict, row: dict, neurons: list[dict], curve: list[dict]) -> None:
        self.insert1(key | row, allow_direct_insert=True)
        dataset = (TrainingSet.Member & key).fetch1("dataset_name")
        ids = (Dataset.Neuron & {"dataset_name": dataset}).to_arrays("neuron_id", order_by="neuron_index")
        where = [{"dataset_name": dataset, "neuron_id": int(neuron_id)} for neuron_id in ids]
        self.Neuron.insert(key | neuron | score for neuron, score in zip(where, neurons, strict=True))
        self.Curve.insert(key | point for point in curve)

    def insert_imported(
        self, key: dict, model: models.CorePlusReadoutModel, num_iterations: int | None, origin: dict[str, Any]
    ) -> None:
        """Insert a model that was trained elsewhere, scored on the recording of the task `key`.

        origin: the columns of `Imported`. To be called in a transaction.
        """
        started, clock = datetime.now(UTC), time.monotonic()
        row, neurons = _scores(model, models.Data.from_recording((TrainingSet & key).load()))
        row |= {"num_iterations": num_iterations, "weights": model.state_dict()}
        row |= provenance.of_run(torch.device("cpu"), started, time.monotonic() - clock)
        self.make_insert(key, row, neurons, [])
        self.Imported.insert1(key | origin)

    def load_model(self) -> models.CorePlusReadoutModel:
        """The network of the one row that is left, on the CPU, ready to predict normalised images."""
        key = self.fetch1("KEY")
        dataset = Dataset & (TrainingSet.Member & key)
        height, width, num_neurons = dataset.fetch1("image_height", "image_width", "num_neurons")
        task = (TrainingTask & key).keywords()
        model = build(task | {"image_size": (height, width), "num_neurons": num_neurons})
        model = model.to(getattr(torch, task["precision"]))
        model.load_state_dict(self.fetch1("weights").load())
        return model.eval()


def _scores(model: models.CorePlusReadoutModel, data: models.Data) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Columns of `TrainedModel`, and of each neuron those of `Neuron`."""
    neurons = evaluation.score_neurons(model, data)
    val_loss, val_corr = evaluation.validate(model, data)
    row = {
        "val_loss": val_loss,
        "val_corr": val_corr,
        "test_corr": float(neurons["test_corr"].mean()),
        "ceiling": _mean_of_known(neurons["ceiling"]),
    }
    return row, [{name: _finite(column[i]) for name, column in neurons.items()} for i in range(data.num_neurons)]


def _curve(result: TrainingResult) -> list[dict]:
    return [
        {
            "iteration": point.iteration,
            "learning_rate": point.learning_rate,
            "train_loss": _finite(point.train_loss),
            "val_loss": _finite(point.val_loss),
            "val_corr": point.val_corr,
            "is_best": point.is_best,
        }
        for point in result.curve
    ]


def _mean_of_known(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _finite(value: float) -> float | None:
    """MySQL knows no NaN, so what is not finite is null."""
    return float(value) if math.isfinite(value) else None
