"""Named protocols: which in-silico experiments a model goes through, and with which settings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import datajoint as dj

from pipeline.errors import UserError
from pipeline.names import insert_named
from schemas.dataset import TrainingSet
from schemas.insilico import (
    ClusteringParameters,
    FeatureWeightParameters,
    GaborParameters,
    GradientRFParameters,
    InSilicoTask,
    MEIParameters,
    PlaidParameters,
    Protocol,
    SizeContrastParameters,
)

WHOLE_IMAGE = dict.fromkeys(("first_x", "end_x", "first_y", "end_y"))

MEI = {"smoothness": 0.01, "learning_rate": 1.0, "max_iter": 100, "patience": 100, "mei_seed": 0}

CLUSTERING = {
    "min_test_corr": 0.0,
    "num_steps": 500,
    "learning_rate": 0.05,
    "num_alignments": 10,
    "reconstruction_weight": 1.5,
} | {"test_share": 1 / 3, "num_starts": 5, "min_variance": 1e-6, "merge_correlation": 0.5, "clustering_seed": 0}

# Settings by their names. Those called `paper` are the original's; `standard` suits any recording of V1 or V4.
SETTINGS: dict[type[dj.Manual], dict[str, dict[str, Any]]] = {
    FeatureWeightParameters: {"standard": {"min_share": 0.05, "min_weight": 0.01}},
    GradientRFParameters: {
        "paper": {"num_images": 0, "energy_share": 0.2},
        "standard": {"num_images": 32, "energy_share": 0.2},
    },
    MEIParameters: {
        "standard": MEI | {"contrast": 0.5, "num_starts": 3},
        "paper": MEI | {"contrast": 0.25, "num_starts": 1},  # a norm of 12 on 36 x 64 pixels
    },
    GaborParameters: {
        # On simulated V1 finer sets found the same places and orientations (docs/how-to/insilico.md).
        "standard": WHOLE_IMAGE
        | {"place_step": 3, "num_orientations": 8, "num_phases": 4}
        | {"min_size": 8.0, "size_factor": 2**0.5, "num_sizes": 4}
        | {"min_frequency": 1.2, "frequency_factor": 4 / 3, "num_frequencies": 2}
        | {"min_contrast": 4.0, "contrast_factor": 1.0, "num_contrasts": 1},
        "paper": {"first_x": 27, "end_x": 49, "first_y": 5, "end_y": 28}
        | {"place_step": 1, "num_orientations": 12, "num_phases": 8}
        | {"min_size": 8.0, "size_factor": 1.25, "num_sizes": 8}
        | {"min_frequency": 1 / 1.3, "frequency_factor": 1.3, "num_frequencies": 4}
        | {"min_contrast": 0.125, "contrast_factor": 2.0, "num_contrasts": 6},
    },
    SizeContrastParameters: {
        "standard": {"min_size": 4.0, "size_factor": 1.3, "num_sizes": 9}
        | {"min_contrast": 0.5, "contrast_factor": 2.0, "num_contrasts": 4, "num_phases": 4},
    },
    PlaidParameters: {
        "standard": {"min_contrast": 0.5, "contrast_factor": 2.0, "num_contrasts": 4, "num_phases": 4},
    },
    ClusteringParameters: {
        "standard": CLUSTERING | {"min_clusters": 1, "clusters_step": 1, "max_clusters": 20, "num_splits": 3},
        "paper": CLUSTERING | {"min_clusters": 10, "clusters_step": 10, "max_clusters": 150, "num_splits": 1},
    },
}

# Protocols by their names: the settings of each of their experiments.
PROTOCOLS: dict[str, dict[str, str]] = {
    "full": {
        "feature_weight_parameters": "standard",
        "gradient_rf_parameters": "standard",
        "mei_parameters": "standard",
        "gabor_parameters": "standard",
        "size_contrast_parameters": "standard",
        "plaid_parameters": "standard",
        "clustering_parameters": "standard",
    },
    "weights": {"feature_weight_parameters": "standard"},
}
PROTOCOLS["paper"] = PROTOCOLS["full"] | {
    "gradient_rf_parameters": "paper",
    "mei_parameters": "paper",
    "gabor_parameters": "paper",
    "clustering_parameters": "paper",
}


def declare_protocol(key: dict[str, Any], protocol: str) -> None:
    """Ask for the in-silico experiments of a protocol on the model of a training task, in the caller's transaction.

    Raises UserError where there is no protocol of that name, or where it does not suit the recording.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"protocol {protocol!r} is unknown; allowed are {', '.join(PROTOCOLS)}")
    chosen = PROTOCOLS[protocol]
    for table, settings in SETTINGS.items():
        (name,) = table.primary_key
        if name in chosen:
            insert_named(table, {name: chosen[name]} | settings[chosen[name]])
    _check_gabors(key, protocol)
    unused = dict.fromkeys(Protocol.heading.secondary_attributes)
    insert_named(Protocol, {"protocol": protocol} | unused | chosen)
    declared = {"declared": datetime.now(UTC).replace(tzinfo=None)}
    InSilicoTask.insert1(key | {"protocol": protocol} | declared, skip_duplicates=True)


def _check_gabors(key: dict[str, Any], protocol: str) -> None:
    name = PROTOCOLS[protocol].get("gabor_parameters")
    if name is None:
        return
    size, _ = (TrainingSet & {"training_set": key["training_set"]}).shapes()
    try:
        GaborParameters.gabor_set(SETTINGS[GaborParameters][name], size)
    except ValueError as error:
        line = f"protocol {protocol!r} does not suit {key['training_set']!r}: {error}; choose another"
        raise UserError(line) from error
