"""The named configurations: those that suit small recordings, and all of the paper's.

Each holds only its differences from the paper's main model.
"""

from __future__ import annotations

from pipeline.published import PAPER, PUBLISHED

# Found by search on the validation sets of recordings of some hundred images (docs/configurations.md).
ROTATION_EQUIVARIANT = PAPER.derived(
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

OWN = (ROTATION_EQUIVARIANT, CNN)
CONFIGS = {named.config: named for named in (*OWN, *(published.named for published in PUBLISHED))}
