"""The paper's main model as its configuration has it, and data as random as they are large."""

from __future__ import annotations

from typing import Any

import numpy as np

import models
from models.build import build
from models.cores import StackedCore
from pipeline.published import PAPER

CORE_WEIGHTS = ("conv_smooth_weight", "conv_sparse_weight")


def paper_model(neurons: int, height: int, width: int, features: int = 16) -> models.CorePlusReadoutModel:
    """A new model for so many neurons and pixels, with so many features in each layer."""
    weights = PAPER.weights
    core = {name: value for name, value in PAPER.core.items() if name not in ("core", "core_class")}
    core |= PAPER.layers | {"num_filters": [features] * len(PAPER.layers["num_filters"])}
    settings: dict[str, Any] = {
        "core_class": PAPER.core["core_class"],
        "core": core | {name: weights.pop(name) for name in CORE_WEIGHTS},
        "readout_class": PAPER.readout["readout_class"],
        "readout": {name: PAPER.readout[name] for name in ("positive_feature_weights", "init_masks")} | weights,
        "image_size": (height, width),
        "num_neurons": neurons,
    }
    return build(settings)


def random_data(neurons: int, images: int, height: int, width: int) -> models.Data:
    """So many training images; two for validation, and two for the test, which is repeated twice."""
    random = np.random.default_rng(0)

    def shown(*count: int) -> tuple[np.ndarray, np.ndarray]:
        pixels = random.normal(size=(count[-1], height, width)).astype(np.float32)
        return pixels, random.poisson(0.5, (*count, neurons)).astype(np.float32)

    train, validation, test = shown(images), shown(2), shown(2, 2)
    return models.Data.from_recording(
        models.Recording(
            train_images=train[0], train_responses=train[1],
            validation_images=validation[0], validation_responses=validation[1],
            test_images=test[0], test_responses=test[1],
        )
    )  # fmt: skip


def multiplications(core: StackedCore, height: int, width: int) -> int:
    """Floating-point operations of the core's forward pass on one image, by direct convolution."""
    total, inputs = 0, 1
    for layer in core.layers:
        height, width = layer.output_size(height), layer.output_size(width)
        outputs = layer.kernel().shape[0]
        total += outputs * inputs * layer.kernel.filter_size**2 * height * width * 2
        inputs = outputs
    return total
