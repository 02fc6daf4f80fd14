"""Networks of visual cortex, their training and their scores; knows no database."""

from models.cores import StackedConv2dCore, StackedRotEquiHermiteConv2dCore
from models.data import Data
from models.model import CorePlusReadoutModel, poisson_loss
from models.readouts import SpatialXFeatureJointL1Readout
from models.recording import Recording
from models.tensorflow_variables import load_tensorflow_variables, tensorflow_variables
from models.training import Trainer, TrainingResult, predict

__all__ = [
    "CorePlusReadoutModel",
    "Data",
    "Recording",
    "SpatialXFeatureJointL1Readout",
    "StackedConv2dCore",
    "StackedRotEquiHermiteConv2dCore",
    "Trainer",
    "TrainingResult",
    "load_tensorflow_variables",
    "poisson_loss",
    "predict",
    "tensorflow_variables",
]
