"""The models of the paper whose settings its authors published: their configurations and their scores.

Settings, log hashes and scores: Ecker et al., ICLR 2019, Table 1 and Fig. 2, and the notebooks of their code. The
scores hold for 6,005 neurons of mouse V1 and images of 36 x 64 pixels, and for nothing else. What its tables and
figures show besides is in `pipeline.experiments.references`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.named_config import NamedConfig

PAPER = NamedConfig(
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
        "k_transfer": None,
    },
    regularization={
        "conv_smooth_weight": 0.0249692,
        "conv_sparse_weight": 0.0152482,
        "readout_sparsity": 0.0170696,
        "mask_sparsity": None,
        "feature_sparsity": None,
        "feature_l2": None,
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
        "optimizer": "adam",
        "weight_decay": 0.0,
        "schedule": "stages",
        "precision": "float32",
    },
    bounds={
        "conv_smooth_weight": (0.001, 0.03),
        "conv_sparse_weight": (0.001, 0.1),
        "readout_sparsity": (0.005, 0.03),
    },
)


@dataclass(frozen=True)
class Published:
    """A published model: its configuration, its name in the original, and its published scores where there are any."""

    named: NamedConfig
    log_hash: str
    val_loss: float | None
    test_corr: float | None


def _hermite(features: int, smooth: float, sparse: float, readout: float) -> NamedConfig:
    return PAPER.derived(
        f"paper-{features}",
        f"the paper's model with {features} features in the last layer (Fig. 2)",
        core={"core": f"hermite-16-16-{features}"},
        layers={"num_filters": [16, 16, features]},
        regularization={"conv_smooth_weight": smooth, "conv_sparse_weight": sparse, "readout_sparsity": readout},
    )


def _cnn(name: str, filters: list[int], smooth: float, sparse: float, readout: float) -> NamedConfig:
    core = "-".join(map(str, filters))
    return PAPER.derived(
        f"paper-cnn-{name}",
        f"a regular CNN of {core} features, baseline of the paper (Table 1)",
        core={
            "core": f"cnn-{core}",
            "core_class": "StackedConv2dCore",
            "num_rotations": None,
            "upsampling": None,
            "shared_biases": None,
        },
        layers={"num_filters": filters},
        regularization={"conv_smooth_weight": smooth, "conv_sparse_weight": sparse, "readout_sparsity": readout},
        trainer={"trainer": "paper-cnn", "patience": 10},
    )


POSITIVE = PAPER.derived(
    "paper-positive",
    "the paper's model with positive feature weights (Table 1)",
    readout={"readout": "joint-l1-positive", "positive_feature_weights": True},
    regularization={"conv_smooth_weight": 0.00553383, "conv_sparse_weight": 0.0715125, "readout_sparsity": 0.0244531},
)
DENSE = PAPER.derived(
    "paper-dense",
    "the paper's model with dense feature weights under an L2 penalty (Table 1)",
    readout={"readout": "sparse-dense-separate", "readout_class": "SpatialSparseXFeatureDenseSeparateReadout"},
    regularization={
        "conv_smooth_weight": 0.0141237,
        "conv_sparse_weight": 0.00280391,
        "readout_sparsity": None,
        "mask_sparsity": 0.0324413,
        "feature_l2": 0.315181,
    },
    bounds={"readout_sparsity": None, "mask_sparsity": (0.01, 0.1), "feature_l2": (0.1, 1.0)},
)
TRANSFER = PAPER.derived(
    "paper-transfer",
    "the paper's control: half of the neurons train the core, the readout alone is fitted to the others",
    readout={
        "readout": "joint-l1-transfer-2",
        "readout_class": "SpatialXFeatureJointL1TransferReadout",
        "k_transfer": 2,
    },
    regularization={"conv_smooth_weight": 0.0112711, "conv_sparse_weight": 0.0492937, "readout_sparsity": 0.020616},
)

PUBLISHED = [
    Published(_hermite(8, 0.00781004, 0.0168574, 0.0156452), "8d2912ce0669f4dcc4efa78b970e453c", 3664.3, 0.454),
    Published(_hermite(12, 0.00184694, 0.0610123, 0.0153464), "4d2e43901a1be496a5e66dc9fec1ed14", 3649.5, 0.454),
    Published(PAPER, "647bb1d1bd02979996e492b5422eb95f", 3636.6, 0.471),
    Published(_hermite(20, 0.0257738, 0.0691215, 0.0141163), "6babf3b3be2cbd8da50e091966f22e46", 3627.9, 0.477),
    Published(_hermite(24, 0.00146371, 0.00999698, 0.0131784), "1e34d6f792b506630897ce84fe93a58c", 3635.3, 0.475),
    Published(_hermite(28, 0.0186784, 0.0187448, 0.0124147), "a653720bdd962f95b213156f25c80f31", 3626.3, 0.482),
    Published(_hermite(32, 0.026082, 0.0118641, 0.0161513), "d23dd9d3a7149ecc72627115bb940e1e", 3627.4, 0.477),
    Published(_hermite(40, 0.00232312, 0.0868334, 0.0115895), "ba65e73469fe90109f22e8204557b646", 3617.1, 0.486),
    Published(_hermite(48, 0.00129107, 0.0644271, 0.0163213), "37e70606daaa0b2ca13698fee329eec4", 3622.9, 0.485),
    Published(POSITIVE, "a4de905100ac9b78c6a96e8d67f8adfe", 3686.5, 0.429),
    Published(DENSE, "9ef7308edab3233c4d02d280ea37bc93", 3675.5, 0.430),
    Published(TRANSFER, "b8f78ead705cb02d09c01f9701067ba2", None, None),
    Published(
        _cnn("32", [32, 32, 32], 0.0151716, 0.0219826, 0.0193531), "96c4d0cc8869d2b5a4297f13f2cdd422", 3745.6, 0.394
    ),
    Published(
        _cnn("64", [64, 64, 64], 0.00218237, 0.0323365, 0.0261594), "b8c433730fc6d4753f6f910f697b7f4b", 3736.2, 0.394
    ),
    Published(
        _cnn("128", [128, 128, 128], 0.0277236, 0.0650177, 0.0151648), "3bedbbd474249974eb309aeda76ca426", 3717.1, 0.418
    ),
    Published(
        _cnn("256", [128, 128, 256], 0.0015324, 0.007974, 0.0179), "f4c477e777c48dac89e61feff11f4327", 3722.9, 0.415
    ),
]
BY_LOG_HASH = {published.log_hash: published for published in PUBLISHED}

# The paper's models whose best draw is not published have the weights of the model that differs in the biases alone.
SHARED_BIASES = {
    named.layers["num_filters"][-1]: named.derived(
        f"paper-shared-{named.layers['num_filters'][-1]}",
        f"{named.layers['num_filters'][-1]} features in the last layer, whose orientations share a bias (Fig. 2)",
        core={"core": f"{named.core['core']}-shared", "shared_biases": True},
    )
    for named in (published.named for published in PUBLISHED)
    if named.config in ("paper", "paper-32", "paper-48")
}
