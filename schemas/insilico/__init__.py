"""In-silico experiments on trained models: tables of settings, of what was asked for, and of what came out."""

from schemas.insilico.experiment import InSilicoExperiment, InSilicoTask
from schemas.insilico.feature_weights import FeatureWeights
from schemas.insilico.gradient_rf import GradientRF
from schemas.insilico.mei import MEI
from schemas.insilico.optimal_gabor import OptimalGabor
from schemas.insilico.parameters import (
    ClusteringParameters,
    FeatureWeightParameters,
    GaborParameters,
    GradientRFParameters,
    MEIParameters,
    PlaidParameters,
    Protocol,
    SizeContrastParameters,
)
from schemas.insilico.plaids import OrthogonalPlaids
from schemas.insilico.schema import schema
from schemas.insilico.size_contrast import SizeContrastTuning

__all__ = [
    "MEI",
    "ClusteringParameters",
    "FeatureWeightParameters",
    "FeatureWeights",
    "GaborParameters",
    "GradientRF",
    "GradientRFParameters",
    "InSilicoExperiment",
    "InSilicoTask",
    "MEIParameters",
    "OptimalGabor",
    "OrthogonalPlaids",
    "PlaidParameters",
    "Protocol",
    "SizeContrastParameters",
    "SizeContrastTuning",
    "schema",
]
