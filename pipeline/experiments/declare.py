"""Declaring an experiment: the rows of its trainings, of its members and of what was published, all or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import datajoint as dj

from models.original_hashes import search_seed
from pipeline.database.transaction import all_or_nothing
from pipeline.errors import UserError
from pipeline.experiments.design import PAPER, SMALL, Design, Point
from pipeline.experiments.operations import map_sizes
from pipeline.named_config import NamedConfig
from pipeline.names import check_known
from pipeline.protocols import declare_protocol
from pipeline.published import PAPER as MAIN
from pipeline.published_search import model_hash
from pipeline.tasks import check_task, insert_search, insert_task
from pipeline.training_sets import insert_part
from schemas.dataset import Dataset, TrainingSet
from schemas.experiment import Experiment
from schemas.training import TrainedModel, TrainingTask

MIN_BATCHES = 10  # of the paper's models, that a recording must hold for them to be taken by default
MIN_IMAGES = MIN_BATCHES * MAIN.trainer["batch_size"]


@dataclass(frozen=True)
class Training:
    """A training of an experiment: the key of its task and the configuration."""

    key: dict[str, Any]
    named: NamedConfig
    is_new: bool
    is_trained: bool


@dataclass(frozen=True)
class Declared:
    """What was declared, or would be."""

    experiment: str
    dataset: str
    family: str
    num_train: int  # images of the recording
    family_was_chosen: bool
    trainings: list[Training]
    num_in_silico: int  # trainings whose models go through in-silico experiments

    @property
    def num_new(self) -> int:
        return sum(training.is_new for training in self.trainings)

    @property
    def untrained(self) -> list[Training]:
        return [training for training in self.trainings if not training.is_trained]


def declare(
    design: Design,
    dataset: str,
    *,
    family: str | None = None,
    seeds: Sequence[int] = (0,),
    num_draws: int | None = None,
    dry_run: bool = False,
) -> Declared:
    """Declare an experiment for a recording, but for what is declared already.

    family: of its configurations; by default the paper's where the recording is large enough for them.
    num_draws: draw the weights of the penalties so often, as the paper did, instead of taking those of the
        configurations. Draws get no in-silico experiments.
    dry_run: take everything back in the end, so that nothing is written.
    Raises UserError where something is unknown or does not fit; then nothing is written.
    """
    check_known(Dataset, dataset)
    height, width, num_train = (Dataset & {"dataset_name": dataset}).fetch1("image_height", "image_width", "num_train")
    chosen = family or design.default_family or _family_for(design, num_train)
    if chosen not in design.families:
        raise UserError(
            f"experiment {design.name!r} has no family {chosen!r} of configurations; allowed is "
            f"{', '.join(design.families)}"
        )
    points = design.families[chosen]
    _check_sizes(points, height, width)

    def insert() -> Declared:
        before = _keys(TrainingTask.proj() & (TrainingSet.Member & {"dataset_name": dataset}))
        _insert_experiment(design)
        members = list(_members(points, dataset, list(dict.fromkeys(seeds)), num_draws))
        _check_distinct(design, members)
        _insert_members(design, chosen, members)
        in_silico = [] if num_draws else [(point.protocol, key) for _, point, key in members if point.protocol]
        _insert_in_silico(in_silico)
        trained = _keys(TrainedModel.proj() & (TrainingSet.Member & {"dataset_name": dataset}))
        trainings = [
            Training(key, point.named, _as_tuple(key) not in before, _as_tuple(key) in trained)
            for _, point, key in members
        ]
        return Declared(design.name, dataset, chosen, num_train, family is not None, trainings, len(in_silico))

    return all_or_nothing(insert, keep=not dry_run)


def _family_for(design: Design, num_train: int) -> str:
    if len(design.families) == 1:
        return next(iter(design.families))
    return PAPER if num_train >= MIN_IMAGES else SMALL


def _check_sizes(points: Sequence[Point], height: int, width: int) -> None:
    for point in points:
        for layer, size in enumerate(map_sizes(point.named.layers, height, width), start=1):
            if min(size) < 1:
                raise UserError(
                    f"{point.label!r}: layer {layer} of {point.named.config!r} leaves no pixel of images of {height} x "
                    f"{width}; use smaller filters or the padding SAME"
                )


def _insert_experiment(design: Design) -> None:
    _put(Experiment, {"experiment_name": design.name, "summary": design.summary, "axis": design.axis})
    points = next(iter(design.families.values()))  # the paper's, whose labels the references have
    positions = {(point.series, point.label): position for position, point in enumerate(points, start=1)}
    for reference in design.references:
        where = (reference.series, reference.label)
        position = positions.setdefault(where, len(positions) + 1)
        _put(Experiment.Published, {"experiment_name": design.name, "position": position, **asdict(reference)})


def _members(
    points: Sequence[Point], dataset: str, seeds: Sequence[int], num_draws: int | None
) -> Iterator[tuple[int, Point, dict[str, Any]]]:
    """Insert the trainings of each point; gives its position, the point and the key of each."""
    for position, point in enumerate(points, start=1):
        training_set = insert_part(dataset, point.part)
        for seed in seeds:
            check_task(training_set, point.named, seed)
            if num_draws is None:
                yield position, point, insert_task(training_set, point.named, seed)
                continue
            first = _search_seed(point)
            for key in insert_search(training_set, point.named, num_draws, first, seed):
                yield position, point, key


def _search_seed(point: Point) -> int:
    """As the original has it: of the model's own settings. So the paper's models get the paper's own draws."""
    without = sorted(point.named.weights.keys() - point.named.search_bounds.keys())
    if without:
        raise UserError(
            f"{point.label!r} cannot be searched: configuration {point.named.config!r} has no bounds of "
            f"{', '.join(without)}; add them"
        )
    return search_seed(model_hash(point.named))


