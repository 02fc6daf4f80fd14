"""What the paper found, number by number; it holds for the paper's recording and for nothing else.

Source: Ecker et al., ICLR 2019, and the outputs of the notebooks in the authors' code.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.experiments.design import Reference
from pipeline.published import PUBLISHED

EQUIVARIANT, CNN, POSITIVE = "rotation-equivariant", "CNN", "positive weights"
SEPARATE, SHARED = "separate biases", "shared biases"
CEILING, FEATURE_WEIGHTS = "ceiling", "feature weights"

DATA = "6,005 neurons of mouse V1, images of 36 x 64 pixels"
BEST = "the best of 32 draws by validation loss"
TABLE_1 = f"Ecker et al., ICLR 2019, Table 1, {BEST}; SD over the best five; {DATA}"
FIG_2 = f"Ecker et al., ICLR 2019, Fig. 2, {BEST}; {DATA}"
FIG_3 = f"Ecker et al., ICLR 2019, Fig. 3, read off the plot to .005; {DATA}"
TEXT = f"Ecker et al., ICLR 2019, from the outputs of the authors' notebooks; {DATA}"

_SCORES = {published.named.config: published for published in PUBLISHED}
_SD = {  # over the best five draws
    "paper": 0.005,
    "paper-dense": 0.021,
    "paper-positive": 0.006,
    "paper-cnn-32": 0.009,
    "paper-cnn-64": 0.006,
    "paper-cnn-128": 0.008,
    "paper-cnn-256": 0.009,
}

# By features: (test correlation, validation loss). Fig. 2 has other numbers for 16 features than Table 1.
SEPARATE_BIASES = {
    published.named.layers["num_filters"][-1]: (published.test_corr, published.val_loss)
    for config, published in _SCORES.items()
    if config.removeprefix("paper-").isdigit()
} | {16: (0.472, 3635.8)}
SHARED_BIASES = {16: (0.464, 3642.6), 32: (0.477, 3623.3), 48: (0.482, 3619.3)}
POSITIVE_WEIGHTS = {16: 0.429, 20: 0.420, 24: 0.441, 28: 0.433, 32: 0.434, 40: 0.434, 48: 0.447}

# By per cent of the trials.
TRIALS = {
    EQUIVARIANT: {12.5: 0.12, 25.0: 0.215, 50.0: 0.39, 100.0: 0.47},
    CNN: {12.5: 0.12, 25.0: 0.18, 50.0: 0.31, 100.0: 0.40},
}


def table1(rows: dict[str, tuple[str, str]]) -> tuple[Reference, ...]:
    """rows: series and label of each configuration of the paper."""
    scores = [
        Reference(
            *rows[config], TABLE_1, None, _SCORES[config].val_loss, _SCORES[config].test_corr, test_corr_sd=_SD[config]
        )
        for config in rows
    ]
    weights = {
        "share of neurons with half of their weight in one feature": 0.62,
        "share of weights of one sign, lowest of the features": 0.74,
        "share of weights of one sign, highest of the features": 0.97,
        "the same with dense weights, lowest": 0.51,
        "the same with dense weights, highest": 0.89,
    }
    return (
        *scores,
        Reference(CEILING, "mean over neurons", TEXT, test_corr=0.83),
        *(Reference(FEATURE_WEIGHTS, label, TEXT, value) for label, value in weights.items()),
    )


def by_features(series: str, scores: Mapping[int, tuple[float | None, float | None]]) -> tuple[Reference, ...]:
    """scores: test correlation and validation loss by the number of features."""
    return tuple(
        Reference(series, features_label(features), FIG_2, features, val_loss, test_corr)
        for features, (test_corr, val_loss) in sorted(scores.items())
    )


def fig2() -> tuple[Reference, ...]:
    positive = {features: (test_corr, None) for features, test_corr in POSITIVE_WEIGHTS.items()}
    return (
        *by_features(EQUIVARIANT, SEPARATE_BIASES),
        *by_features(POSITIVE, positive),
        *by_features(SHARED, SHARED_BIASES),
    )


def fig3() -> tuple[Reference, ...]:
    return tuple(
        Reference(series, trials_label(per_cent), FIG_3, per_cent, test_corr=test_corr)
        for series, found in TRIALS.items()
        for per_cent, test_corr in found.items()
    )


def shared_biases() -> tuple[Reference, ...]:
    separate = {features: SEPARATE_BIASES[features] for features in SHARED_BIASES}
    return by_features(SEPARATE, separate) + by_features(SHARED, SHARED_BIASES)


def features_label(features: int) -> str:
    return f"{features} features"


def trials_label(per_cent: float) -> str:
    return f"{per_cent:g} %"
