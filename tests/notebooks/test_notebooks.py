"""Every notebook runs from top to bottom, as a user runs it, on small recordings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from pipeline.experiments import BUILT_IN, Point, declare
from pipeline.experiments.design import SMALL
from pipeline.named_config import NamedConfig
from schemas.experiment import Experiment
from schemas.training import TrainedModel, TrainingTask

EXPERIMENTS = {"fig2": "fig2", "fig3": "fig3", "table1": "table1", "transfer_control": "transfer"}  # by notebook
NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
STEPS = {"trainer": "notebooks", "batch_size": 7, "val_steps": 2, "max_iter": 4}


@pytest.fixture(scope="module")
def experiments(characterised) -> Iterator[str]:
    """The name of a recording with experiments that are trained, for a few steps."""
    for name in EXPERIMENTS.values():
        points = tuple(replace(point, named=_quick(point)) for point in BUILT_IN[name].families[SMALL])
        declare(replace(BUILT_IN[name], families={SMALL: points}), characterised["training_set"], family=SMALL)
    TrainedModel.populate(Experiment.Member.proj() & {"trainer": STEPS["trainer"]})
    yield characterised["training_set"]
    (Experiment & [{"experiment_name": name} for name in EXPERIMENTS.values()]).delete(prompt=False)
    (TrainingTask & {"trainer": STEPS["trainer"]}).delete(prompt=False)


def _quick(point: Point) -> NamedConfig:
    return point.named.derived(point.named.config, point.named.summary, trainer=STEPS)


@pytest.fixture
def parameters(request, path) -> dict[str, object]:
    """What is set after a notebook's cell of parameters, so that it takes seconds."""
    if path.stem == "first-look":
        request.getfixturevalue("trained")
        return {}
    if path.stem == "models":
        request.getfixturevalue("recorded_dataset")
        folder = next(iter(request.getfixturevalue("checkpoints").values())).parent
        return {
            "DATASET": "recorded", "CHECKPOINTS": str(folder), "FEATURES": [8, 16], "MAX_ITER": 2, "BATCH_SIZE": 16
        }  # fmt: skip
    return {"DATASET": request.getfixturevalue("experiments")}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the notebook machinery, not of the cells
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, parameters, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    assert bool(parameters) == bool(_parameter_cells(notebook))
    for at in _parameter_cells(notebook):
        names = {line.partition(" = ")[0] for line in notebook.cells[at].source.splitlines()}
        assert parameters.keys() <= names
        notebook.cells.insert(
            at + 1, new_code_cell("\n".join(f"{name} = {value!r}" for name, value in parameters.items()))
        )
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    shown = {kind for cell in notebook.cells for output in cell.get("outputs", []) for kind in output.get("data", {})}
    assert {"text/html", "image/png"} <= shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_output(path):
    assert not any(cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells)


def _parameter_cells(notebook) -> list[int]:
    return [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
