"""The experiments that come with the program: the paper's figures and tables, and a small demonstration.

Each has the paper's configurations, and the same in proportion for small recordings.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline import configs, published
from pipeline.configs import CONFIGS
from pipeline.experiments import references
from pipeline.experiments.design import PAPER, SMALL, Design, Point
from pipeline.experiments.references import CNN, EQUIVARIANT, SEPARATE, SHARED, features_label, trials_label
from pipeline.named_config import NamedConfig
from pipeline.parts import Part

FULL, WEIGHTS = "full", "weights"  # protocols of in-silico experiments
PAPER_BY_FEATURES = {
    features: CONFIGS["paper" if features == 16 else f"paper-{features}"]
    for features in sorted(references.SEPARATE_BIASES)
}
MAIN = {PAPER: published.PAPER, SMALL: configs.ROTATION_EQUIVARIANT}
MAIN_CNN = {PAPER: CONFIGS["paper-cnn-128"], SMALL: configs.CNN}  # with as many maps
TRIALS_PER_MILLE = (125, 250, 500, 1000)


def _row(named: NamedConfig, protocol: str | None = WEIGHTS) -> Point:
    """A row of Table 1, whose label tells the size and the weights; CNNs have no in-silico experiments."""
    filters = named.layers["num_filters"]
    if named.core["num_rotations"] is None:
        return Point(CNN, "-".join(map(str, filters)), named)
    label = f"{filters[-1]} features x {named.core['num_rotations']} orientations"
    kinds = {"joint-l1-positive": ", positive weights", "sparse-dense-separate": ", dense weights"}
    return Point(EQUIVARIANT, label + kinds.get(named.readout["readout"], ""), named, protocol=protocol)


def _table1(family: str, others: Iterable[NamedConfig]) -> tuple[Point, ...]:
    return (_row(MAIN[family], FULL), *map(_row, others))


def _by_features(series: str, by_features: dict[int, NamedConfig]) -> tuple[Point, ...]:
    return tuple(
        Point(series, features_label(features), named, features, protocol=WEIGHTS)
        for features, named in by_features.items()
    )


def _fig3(family: str) -> tuple[Point, ...]:
    points = []
    for series, named in ((EQUIVARIANT, MAIN[family]), (CNN, MAIN_CNN[family])):
        for per_mille in TRIALS_PER_MILLE:
            protocol = FULL if per_mille == 1000 else WEIGHTS
            points.append(
                Point(
                    series,
                    trials_label(per_mille / 10),
                    named,
                    per_mille / 10,
                    Part(trials_per_mille=per_mille),
                    protocol if series == EQUIVARIANT else None,
                )
            )
    return tuple(points)


def _transfer(family: str, transfer: NamedConfig) -> tuple[Point, ...]:
    return (
        Point(EQUIVARIANT, "half of the neurons train the core", transfer, 0.5, protocol=WEIGHTS),
        Point(EQUIVARIANT, "all neurons train the core", MAIN[family], 1.0, protocol=WEIGHTS),
    )


def _halves(family: str) -> tuple[Point, ...]:
    return tuple(
        Point(EQUIVARIANT, f"half {part}", MAIN[family], None, Part(num_parts=2, part=part), WEIGHTS) for part in (1, 2)
    )


def _shared(separate: dict[int, NamedConfig], shared: dict[int, NamedConfig]) -> tuple[Point, ...]:
    compared = {features: separate[features] for features in shared}
    return _by_features(SEPARATE, compared) + _by_features(SHARED, shared)


def _demo(family: str) -> tuple[Point, ...]:
    return _row(MAIN[family], FULL), _row(MAIN_CNN[family])


_PAPER_CNNS = [CONFIGS[f"paper-cnn-{size}"] for size in (32, 64, 128, 256)]
_TABLE_1 = {
    PAPER: _table1(PAPER, [published.DENSE, published.POSITIVE, *_PAPER_CNNS]),
    SMALL: _table1(SMALL, [configs.SMALL_DENSE, configs.SMALL_POSITIVE, *configs.SMALL_CNNS]),
}

BUILT_IN = {
    design.name: design
    for design in (
        Design(
            "table1",
            "The rotation-equivariant model, with other feature weights, and regular CNNs (Table 1)",
            _TABLE_1,
            references=references.table1(
                {point.named.config: (point.series, point.label) for point in _TABLE_1[PAPER]}
            ),
        ),
        Design(
            "fig2",
            "How the scores depend on the number of features in the last layer (Fig. 2)",
            {
                PAPER: _by_features(EQUIVARIANT, PAPER_BY_FEATURES),
                SMALL: _by_features(EQUIVARIANT, configs.BY_FEATURES),
            },
            "features in the last layer",
            references.fig2(),
        ),
        Design(
            "fig3",
            "How the scores depend on the number of training trials, with and without rotations (Fig. 3)",
            {PAPER: _fig3(PAPER), SMALL: _fig3(SMALL)},
            "training trials (per cent)",
            references.fig3(),
        ),
        Design(
            "transfer",
            "Whether a core that half of the neurons have trained serves the other half (control)",
            {PAPER: _transfer(PAPER, published.TRANSFER), SMALL: _transfer(SMALL, configs.SMALL_TRANSFER)},
            "share of the neurons that train the core",
        ),
        Design(
            "halves",
            "Whether two models from disjoint halves of the trials agree",
            {PAPER: _halves(PAPER), SMALL: _halves(SMALL)},
        ),
        Design(
            "shared-biases",
            "Whether the orientations of a feature need biases of their own",
            {
                PAPER: _shared(PAPER_BY_FEATURES, published.SHARED_BIASES),
                SMALL: _shared(configs.BY_FEATURES, configs.SMALL_SHARED_BIASES),
            },
            "features in the last layer",
            references.shared_biases(),
        ),
        Design(
            "demo",
            "A rotation-equivariant model and a regular CNN of as many feature maps",
            {PAPER: _demo(PAPER), SMALL: _demo(SMALL)},
            default_family=SMALL,
        ),
    )
}
