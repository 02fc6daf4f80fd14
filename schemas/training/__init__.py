"""What is to be trained, where it stands while it is trained, and what came of it. Only declared tasks are trained."""

from schemas.training.saved_state import SavedState
from schemas.training.schema import schema
from schemas.training.stored_core import StoredCore, StoredCoreError
from schemas.training.task import Regularization, Seed, TrainerConfig, TrainingTask
from schemas.training.trained_model import TrainedModel

__all__ = [
    "Regularization",
    "SavedState",
    "Seed",
    "StoredCore",
    "StoredCoreError",
    "TrainedModel",
    "TrainerConfig",
    "TrainingTask",
    "schema",
]
