"""Responses to plaids: a neuron's optimal grating with an orthogonal one on top."""

from __future__ import annotations

from typing import Any

import datajoint as dj
import numpy as np

import models
from schemas import provenance
from schemas.dataset import Dataset
from schemas.insilico.experiment import InSilicoExperiment
from schemas.insilico.optimal_gabor import OptimalGabor
from schemas.insilico.parameters import PlaidParameters, series
from schemas.insilico.schema import schema


@schema
class OrthogonalPlaids(InSilicoExperiment):
    definition = f"""
    # Rates of a model's neurons to their optimal patch with the same turned by 90 degrees added
    -> OptimalGabor
    -> PlaidParameters
    ---
    contrasts           : <npy@main>    # (contrasts,) of either grating
    responses           : <npy@main>    # (neurons, contrasts of the preferred, contrasts of the orthogonal) rates
    {provenance.COLUMNS}
    """

    class Neuron(dj.Part):
        definition = """
        # Cross-orientation suppression of a neuron; null where it has no optimal patch
        -> master
        -> Dataset.Neuron
        ---
        grey_response=null      : float64   # rate to grey
        suppression_index=null  : float64   # 1 - rate to plaid over rate to the preferred alone, above that to grey
        """

    parameters = PlaidParameters

    def measure(
        self, model: Any, data: models.Data | models.SharedData, key: dict, parameters: dict
    ) -> tuple[dict, dict]:
        best = (OptimalGabor & key).of_neurons()
        contrasts = np.concatenate([[0], series(parameters, "contrast")])
        found = models.plaids.orthogonal_plaids(
            model,
            best["x"],
            best["y"],
            best["size"],
            best["spatial_frequency"],
            best["orientation"],
            best["phase"],
            image_size=data.image_size,
            contrasts=contrasts.tolist(),
            num_phases=parameters["num_phases"],
            batch_size=self.batch_size(model),
            progress=self.progress(key),
        )
        responses = found.pop("responses").astype(np.float32)
        return {"contrasts": contrasts, "responses": responses}, found
