"""Progress on the terminal: of which job, how far it is, what is left, whole on a narrow one, too."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from models.training_state import Validation
from pipeline.work.progress import work_progress
from schemas.insilico import MEI
from schemas.training import TrainedModel

KEY = {"training_set": "mouse1", "config": "rotation-equivariant-shared-biases", "seed": 12}
VALIDATION = Validation(20, 0.002, 12345.678, 12346.678, 0.123, True, 20)


def shown(width: int, is_terminal: bool) -> str:
    """What stands on the console while a training and an experiment go on, words parted by single blanks."""
    console = Console(width=width, force_terminal=is_terminal, file=io.StringIO(), color_system=None)
    with work_progress(console):
        TrainedModel.on_validation(KEY, VALIDATION)
        MEI.on_progress("MEI", KEY, 3, 4)
    return " ".join(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", " ", console.file.getvalue()).split())


@pytest.mark.parametrize("width", [80, 200])
def test_nothing_is_cut_off_where_a_terminal_is_narrow(width):
    said = shown(width, True)
    assert "…" not in said
    assert "━" in said
    for words in ("mouse1,", "seed 12", "at least 0 s left", "step 20", "loss 12345.68", "correlation 0.123", "3 of 4"):
        assert words in said


def test_a_line_where_there_is_no_terminal():
    line = "validation loss 12346.68, correlation 0.123 | at least 0 s left"
    assert line in shown(80, False)
