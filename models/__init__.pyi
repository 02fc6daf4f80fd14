from . import (
    build,
    clustering,
    evaluation,
    exported,
    feature_weights,
    gradient_rf,
    mei,
    model,
    optimal_gabor,
    plaids,
    precision,
    rotation_alignment,
    silence,
    size_contrast,
)
from .cores import StackedConv2dCore, StackedRotEquiHermiteConv2dCore
from .data import Data
from .evaluation import predict
from .exported import load_model, save_model
from .gabors import GaborSet
from .model import CorePlusReadoutModel, poisson_loss
from .readouts import (
    SpatialSparseXFeatureDenseReadout,
    SpatialSparseXFeatureDenseSeparateReadout,
    SpatialXFeatureJointL1Readout,
    SpatialXFeatureJointL1TransferReadout,
    SpatialXFeatureSeparateL1Readout,
)
from .recording import Recording
from .shared_core import SharedCoreModel
from .shared_data import SharedData
from .tensorflow_variables import load_tensorflow_variables, tensorflow_variables
from .training import Trainer, TrainingResult

__all__ = [
    "CorePlusReadoutModel",
    "Data",
    "GaborSet",
    "Recording",
    "SharedCoreModel",
    "SharedData",
    "SpatialSparseXFeatureDenseReadout",
    "SpatialSparseXFeatureDenseSeparateReadout",
    "SpatialXFeatureJointL1Readout",
    "SpatialXFeatureJointL1TransferReadout",
    "SpatialXFeatureSeparateL1Readout",
    "StackedConv2dCore",
    "StackedRotEquiHermiteConv2dCore",
    "Trainer",
    "TrainingResult",
    "build",
    "clustering",
    "evaluation",
    "exported",
    "feature_weights",
    "gradient_rf",
    "load_model",
    "load_tensorflow_variables",
    "mei",
    "model",
    "optimal_gabor",
    "plaids",
    "poisson_loss",
    "precision",
    "predict",
    "rotation_alignment",
    "save_model",
    "silence",
    "size_contrast",
    "tensorflow_variables",
]
