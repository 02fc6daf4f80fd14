"""Results from the command line: every format, conditions, none."""

from __future__ import annotations

import csv
import io
import json

import pytest
from rich.console import Console

from pipeline import results
from pipeline.tasks import declare_task
from schemas.architecture import ModelConfig
from schemas.dataset import TrainingSet
from schemas.training import TrainedModel, TrainingTask


def test_results_agree_with_the_tables_in_every_format(command, trained, tiny):
    others = [declare_task(tiny, "quick-equivariant", seed) for seed in (50, 51)]
    TrainedModel.populate(others)
    join = TrainedModel.proj(..., "-weights") * ModelConfig * TrainingSet.Member.proj() & {"dataset_name": tiny}
    expected = join.to_dicts(order_by="test_corr DESC")
    assert len(expected) == 3
    rows = json.loads(command("results", "--dataset", tiny, "--format", "json").out)
    names = {"dataset_name", "config", "core", "readout", "seed", "val_loss", "test_corr", "num_iterations"}
    assert all(names <= row.keys() for row in rows)
    for row, stored in zip(rows, expected, strict=True):
        expected_row = {"id": results.short_id(stored)} | stored | dict.fromkeys(results.IMPORTED)
        assert row == {name: expected_row[name] for name in row}

    lines = list(csv.DictReader(io.StringIO(command("results", "--dataset", tiny, "--format", "csv").out)))
    text = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    assert text == lines

    table = command("results", "--dataset", tiny).out
    for row in rows:
        line = next(line for line in table.splitlines() if row["id"] in line)
        assert line.split()[:4] == [row["id"], tiny, row["config"], str(row["seed"])]
        assert f"{row['test_corr']:.3f}" in line.split()
    (TrainingTask & others).delete(prompt=False)


@pytest.mark.parametrize("length", [1, 64])
@pytest.mark.parametrize("width", [80, 120])
def test_names_leave_room_for_the_numbers(trained, tiny, width, length):
    (row,) = results.query_results(tiny)
    console = Console(width=width, record=True, file=io.StringIO())
    named = row | dict.fromkeys(("dataset_name", "training_set", "config"), "n" * length)
    console.print(results.as_table([named] * 2))
    lines = [line.split() for line in console.export_text().splitlines() if row["id"] in line]
    numbers = [f"{row[name]:.3f}" if row[name] is not None else "-" for name in ("val_loss", "test_corr", "ceiling")]
    assert [line[4:7] for line in lines] == [numbers] * 2


def test_a_table_without_rows_has_its_headings():
    assert [column.header for column in results.as_table([]).columns] == list(results.HEADINGS.values())


def test_results_of_another_process(hypercolumn, trained, tiny):
    found = json.loads(hypercolumn("results", "--format", "json", "--where", "config = 'quick'").out)
    rows = results.query_results(where="config = 'quick'")
    assert [row["test_corr"] for row in found] == [row["test_corr"] for row in rows]


def test_results_that_fit_a_condition(command, trained):
    def count(*arguments: str) -> int:
        return len(json.loads(command("results", "--format", "json", *arguments).out))

    everything = count()
    assert count("--where", "seed = 0 AND config = 'quick'") == 1
    assert count("--where", "test_corr > 1") == 0
    assert count("--where", "test_corr <= 1") == everything
    assert count("--where", "config LIKE 'qu%'") == everything


def test_no_results(command, connection):
    none = ("--where", "test_corr > 1")
    said = "no trained model fits; `hypercolumn train NAME` trains one\n"
    assert command("results", *none) == (0, said, "")
    assert json.loads(command("results", *none, "--format", "json").out) == []
    heading = command("results", *none, "--format", "csv").out
    assert heading == ",".join(results.COLUMNS) + "\n"


@pytest.mark.parametrize("name", ["nobody", "it's 100%"])
@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_a_recording_that_is_not_there_is_refused(refused, trained, output, name):
    assert f"there is no recording {name!r} (there are: " in refused("results", "--dataset", name, "--format", output)


@pytest.mark.parametrize(
    "where",
    [
        "colour = 3",
        "test_corr >",
        "'",
        "test_corr > 0; DROP TABLE x",
        "1 = 1) OR (",
        "100%",
        "seed = 'a",
        "%s",
        "4c96",
        "",
    ],
)
def test_bad_conditions(command, snapshot, trained, where):
    before = snapshot()
    code, out, err = command("results", "--where", where)
    if where == "":
        assert code == 0
    else:
        assert (code, out) == (2, "")
        assert len(err.splitlines()) == 1
        assert err.startswith(f"hypercolumn: {where!r} is not a condition on the results (")
        assert "\\n" not in err  # of the server's answer the line that says what is wrong
        assert "', '" not in err
    assert snapshot() == before


@pytest.mark.parametrize("arguments", [["--format", "xml"], ["--dataset"], ["unknown"]])
def test_results_usage(refused, arguments):
    assert arguments[-1] in refused("results", *arguments)


def test_a_failing_query_leaves_the_connection_usable(command, trained):
    assert command("results", "--where", "colour = 3").code == 2
    assert command("results", "--where", "seed = 0").code == 0
