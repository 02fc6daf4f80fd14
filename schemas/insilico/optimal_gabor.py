"""The Gabor patch that drives each neuron most, of a full set (Ecker et al., ICLR 2019, section 4.3)."""

from __future__ import annotations

import time
from typing import Any

import datajoint as dj
import numpy as np

import models
from schemas import provenance
from schemas.dataset import Dataset
from schemas.insilico.experiment import InSilicoExperiment
from schemas.insilico.parameters import GaborParameters
from schemas.insilico.schema import schema
from schemas.rows import in_order, null_if_negative
from schemas.training import TrainedModel


@schema
class OptimalGabor(InSilicoExperiment):
    definition = f"""
    # Optimal Gabor patches of a model's neurons
    -> TrainedModel
    -> GaborParameters
    ---
    tuning_orientations : <npy@main>    # (orientations,) radians
    tuning_curves       : <npy@main>    # (neurons, orientations) of the patch that is best in all else, over phases
    num_stimuli         : int64         # patches that every neuron saw
    stimuli_per_second  : float64       # these and those of the tuning curves
    {provenance.COLUMNS}
    """

    class Neuron(dj.Part):
        definition = """
        # The best patch of a neuron, null where its rate is the same for all; rates in SDs of training responses
        -> master
        -> Dataset.Neuron
        ---
        gabor_index=null            : int64     # number of the patch in its set, phase as the fastest
        response=null               : float64   # rate
        mean_response               : float64   # rate, over the set
        x=null                      : float64   # centre, pixels from the left
        y=null                      : float64   # centre, pixels from the top
        size=null                   : float64   # 4 SD of the envelope, pixels
        spatial_frequency=null      : float64   # cycles per pixel
        contrast=null               : float64   # twice the peak, SD of the training pixels
        orientation=null            : float64   # of the stripes, radians counter-clockwise from horizontal
        phase=null                  : float64   # radians
        centre_x=null               : float64   # as x, between the places of the set
        centre_y=null               : float64   # as y
        preferred_orientation=null  : float64   # mean of the tuning curve, radians as above
        orientation_selectivity=null : float64  # 1 - circular variance of the tuning curve
        """

    parameters = GaborParameters

    def measure(
        self, model: Any, data: models.Data | models.SharedData, key: dict, parameters: dict
    ) -> tuple[dict, dict]:
        gabors = GaborParameters.gabor_set(parameters, data.image_size)
        clock = time.monotonic()
        neurons, curves = models.optimal_gabor.optimal_gabors(
            model, gabors, batch_size=self.batch_size(model), progress=self.progress(key)
        )
        num_own = np.isfinite(curves).sum() * gabors.num_params[-1]  # of the tuning curves, each for one neuron
        row = {
            "tuning_orientations": models.optimal_gabor.tuning_orientations(gabors),
            "tuning_curves": curves.astype(np.float32),
            "num_stimuli": len(gabors),
            "stimuli_per_second": (len(gabors) + num_own) / (time.monotonic() - clock),
        }
        return row, neurons | {"gabor_index": null_if_negative(neurons["gabor_index"])}

    def of_neurons(self) -> dict[str, np.ndarray]:
        """Each column of `Neuron` of the one row that is left, (neurons,) as `TrainingSet.neurons`, NaN for null."""
        rows = in_order((self.Neuron * Dataset.Neuron.proj("neuron_index") & self.proj()).to_dicts())
        names = self.Neuron.heading.secondary_attributes
        return {name: np.array([row[name] for row in rows], dtype=float) for name in names}
