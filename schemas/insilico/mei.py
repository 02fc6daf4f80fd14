"""Images that excite a model's neurons most."""

from __future__ import annotations

from typing import Any

import datajoint as dj
import numpy as np

import models
from schemas import provenance
from schemas.dataset import Dataset
from schemas.insilico.experiment import InSilicoExperiment
from schemas.insilico.parameters import MEIParameters
from schemas.insilico.schema import schema
from schemas.rows import null_if_negative
from schemas.training import TrainedModel

SETTINGS = ("smoothness", "learning_rate", "max_iter", "patience", "num_starts")


@schema
class MEI(InSilicoExperiment):
    definition = f"""
    # Most exciting images of a model's neurons
    -> TrainedModel
    -> MEIParameters
    ---
    images              : <npy@main>    # (neurons, height, width), SD of the training pixels about their mean
    {provenance.COLUMNS}
    """

    class Neuron(dj.Part):
        definition = """
        # What a neuron's most exciting image does, and what the best training image; rates in SDs of training responses
        -> master
        -> Dataset.Neuron
        ---
        rate=null           : float64   # to the most exciting image; null where nothing reaches the neuron
        worst_rate=null     : float64   # from the start that ended worst
        num_iterations      : int32     # steps
        shown_image=null    : int32     # training image that drives the neuron most, from 0, of the training set
        shown_rate=null     : float64   # to that image, at the contrast at which it was shown
        """

    parameters = MEIParameters

    def measure(
        self, model: Any, data: models.Data | models.SharedData, key: dict, parameters: dict
    ) -> tuple[dict, dict]:
        settings = {name: parameters[name] for name in SETTINGS}
        norm = parameters["contrast"] * np.sqrt(np.prod(data.image_size))  # RMS contrast over all pixels
        found = models.mei.most_exciting_images(
            model,
            np.arange(data.num_neurons),
            image_size=data.image_size,
            norm=norm,
            seed=parameters["mei_seed"],
            progress=self.progress(key),
            **settings,
        )
        shown_image, shown_rate = models.mei.best_shown_images(model, data.train_images)
        neurons = {
            "rate": found.rates,
            "worst_rate": found.all_rates.min(axis=1),
            "num_iterations": found.num_iterations,
            "shown_image": null_if_negative(shown_image),
            "shown_rate": shown_rate,
        }
        return {"images": found.images.astype(np.float32)}, neurons
