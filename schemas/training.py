"""What is to be trained, and what came of it. Only declared tasks are trained."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, ClassVar

import datajoint as dj
import torch

import models
from models import evaluation
from models.exported import build
from models.training import Trainer, TrainingResult
from schemas import device, provenance
from schemas.architecture import Core, ModelConfig, Readout
from schemas.codecs import SafetensorsCodec  # registers <safetensors>
from schemas.dataset import Dataset, TrainingSet
from schemas.rows import columns_as_rows, finite

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
    definition = f"""
    # A trained model, its scores and where it came from
    -> TrainingTask
    ---
    num_iterations=null : int32         # steps whose effect the weights hold; null where that is not known
    val_loss            : float64       # Poisson loss of the validation set, per image
    val_corr            : float64       # mean correlation over neurons, validation set
    val_corr_median     : float64       # median over neurons
    val_corr_lower      : float64       # lower end of val_corr's interval of 0.95, by bootstrap over images
    val_corr_upper      : float64       # its upper end
    test_corr           : float64       # mean over neurons of the correlation with the mean over test repeats
    test_corr_median    : float64       # median over neurons
    test_corr_lower     : float64       # lower end of test_corr's interval of 0.95, by bootstrap over images
    test_corr_upper     : float64       # its upper end
    ceiling=null        : float64       # mean over neurons of the best that test_corr can be; null without repeats
    feve=null           : float64       # mean over neurons of explainable_variance >= 0.15; null where there are none
    feve_median=null    : float64       # median over the same neurons
    weights             : <safetensors@main>
    recording_sha256    : char(64)      # over the arrays it was trained on; a whole recording's is its content_sha256
    {provenance.COLUMNS}
    """

    class Neuron(dj.Part):
        definition = """
        # Scores of one neuron; lower and upper end an interval of 0.95 by bootstrap over images
        -> master
        -> Dataset.Neuron
        ---
        val_corr            : float64   # correlation with the validation set; 0 for a constant neuron
        val_corr_lower      : float64
        val_corr_upper      : float64
        test_corr           : float64   # correlation with the mean over test repeats; 0 for a constant neuron
        test_corr_lower     : float64
        test_corr_upper     : float64
        ceiling=null        : float64   # the best that test_corr can be; null without repeats
        ceiling_lower=null  : float64
        ceiling_upper=null  : float64
        explainable_variance=null       : float64   # of test trials: 1 - noise / variance; null without repeats
        explainable_variance_lower=null : float64
        explainable_variance_upper=null : float64
        feve=null           : float64   # explained fraction of the explainable variance; null unless that is positive
        feve_lower=null     : float64   # null where the interval of explainable_variance reaches 0
        feve_upper=null     : float64
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

    on_validation: ClassVar[Any] = staticmethod(
        lambda key, validation: None
    )  # called with a models.training.Validation

    def make_fetch(self, key: dict) -> tuple:
        return ((TrainingTask & key).keywords(),)

    def make_compute(self, key: dict, task: dict[str, Any]) -> tuple:
        started, clock = datetime.now(UTC), time.monotonic()
        where = device.current()
        recording = (TrainingSet & key).load()
        model = build(task | {"image_size": recording.image_size, "num_neurons": recording.num_neurons})
        data = models.Data.from_recording(recording)
        dtype = getattr(torch, task["precision"])
        trainer = Trainer(model, data, seed=task["seed"], device=where, dtype=dtype)
        result = trainer.fit(**task["fit"], progress=lambda validation: self.on_validation(key, validation))
        row, neurons = _scores(model, trainer.data)
        row |= {"num_iterations": result.num_iterations, "weights": model.state_dict()}
        row |= {"recording_sha256": recording.content_sha256()}
        row |= provenance.of_run(where, started, time.monotonic() - clock)
        return row, neurons, _curve(result)

    def make_insert(self, key: dict, row: dict, neurons: list[dict], curve: list[dict]) -> None:
        self.insert1(key | row, allow_direct_insert=True)
        where = (TrainingSet & key).neurons()
        self.Neuron.insert(key | neuron | score for neuron, score in zip(where, neurons, strict=True))
        self.Curve.insert(key | point for point in curve)

    def insert_imported(
        self, key: dict, model: models.CorePlusReadoutModel, num_iterations: int | None, origin: dict[str, Any]
    ) -> None:
        """Insert a model that was trained elsewhere, scored on the recording of the task `key`.

        origin: the columns of `Imported`. To be called in a transaction.
        """
        started, clock = datetime.now(UTC), time.monotonic()
        recording = (TrainingSet & key).load()
        row, neurons = _scores(model, models.Data.from_recording(recording))
        row |= {"num_iterations": num_iterations, "weights": model.state_dict()}
        row |= {"recording_sha256": recording.content_sha256()}
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
    row, neurons = evaluation.score(model, data)
    return {name: finite(value) for name, value in row.items()}, columns_as_rows(neurons)


def _curve(result: TrainingResult) -> list[dict]:
    return [
        {
            "iteration": point.iteration,
            "learning_rate": point.learning_rate,
            "train_loss": finite(point.train_loss),
            "val_loss": finite(point.val_loss),
            "val_corr": point.val_corr,
            "is_best": point.is_best,
        }
        for point in result.curve
    ]
