"""Networks of visual cortex, their training and their scores; knows no database."""

from models.cores import StackedConv2dCore, StackedRotEquiHermiteConv2dCore
from models.data import Data
from models.evaluation import predict
from models.exported import load_model, save_model
from models.gabors import GaborSet
from models.model import CorePlusReadoutModel, poisson_loss
from models.readouts import (
    SpatialSparseXFeatureDenseReadout,
    SpatialSparseXFeatureDenseSeparateReadout,
    SpatialXFeatureJointL1Readout,
    SpatialXFeatureJointL1TransferReadout,
    SpatialXFeatureSeparateL1Readout,
)
from models.recording import Recording
from models.shared_core import SharedCoreModel
from models.shared_data import SharedData
from models.tensorflow_variables import load_tensorflow_variables, tensorflow_variables
from models.training import Trainer, TrainingResult

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
    "load_model",
    "load_tensorflow_variables",
    "poisson_loss",
    "predict",
    "save_model",
    "tensorflow_variables",
]