def _check_distinct(design: Design, members: list[tuple[int, Point, dict[str, Any]]]) -> None:
    points: dict[tuple, Point] = {}
    for _, point, key in members:
        other = points.setdefault(_as_tuple(key), point)
        if (other.series, other.label) != (point.series, point.label):
            raise UserError(
                f"{other.label!r} and {point.label!r} of experiment {design.name!r} are one and the same training; "
                "leave one of them out"
            )


def _insert_members(design: Design, family: str, members: list[tuple[int, Point, dict[str, Any]]]) -> None:
    """All of them first, so that one that got another label is not in the way of the one that has its label now."""
    for position, point, key in members:
        shown = {"series": point.series, "label": point.label, "value": point.value, "position": position}
        _put(Experiment.Member, key | {"experiment_name": design.name, "family": family} | shown)
    # of each point once, whose draws and seeds differ in nothing that matters here
    for point, key in {(point.series, point.label): (point, key) for _, point, key in members}.values():
        place = {"experiment_name": design.name, "family": family, "series": point.series, "label": point.label}
        others = (Experiment.Member & place & {"training_set": key["training_set"]}).to_dicts()
        configs = {(row["config"], row["trainer"]) for row in others} - {(key["config"], key["trainer"])}
        for config, trainer in sorted(configs):
            raise UserError(
                f"{point.label!r} of experiment {design.name!r} is on {key['training_set']!r} already, as "
                f"configuration {config!r} with trainer {trainer!r}; give the new one another label"
            )


def _insert_in_silico(tasks: list[tuple[str, dict[str, Any]]]) -> None:
    for protocol, key in tasks:
        declare_protocol(key, protocol)


def _put(table: type[dj.Manual] | type[dj.Part], row: dict[str, Any]) -> None:
    """Insert a row, or bring up to date what is not part of its key."""
    key = {name: row[name] for name in table.primary_key}
    known = (table & key).to_dicts()
    if not known:
        table.insert1(row)
    elif any(known[0][name] != value for name, value in row.items()):
        table.update1(row)


def _keys(query: dj.expression.QueryExpression) -> set[tuple]:
    return {_as_tuple(row) for row in query.to_dicts()}


def _as_tuple(key: dict[str, Any]) -> tuple:
    return tuple(key[name] for name in TrainingTask.primary_key)
