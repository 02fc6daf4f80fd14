"""What is to be trained, and how."""

from __future__ import annotations

from typing import Any

import datajoint as dj

from schemas.architecture import Core, ModelConfig, Readout
from schemas.dataset import TrainingSet
from schemas.training.schema import schema

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
    precision           : enum('float32', 'float64', 'tf32', 'bfloat16')    # of a step's products; weights stay float
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
        row = (self * ModelConfig * Core * Readout * Regularization * TrainerConfig).fetch1()
        weights = {name: row[name] for name in READOUT_WEIGHTS if row[name] is not None}
        return {
            "core_class": row["core_class"],
            "core": Core.keywords_of(row) | {name: row[name] for name in CORE_WEIGHTS},
            "readout_class": row["readout_class"],
            "readout": Readout.keywords_of(row) | weights,
            "fit": {name: row[name] for name in TrainerConfig.heading.secondary_attributes if name != "precision"},
            "precision": row["precision"],
            "seed": row["seed"],
        }
