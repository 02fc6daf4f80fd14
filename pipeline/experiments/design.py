"""An experiment as data: its points, what was published for them, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.named_config import NamedConfig
from pipeline.parts import WHOLE, Part

PAPER, SMALL = "paper", "small"
OWN = "own"  # the one family of a lab's own experiment


@dataclass(frozen=True)
class Point:
    """A row of the table or a point of the figure: what is trained, on what, and where it is shown.

    value: where on the experiment's axis it lies. protocol: of the in-silico experiments of its model.
    """

    series: str
    label: str
    named: NamedConfig
    value: float | None = None
    part: Part = WHOLE
    protocol: str | None = None


@dataclass(frozen=True)
class Reference:
    """What others found at a point; the columns of `Experiment.Published`."""

    series: str
    label: str
    source: str
    value: float | None = None
    val_loss: float | None = None
    test_corr: float | None = None
    test_corr_sd: float | None = None


@dataclass(frozen=True)
class Design:
    """An experiment: the points of each of its families of configurations, in the order in which they are shown.

    axis: what the points' values are. default_family: where that does not depend on the recording.
    """

    name: str
    summary: str
    families: dict[str, tuple[Point, ...]]
    axis: str | None = None
    references: tuple[Reference, ...] = ()
    default_family: str | None = None


@dataclass(frozen=True)
class Request:
    """An experiment, and the seeds and the number of draws that its file asks for; None where it does not say."""

    design: Design
    seeds: list[int] | None = None
    num_draws: int | None = None
