"""The results: one row a trained model and recording, as a list of dictionaries, a table, CSV or JSON."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from typing import Any

from rich import box
from rich.table import Table

from pipeline.database.fetch import fetch_rows
from pipeline.database.read_only import rows_where
from pipeline.errors import UserError
from pipeline.per_recording import of_each_recording
from pipeline.visible import as_it_is
from schemas.architecture import ModelConfig
from schemas.dataset import TrainingSet
from schemas.training import TrainedModel

COLUMNS = [
    "id", "dataset_name", "training_set", "config", "core", "readout", "regularization", "trainer", "seed",
    "val_loss", "val_corr", "val_corr_median", "val_corr_lower", "val_corr_upper",
    "test_corr", "test_corr_median", "test_corr_lower", "test_corr_upper", "ceiling", "feve", "feve_median",
    "num_iterations", "device", "duration",
    "log_hash", "published_val_loss", "published_test_corr",
]  # fmt: skip
IMPORTED = ("log_hash", "published_val_loss", "published_test_corr")  # null of models that were trained here
HEADINGS = {
    "id": "id",
    "dataset_name": "recording",
    "config": "configuration",
    "seed": "seed",
    "val_loss": "val.\nloss",
    "test_corr": "test\ncorr.",
    "ceiling": "ceiling",
    "num_iterations": "steps",
    "duration": "time",
}


def query_results(dataset: str | None = None, where: str | list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """Trained models with their scores, best test correlation first; one row a model and recording.

    where: a condition of SQL on the columns of `TrainedModel`, `ModelConfig` and `TrainingSet.Member`, or keys. Of
    models of several recordings these are the scores over all of them, and the rows have those of one each.
    """
    query = TrainedModel.proj(..., "-weights") * ModelConfig * TrainingSet.Member.proj()
    columns = [name for name in COLUMNS if name in query.heading.secondary_attributes]
    if dataset is not None:
        query &= {"dataset_name": dataset}
    order = ["test_corr DESC", "training_set", "config", "seed"]
    if isinstance(where, str) and where:
        rows = rows_where(query, where, columns, order, example="test_corr > 0.3")
    else:
        rows = fetch_rows((query & (where or {})).proj(*columns), order)
    rows = sorted(of_each_recording(rows), key=lambda row: -row["test_corr"])  # which keeps the order of equal ones
    imported = {short_id(row): row for row in TrainedModel.Imported.to_dicts()}
    none = dict.fromkeys(IMPORTED)
    known = [{"id": short_id(row), **row} for row in rows]
    return [row | {name: imported.get(row["id"], none)[name] for name in IMPORTED} for row in known]


def find_model(key: str) -> dict[str, Any]:
    """The key of the one trained model that is meant: by its short id, or by a condition that leaves one."""
    found = [row for row in fetch_rows(TrainedModel.proj()) if short_id(row) == key]
    if not found and not re.fullmatch(r"[0-9a-f]{4,8}", key):  # an id, or what of it somebody copied
        found = list({row["id"]: row for row in query_results(where=key)}.values())
    if len(found) != 1:
        raise UserError(f"{key!r} leaves {len(found)} trained models; name one by its id in `hypercolumn results`")
    return {name: found[0][name] for name in TrainedModel.primary_key}


def short_id(row: dict[str, Any]) -> str:
    """Eight hexadecimal digits that tell a trained model, over names and values of its key."""
    key = {name: row[name] for name in TrainedModel.primary_key}
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:8]


def as_table(rows: list[dict[str, Any]], title: str | None = None) -> Table:
    """The rows as a table for the terminal."""
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=0)
    imported = any(row["log_hash"] for row in rows)
    headings = HEADINGS | ({"published_test_corr": "published"} if imported else {})
    if any(row["training_set"].partition("@")[0] != row["dataset_name"] for row in rows):  # some are of several
        headings = {"id": "id", "training_set": "training set", **headings}
    elif any(row["training_set"] != row["dataset_name"] for row in rows):  # some are parts of a recording
        headings = {"training_set" if name == "dataset_name" else name: title for name, title in headings.items()}
    cells = [[as_it_is(_cell(column, row[column])) for column in headings] for row in rows]
    for i, (column, heading) in enumerate(headings.items()):
        name = column in ("dataset_name", "training_set", "config")
        # Where there is little room names and headings are folded, and ids and numbers are not.
        width = None if name else max((len(line[i]) for line in cells), default=0)
        left = name or column == "id"
        table.add_column(heading, justify="left" if left else "right", min_width=width, overflow="fold")
    for line in cells:
        table.add_row(*line)
    return table


def as_csv(rows: list[dict[str, Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def as_json(rows: list[dict[str, Any]]) -> str:
    return json.dumps([{column: row[column] for column in COLUMNS} for row in rows], indent=2)


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if column == "duration":
        return f"{value:.0f} s"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
