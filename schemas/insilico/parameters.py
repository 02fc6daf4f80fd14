"""The settings of the in-silico experiments: each a name that a person chose, and typed columns."""

from __future__ import annotations

from typing import Any

import datajoint as dj
import numpy as np

import models
from schemas.insilico.schema import schema


@schema
class FeatureWeightParameters(dj.Manual):
    definition = """
    # How feature weights are counted
    feature_weight_parameters   : varchar(64)
    ---
    min_share                   : float64   # share of its squared weight above which a neuron uses a feature
    min_weight                  : float64   # absolute value above which a weight counts as having a sign
    """


@schema
class GradientRFParameters(dj.Manual):
    definition = """
    # Where the gradient is taken
    gradient_rf_parameters      : varchar(64)
    ---
    num_images                  : int32     # of the first training images, whose squared gradients count; 0: grey
    energy_share                : float64   # of its peak; what of the energy is above tells place and size
    """


@schema
class MEIParameters(dj.Manual):
    definition = """
    # How images are grown that excite a neuron most
    mei_parameters              : varchar(64)
    ---
    contrast                    : float64   # root mean square of the image, SD of the training pixels
    smoothness                  : float64   # weight of the penalty on differences of neighbouring pixels
    learning_rate               : float64
    max_iter                    : int32     # steps at most
    patience                    : int32     # steps without a lower loss that end it
    num_starts                  : int32     # random images to start from
    mei_seed                    : int64     # draws them
    """


@schema
class GaborParameters(dj.Manual):
    definition = """
    # A set of Gabor patches: every combination of place, size, frequency, contrast, orientation and phase
    gabor_parameters            : varchar(64)
    ---
    first_x=null                : int32     # pixels; null: the whole image
    end_x=null                  : int32     # left out itself
    first_y=null                : int32
    end_y=null                  : int32
    place_step                  : int32     # pixels
    min_size                    : float64   # 4 SD of the envelope, pixels
    size_factor                 : float64   # from one size to the next
    num_sizes                   : int32
    min_frequency               : float64   # cycles per size
    frequency_factor            : float64
    num_frequencies             : int32
    min_contrast                : float64   # twice the peak, SD of the training pixels
    contrast_factor             : float64
    num_contrasts               : int32
    num_orientations            : int32     # evenly over pi
    num_phases                  : int32     # evenly over 2 pi
    """

    @staticmethod
    def gabor_set(row: dict[str, Any], image_size: tuple[int, int]) -> models.GaborSet:
        """The set of a row, for images (height, width). Raises ValueError where places are outside of them."""
        height, width = image_size
        bounds = {"first_x": 0, "end_x": width, "first_y": 0, "end_y": height}
        first_x, end_x, first_y, end_y = (row[name] if row[name] is not None else at for name, at in bounds.items())
        if first_x < 0 or first_y < 0 or end_x > width or end_y > height:
            raise ValueError(
                f"places from ({first_x}, {first_y}) to before ({end_x}, {end_y}) are not all on images of {width} x "
                f"{height} pixels"
            )
        return models.GaborSet(
            canvas_size=(width, height),
            center_range=(first_x, end_x, first_y, end_y),
            center_step=row["place_step"],
            sizes=series(row, "size").tolist(),
            spatial_frequencies=series(row, "frequency", "frequencies").tolist(),
            contrasts=series(row, "contrast").tolist(),
            orientations=row["num_orientations"],
            phases=row["num_phases"],
        )


@schema
class SizeContrastParameters(dj.Manual):
    definition = """
    # Patches of gratings of several diameters and contrasts
    size_contrast_parameters    : varchar(64)
    ---
    min_size                    : float64   # pixels
    size_factor                 : float64
    num_sizes                   : int32
    min_contrast                : float64   # SD of the training pixels
    contrast_factor             : float64
    num_contrasts               : int32
    num_phases                  : int32     # over which rates are averaged
    """


@schema
class PlaidParameters(dj.Manual):
    definition = """
    # Gratings in the preferred and in the orthogonal orientation, on top of each other
    plaid_parameters            : varchar(64)
    ---
    min_contrast                : float64   # of either grating, SD of the training pixels
    contrast_factor             : float64
    num_contrasts               : int32     # besides 0
    num_phases                  : int32     # over which rates are averaged
    """


@schema
class ClusteringParameters(dj.Manual):
    definition = """
    # How readout vectors are aligned and clustered
    clustering_parameters   : varchar(64)
    ---
    min_test_corr           : float64   # neurons with a lower test correlation belong to no cluster
    num_steps               : int32     # of the alignment
    learning_rate           : float64   # of the alignment
    num_alignments          : int32     # starts of the alignment, of which the best counts
    reconstruction_weight   : float64   # against mixing of shifts
    min_clusters            : int32     # the fewest that are tried
    clusters_step           : int32     # from one number to the next
    max_clusters            : int32     # the most that are tried
    test_share              : float64   # of the neurons, not fitted
    num_splits              : int32     # draws of those neurons
    num_starts              : int32     # of each mixture
    min_variance            : float64   # added to that of each Gaussian
    merge_correlation       : float64   # of the centres of clusters that become one block
    clustering_seed         : int64
    """


@schema
class Protocol(dj.Manual):
    definition = """
    # Which in-silico experiments a model goes through, each with its settings; null: not that one
    protocol    : varchar(64)
    ---
    -> [nullable] FeatureWeightParameters
    -> [nullable] GradientRFParameters
    -> [nullable] MEIParameters
    -> [nullable] GaborParameters
    -> [nullable] SizeContrastParameters
    -> [nullable] PlaidParameters
    -> [nullable] ClusteringParameters
    """


def series(row: dict[str, Any], what: str, several: str | None = None) -> np.ndarray:
    """min_..., and so on by ..._factor, as many as num_...s says."""
    return row[f"min_{what}"] * row[f"{what}_factor"] ** np.arange(row[f"num_{several or what + 's'}"])
