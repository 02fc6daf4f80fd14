"""Receptive fields as gradients of the rates with respect to the image."""

from __future__ import annotations

from typing import Any

import datajoint as dj
import numpy as np

import models
from schemas import provenance
from schemas.dataset import Dataset
from schemas.insilico.experiment import InSilicoExperiment
from schemas.insilico.parameters import GradientRFParameters
from schemas.insilico.schema import schema
from schemas.training import TrainedModel


@schema
class GradientRF(InSilicoExperiment):
    definition = f"""
    # Gradient receptive fields of a model's neurons
    -> TrainedModel
    -> GradientRFParameters
    ---
    rfs                 : <npy@main>    # (neurons, height, width) rate in SDs of training responses, per SD of pixels
    {provenance.COLUMNS}
    """

    class Neuron(dj.Part):
        definition = """
        # Place, extent and strength of a receptive field; null where the rate does not depend on the image
        -> master
        -> Dataset.Neuron
        ---
        x=null              : float64   # centre, pixels from the left
        y=null              : float64   # centre, pixels from the top
        size=null           : float64   # SD of its energy, pixels
        energy              : float64   # sum of squares over pixels
        """

    parameters = GradientRFParameters

    def measure(
        self, model: Any, data: models.Data | models.SharedData, key: dict, parameters: dict
    ) -> tuple[dict, dict]:
        if parameters["num_images"]:
            rfs = models.gradient_rf.own_gradient_rfs(model, data, parameters["num_images"], self.progress(key))
        else:
            rfs = models.gradient_rf.gradient_rfs(model, image_size=data.image_size, progress=self.progress(key))
        return {"rfs": rfs.astype(np.float32)}, models.gradient_rf.centre_and_size(
            rfs, share=parameters["energy_share"]
        )
