"""Which features each neuron reads, and in which orientation (Ecker et al., ICLR 2019, Figs. 4 and 5)."""

from __future__ import annotations

from typing import Any

import datajoint as dj
import numpy as np

import models
from schemas import provenance
from schemas.dataset import Dataset
from schemas.insilico.experiment import InSilicoExperiment
from schemas.insilico.parameters import FeatureWeightParameters
from schemas.insilico.schema import schema
from schemas.rows import columns_as_rows, null_if_negative
from schemas.training import TrainedModel


@schema
class FeatureWeights(InSilicoExperiment):
    definition = f"""
    # Feature weights of a model's neurons
    -> TrainedModel
    -> FeatureWeightParameters
    ---
    shares              : <npy@main>    # (neurons, features) of each neuron's squared weight, over orientations
    {provenance.COLUMNS}
    """

    class Neuron(dj.Part):
        definition = """
        # Which features a neuron reads; null where it reads none
        -> master
        -> Dataset.Neuron
        ---
        num_features                : int32     # whose share is above min_share
        dominant_feature=null       : int32     # from 0
        dominant_share=null         : float64   # of the squared weight
        preferred_orientation=null  : float64   # rotation of the dominant feature, radians; null without rotations
        """

    class Feature(dj.Part):
        definition = """
        # A feature of the last layer, over all neurons
        -> master
        feature             : int32     # from 0
        ---
        num_dominated       : int32     # neurons whose dominant feature it is
        same_sign=null      : float64   # share of the neurons' weights of it that have the more frequent sign
        """

    parameters = FeatureWeightParameters

    def measure(
        self, model: Any, data: models.Data | models.SharedData, key: dict, parameters: dict
    ) -> tuple[dict, dict]:
        neurons = models.feature_weights.feature_weights(
            model, min_share=parameters["min_share"], min_weight=parameters["min_weight"]
        )
        shares, same_sign = neurons.pop("share"), neurons.pop("same_sign")
        dominant = neurons["dominant_feature"]
        neurons["dominant_feature"] = null_if_negative(dominant)
        num_dominated = np.bincount(dominant[dominant >= 0], minlength=len(same_sign))
        return {"shares": shares, "features": {"num_dominated": num_dominated, "same_sign": same_sign}}, neurons

    def make_insert(self, key: dict, row: dict, neurons: list[dict]) -> None:
        features = columns_as_rows(row.pop("features"))
        super().make_insert(key, row, neurons)
        self.Feature.insert(key | {"feature": i} | feature for i, feature in enumerate(features))
