"""What a shell completes besides commands, options and paths: names, as far as they can be told at once."""

from __future__ import annotations

import click


def recordings(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    return _from_table("dataset", "dataset", "dataset_name", begun)


def training_sets(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Also behind a plus: `a+b` is a training set of two recordings."""
    before, plus, last = begun.rpartition("+")
    return [before + plus + name for name in _from_table("dataset", "training_set", "training_set", last)]


def experiments(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    return _from_table("experiment", "experiment", "experiment_name", begun)


def configurations(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Those that `hypercolumn configs` lists: a lab's own, which are in the tables, no option takes by their names."""
    from pipeline.configs import CONFIGS

    return [name for name in CONFIGS if name.startswith(begun)]


def _from_table(schema: str, table: str, column: str, begun: str) -> list[str]:
    from pipeline.database.glance import names

    return [name for name in names(schema, table, column) if name.startswith(begun)]
