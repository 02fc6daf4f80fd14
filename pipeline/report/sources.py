"""Where the numbers of a report came from: every row that is cited stands in a table at its end."""

from __future__ import annotations

import datajoint as dj

from pipeline.figures.rows import Row, key_of, task_of
from pipeline.figures.tables import Cell, Link, Table
from pipeline.figures.words import NONE
from schemas.dataset import TrainingSet
from schemas.training import TrainedModel

COLUMNS = ("device", "device_name", "versions", "git_commit", "git_dirty", "started")
COMMIT_LENGTH = 12


class Sources:
    """Collects the rows that are cited, by their keys."""

    def __init__(self) -> None:
        self._models: dict[str, Row] = {}
        self._computed: dict[str, tuple[type[dj.Computed], Row, int]] = {}

    def model(self, row: Row) -> Link:
        """Cite a trained model; `row` holds its key and its short id."""
        self._models[row["id"]] = key_of(TrainedModel, row)
        return Link(row["id"], f"model-{row['id']}")

    def computed(self, table: type[dj.Computed], found: Row) -> list[Link]:
        """Cite a row of a table below `TrainedModel`, and its model; `found` holds the key as `key` and the id."""
        key = key_of(table, found["key"])
        model = self.model({"id": found["id"], **key})
        settings = [str(value) for name, value in key.items() if name not in TrainedModel.primary_key]
        name = " ".join([found["id"], table.__name__, *settings])
        _, _, number = self._computed.setdefault(name, (table, key, len(self._computed) + 1))
        return [model, Link(name, f"row-{number}")]

    def tables(self) -> list[Table]:
        """What was cited, with its provenance; nothing where nothing was."""
        environments: dict[tuple[str, str, str], str] = {}
        tables = []
        if self._models:
            tables.append(self._model_table(environments))
        if self._computed:
            tables.append(self._computed_table(environments))
        if environments:
            rows = [[name, *where] for where, name in environments.items()]
            anchors = [_anchor(name) for name in environments.values()]
            headings = ["environment", "device", "versions", "commit"]
            tables.append(Table("Environments: by what the rows were made", headings, rows, row_anchors=anchors))
        return tables

    def _model_table(self, environments: dict[tuple[str, str, str], str]) -> Table:
        query = TrainedModel.proj(*COLUMNS) * TrainingSet.Member.proj() & list(self._models.values())
        by_task = {task_of(row): row for row in query.to_dicts()}
        imported = {task_of(row): row["log_hash"] for row in TrainedModel.Imported.to_dicts()}
        rows: list[list[Cell]] = []
        for short, key in self._models.items():
            row = by_task[task_of(key)]
            log_hash = imported.get(task_of(key))
            origin = f"imported, {log_hash}" if log_hash else "trained here"
            names = [short, row["dataset_name"], row["training_set"], row["config"], str(row["seed"]), origin]
            rows.append([*names, *_made(row, environments)])
        headings = ["id", "recording", "training set", "configuration", "seed", "origin", "environment", "date"]
        anchors = [f"model-{short}" for short in self._models]
        return Table("Trained models", headings, rows, {"seed"}, row_anchors=anchors)

    def _computed_table(self, environments: dict[tuple[str, str, str], str]) -> Table:
        rows: list[list[Cell]] = []
        for name, (table, key, _) in self._computed.items():
            rows.append([name, *_made((table & key).proj(*COLUMNS).fetch1(), environments)])
        headings = ["model, table and settings", "environment", "date"]
        anchors = [f"row-{number}" for _, _, number in self._computed.values()]
        return Table("In-silico experiments and clusterings", headings, rows, row_anchors=anchors)


def _made(row: Row, environments: dict[tuple[str, str, str], str]) -> list[Cell]:
    """By what and when a row was made; what is new is added to the environments."""
    device = row["device"] if row["device_name"] in (None, "") else f"{row['device']} ({row['device_name']})"
    versions = ", ".join(f"{name} {version}" for name, version in sorted(row["versions"].items()))
    commit = (row["git_commit"] or NONE)[:COMMIT_LENGTH] + (" with changes" if row["git_dirty"] else "")
    name = environments.setdefault((device, versions, commit), str(len(environments) + 1))
    return [Link(name, _anchor(name)), f"{row['started']:%Y-%m-%d %H:%M} UTC"]


def _anchor(environment: str) -> str:
    return f"environment-{environment}"
