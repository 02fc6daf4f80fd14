"""The named configurations: those that suit small recordings, and all of the paper's.

Each holds only its differences from the paper's main model.
"""

from __future__ import annotations

from pipeline.named_config import NamedConfig
from pipeline.published import DENSE, PAPER, POSITIVE, PUBLISHED, SHARED_BIASES, TRANSFER

# Found by search on the validation sets of recordings of some hundred images (docs/background/configurations.md).
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
    # A decade to either side; the paper's intervals are for losses of many more neurons and images.
    bounds={
        "conv_smooth_weight": (0.0003, 0.03),
        "conv_sparse_weight": (0.0003, 0.03),
        "readout_sparsity": (0.0001, 0.01),
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


def _features(features: int) -> NamedConfig:
    return ROTATION_EQUIVARIANT.derived(
        f"rotation-equivariant-{features}",
        f"rotation-equivariant with {features} features in the last layer",
        core={"core": f"hermite-4-4-{features}-strided"},
        layers={"num_filters": [4, 4, features]},
    )


def _with_shared_biases(named: NamedConfig) -> NamedConfig:
    features = named.layers["num_filters"][-1]
    return named.derived(
        f"rotation-equivariant-shared-{features}",
        f"{features} features in the last layer, whose orientations share a bias",
        core={"core": f"{named.core['core']}-shared", "shared_biases": True},
    )


def _cnn(*filters: int) -> NamedConfig:
    name = "-".join(map(str, filters))
    return CNN.derived(
        f"cnn-{name}",
        f"a regular CNN of {name} features, to compare with cnn",
        core={"core": f"cnn-{name}-strided"},
        layers={"num_filters": list(filters)},
    )


# The paper's comparisons in proportion, for small recordings (docs/how-to/experiments.md).
BY_FEATURES = {
    features: ROTATION_EQUIVARIANT if features == 8 else _features(features)
    for features in (4, 6, 8, 10, 12, 14, 16, 20, 24)
}
SMALL_POSITIVE = ROTATION_EQUIVARIANT.derived(
    "rotation-equivariant-positive",
    "rotation-equivariant with positive feature weights",
    readout=POSITIVE.readout,
)
SMALL_DENSE = ROTATION_EQUIVARIANT.derived(
    "rotation-equivariant-dense",
    "rotation-equivariant with dense feature weights under an L2 penalty",
    readout=DENSE.readout,
    regularization={"readout_sparsity": None, "mask_sparsity": 0.002, "feature_l2": 0.1},
    bounds={"readout_sparsity": None, "mask_sparsity": (0.0002, 0.02), "feature_l2": (0.01, 1.0)},
)
SMALL_TRANSFER = ROTATION_EQUIVARIANT.derived(
    "rotation-equivariant-transfer",
    "half of the neurons train the core, the readout alone is fitted to the others",
    readout=TRANSFER.readout,
)
SMALL_SHARED_BIASES = {features: _with_shared_biases(BY_FEATURES[features]) for features in (8, 16, 24)}
SMALL_CNNS = (_cnn(8, 8, 16), _cnn(16, 16, 32), CNN, _cnn(32, 32, 128))

OWN = (ROTATION_EQUIVARIANT, CNN)
SMALL = (
    *BY_FEATURES.values(), SMALL_POSITIVE, SMALL_DENSE, SMALL_TRANSFER, *SMALL_SHARED_BIASES.values(), *SMALL_CNNS,
)  # fmt: skip
CONFIGS = {
    named.config: named
    for named in (*OWN, *(published.named for published in PUBLISHED), *SHARED_BIASES.values(), *SMALL)
}
