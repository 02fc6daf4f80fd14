"""From what a person typed to an experiment."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UserError
from pipeline.experiments.built_in import BUILT_IN
from pipeline.experiments.design import Request

SUFFIXES = (".yaml", ".yml")


def find(experiment: str, family: str | None = None) -> Request:
    """The built-in experiment of that name, or the one in that file. Raises UserError where there is none."""
    if experiment in BUILT_IN:
        return Request(BUILT_IN[experiment])
    if not experiment.lower().endswith(SUFFIXES):
        raise UserError(
            f"experiment {experiment!r} is unknown; allowed are {', '.join(BUILT_IN)}, or the path of a .yaml file"
        )
    if family is not None:
        raise UserError(
            f"{experiment}: names its configurations itself, so --family {family} has no meaning; leave it out"
        )
    from pipeline.experiments.own import read_experiment  # which knows the networks, and so imports PyTorch

    return read_experiment(Path(experiment))
