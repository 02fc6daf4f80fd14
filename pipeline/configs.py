"""The named configurations: architecture, penalties and training that suit a kind of recording.

Each holds only its differences from `DEFAULT`, which is the main model of the paper (Ecker et al., ICLR 2019,
Table 1, first row, with the best draw of its random search).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class NamedConfig:
    """Rows of `Core`, `Core.Layer` (one value a layer), `Readout`, `Regularization` and `TrainerConfig`.

    The names of core, readout and trainer belong to their content: what differs needs a name of its own.
    """

    config: str
    summary: str
    core: dict[str, Any]
    layers: dict[str, list[Any]]
    readout: dict[str, Any]
    regularization: dict[str, float]
    trainer: dict[str, Any]

    def derived(self, config: str, summary: str, **changes: dict[str, Any]) -> NamedConfig:
        """The same configuration under another name, with differences in some of its parts."""
        parts = {part: getattr(self, part) | values for part, values in changes.items()}
        return replace(self, config=config, summary=summary, **parts)


DEFAULT = NamedConfig(
    config="paper",
    summary="the paper's rotation-equivariant model: 16 features x 8 orientations; for thousands of images, on a GPU",
    core={
        "core": "hermite-16-16-16",
        "core_class": "StackedRotEquiHermiteConv2dCore",
        "num_rotations": 8,
        "upsampling": 2,
        "shared_biases": False,
    },
    layers={
        "filter_size": [13, 5, 5],
        "num_filters": [16, 16, 16],
        "stride": [1, 1, 1],
        "rate": [1, 1, 1],
        "padding": ["SAME", "SAME", "SAME"],
        "activation_fn": ["soft", "soft", "none"],
        "rel_smooth_weight": [1.0, 0.5, 0.5],
        "rel_sparse_weight": [0.0, 1.0, 1.0],
    },
    readout={
        "readout": "joint-l1",
        "readout_class": "SpatialXFeatureJointL1Readout",
        "positive_feature_weights": False,
        "init_masks": "rand",
    },
    regularization={
        "conv_smooth_weight": 0.0249692,
        "conv_sparse_weight": 0.0152482,
        "readout_sparsity": 0.0170696,
    },
    trainer={
        "trainer": "paper",
        "learning_rate": 0.002,
        "batch_size": 256,
        "val_steps": 50,
        "patience": 5,
        "lr_decay_steps": 2,
        "max_iter": None,
        "map_dropout": 0.0,
        "max_shift": 0,
        "precision": "float32",
    },
)

# Found by search on the validation sets of recordings of some hundred images (docs/configurations.md).
ROTATION_EQUIVARIANT = DEFAULT.derived(
    "rotation-equivariant",
    "4, 4, 8 features x 8 orientations; for some hundred to some thousand images, on a CPU",
    core={"core": "hermite-4-4-8-strided"},
    layers={
        "filter_size": [9, 5, 5],
        "num_filters": [4, 4, 8],
        "stride": [2, 2, 1],
        "activation_fn": ["soft", "soft", "soft"],
    },
    regularization={"conv_smooth_weight": 0.003, "conv_sparse_weight": 0.003, "readout_sparsity": 0.001},
    trainer={
        "trainer": "some-hundred-images",
        "learning_rate": 0.01,
        "batch_size": 32,
        "val_steps": 20,
        "patience": 8,
        "lr_decay_steps": 3,
        "max_iter": 2000,
        "map_dropout": 0.1,
        "max_shift": 1,
    },
)

CNN = ROTATION_EQUIVARIANT.derived(
    "cnn",
    "a regular CNN with as many feature maps as rotation-equivariant: 32, 32, 64",
    core={
        "core": "cnn-32-32-64-strided",
        "core_class": "StackedConv2dCore",
        "num_rotations": None,
        "upsampling": None,
        "shared_biases": None,
    },
    layers={"num_filters": [8 * filters for filters in ROTATION_EQUIVARIANT.layers["num_filters"]]},
)

CONFIGS = {named.config: named for named in (ROTATION_EQUIVARIANT, CNN, DEFAULT)}
