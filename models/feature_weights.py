"""What the readout's feature weights tell: which features a neuron uses, in which orientation, with which sign.

Source: Ecker et al., ICLR 2019, figures 4 and 5.
"""

from __future__ import annotations

import numpy as np

from models.model import CorePlusReadoutModel

MIN_SHARE = 0.05  # of a neuron's squared weight, as in the paper
MIN_WEIGHT = 0.01  # weights closer to 0 have no sign, as in the original


def readout_vectors(model: CorePlusReadoutModel) -> np.ndarray:
    """(neurons, rotations, features) float64: feature weights as they enter the prediction, 0 where the mask is 0.

    Rotation r of a feature sees the image as rotation 0 sees it turned clockwise by r * 2 pi / rotations. A core
    without rotations counts as one rotation.
    """
    readout = model.readout
    seen = (readout.masks.detach() != 0).flatten(1).any(dim=1)
    weights = readout.feature_weights.detach() * seen[:, None]
    weights = weights.abs() if readout.positive_feature_weights else weights
    return weights.double().cpu().numpy().reshape(len(weights), getattr(model.core, "num_rotations", 1), -1)


def feature_weights(
    model: CorePlusReadoutModel, *, min_share: float = MIN_SHARE, min_weight: float = MIN_WEIGHT
) -> dict[str, np.ndarray]:
    """Statistics by name; features are counted from 0.

    share                  (neurons, features)  of the neuron's squared weight, summed over rotations
    num_features           (neurons,) int       features whose share is above `min_share`
    dominant_feature       (neurons,) int       the one of the largest share; -1 where there is no weight
    dominant_share         (neurons,)           its share
    preferred_orientation  (neurons,)           radians in [0, 2 pi) by which the rotation of the dominant feature
                                                with the largest squared weight is turned counter-clockwise from
                                                the feature's rotation 0; NaN for a core without rotations
    same_sign              (features,)          of the weights of a feature, over all neurons and rotations, whose
                                                absolute value is above `min_weight`, the share that has the sign
                                                of most; NaN where there are none

    A neuron without weights has NaN for numbers that are not counts. The published shares of the same sign take
    `min_weight` 0.01 for L1 and 0.003 for dense L2 weights. Raises ValueError where a threshold is out of range.
    """
    if not 0 <= min_share < 1:
        raise ValueError(f"min_share is {min_share}; allowed is 0 to below 1")
    if min_weight < 0:
        raise ValueError(f"min_weight is {min_weight}; allowed is 0 or more")
    vectors = readout_vectors(model)
    neurons, rotations = np.arange(len(vectors)), vectors.shape[1]
    largest = np.abs(vectors).max(axis=(1, 2))
    some = largest > 0
    # Relative to the largest weight, because squares of the smallest would be 0.
    squared = np.square(vectors / np.where(some, largest, 1)[:, None, None])
    total = squared.sum(axis=(1, 2))
    share = np.where(some[:, None], squared.sum(axis=1) / np.where(some, total, 1)[:, None], np.nan)
    dominant = np.where(some[:, None], share, 0).argmax(axis=1)
    angle = squared[neurons, :, dominant].argmax(axis=1) * (2 * np.pi / rotations)
    return {
        "share": share,
        "num_features": (share > min_share).sum(axis=1),
        "dominant_feature": np.where(some, dominant, -1),
        "dominant_share": share[neurons, dominant],
        "preferred_orientation": np.where(some & (rotations > 1), angle, np.nan),
        "same_sign": _same_sign(vectors, min_weight),
    }


def _same_sign(vectors: np.ndarray, min_weight: float) -> np.ndarray:
    positive = (vectors > min_weight).sum(axis=(0, 1))
    negative = (vectors < -min_weight).sum(axis=(0, 1))
    counted = positive + negative
    return np.where(counted > 0, np.maximum(positive, negative) / np.maximum(counted, 1), np.nan)
