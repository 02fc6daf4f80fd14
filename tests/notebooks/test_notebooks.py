"""Every notebook runs from top to bottom, as a user runs it, on small recordings."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture
def parameters(trained, recorded_dataset, checkpoints) -> dict[str, dict[str, object]]:
    """For each notebook what is set after its cell of parameters, so that it takes seconds."""
    folder = next(iter(checkpoints.values())).parent
    small = {"DATASET": "recorded", "CHECKPOINTS": str(folder), "FEATURES": [8, 16], "MAX_ITER": 2, "BATCH_SIZE": 16}
    return {"models": small}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the notebook machinery, not of the cells
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, parameters, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    given = parameters.get(path.stem, {})
    assert bool(given) == bool(_parameter_cells(notebook))
    for at in _parameter_cells(notebook):
        names = {line.partition(" = ")[0] for line in notebook.cells[at].source.splitlines()}
        assert given.keys() <= names
        notebook.cells.insert(at + 1, new_code_cell("\n".join(f"{name} = {value!r}" for name, value in given.items())))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    shown = {kind for cell in notebook.cells for output in cell.get("outputs", []) for kind in output.get("data", {})}
    assert {"text/html", "image/png"} <= shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_output(path):
    assert not any(cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells)


def _parameter_cells(notebook) -> list[int]:
    return [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
