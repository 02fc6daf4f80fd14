"""Neurons of a model whose rates do not vary, and which it is not to be asked about."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.evaluation import predict
from models.model import CorePlusReadoutModel
from models.repeats import MIN_SD
from models.spread import Spread

AT_ONCE = 256  # images


def silence(model: CorePlusReadoutModel, images: Tensor) -> np.ndarray:
    """(neurons,) bool: whose rates do not vary over images (n, 1, height, width); takes their weights away, in place.

    Training leaves such neurons tiny weights, which say nothing about them.
    """
    spread = Spread(of_columns=True)
    for part in images.split(AT_ONCE):
        spread.add(predict(model, part).cpu().numpy())
    with torch.no_grad():
        silent = torch.from_numpy(spread.sd <= MIN_SD).to(model.readout.masks.device)
        model.readout.masks[silent] = 0
        model.readout.feature_weights[silent] = 0
    return silent.cpu().numpy()
