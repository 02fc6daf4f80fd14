"""Tuning to size and contrast of a patch at the place that a neuron prefers."""

from __future__ import annotations

from typing import Any

import datajoint as dj
import numpy as np

import models
from schemas import provenance
from schemas.dataset import Dataset
from schemas.insilico.experiment import InSilicoExperiment
from schemas.insilico.optimal_gabor import OptimalGabor
from schemas.insilico.parameters import SizeContrastParameters, series
from schemas.insilico.schema import schema


@schema
class SizeContrastTuning(InSilicoExperiment):
    definition = f"""
    # Rates of a model's neurons to patches of a grating, at centre_x, centre_y and in the preferred_orientation
    -> OptimalGabor
    -> SizeContrastParameters
    ---
    sizes               : <npy@main>    # (sizes,) diameters, pixels
    contrasts           : <npy@main>    # (contrasts,)
    curves              : <npy@main>    # (neurons, sizes, contrasts) rates
    {provenance.COLUMNS}
    """

    class Neuron(dj.Part):
        definition = """
        # Tuning of a neuron at the highest contrast; null where it has no optimal patch
        -> master
        -> Dataset.Neuron
        ---
        preferred_size=null     : float64   # diameter, pixels
        grey_response=null      : float64   # rate to grey
        suppression_index=null  : float64   # 1 - rate to the largest over rate to the preferred, above that to grey
        """

    parameters = SizeContrastParameters

    def measure(
        self, model: Any, data: models.Data | models.SharedData, key: dict, parameters: dict
    ) -> tuple[dict, dict]:
        best = (OptimalGabor & key).of_neurons()
        sizes, contrasts = series(parameters, "size"), series(parameters, "contrast")
        found = models.size_contrast.size_contrast_tuning(
            model,
            best["centre_x"],
            best["centre_y"],
            best["spatial_frequency"],
            best["preferred_orientation"],
            np.zeros_like(best["phase"]),  # rates are means over phases
            image_size=data.image_size,
            sizes=sizes.tolist(),
            contrasts=contrasts.tolist(),
            num_phases=parameters["num_phases"],
            batch_size=self.batch_size(model),
            progress=self.progress(key),
        )
        curves = found.pop("curves").astype(np.float32)
        return {"sizes": sizes, "contrasts": contrasts, "curves": curves}, found
