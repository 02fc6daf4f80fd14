"""`hypercolumn declare`: what it says of a built-in experiment, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.cli import cli
from pipeline.experiments import BUILT_IN


def test_what_it_says(command, tiny, tidy):
    code, out, err = command("declare", "table1", "--dataset", tiny, "--seed", 5, "--seed", 6)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == (
        "table1 on tiny, family small (60 training images, fewer than 2560; --family paper takes the other "
        "configurations)"
    )
    assert lines[1] == "14 trainings: 14 new, 0 declared before; 0 trained"
    assert lines[2] == "in-silico experiments on 6 of the models"
    assert lines[-1] == "Next: hypercolumn worker --once && hypercolumn report"
    again = command("declare", "table1", "--dataset", tiny, "--seed", 5, "--family", "small").out.splitlines()
    assert again[0] == "table1 on tiny, family small"
    assert again[1] == "7 trainings: 0 new, 7 declared before; 0 trained"


def test_dry_run(command, tiny, snapshot):
    before = snapshot()
    code, out, err = command("declare", "fig2", "--dataset", tiny, "--search", 32, "--dry-run")
    assert (code, err) == (0, "")
    assert "288 trainings: 288 would be new, 0 declared before; 0 trained\n" in out
    assert out.endswith("nothing was written; the same without --dry-run declares it\n")
    assert snapshot() == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["fig9", "--dataset", "tiny"], "experiment 'fig9' is unknown; allowed are table1, fig2, fig3, transfer,"),
        (["table1", "--dataset", "nobody"], "there is no recording 'nobody' (there are: "),
        (["table1", "--dataset", "it's"], 'there is no recording "it\'s"'),
        (["table1", "--dataset", "tiny", "--family", "paper"], "'tiny' has 60 training images, fewer than one batch"),
        (["fig3", "--dataset", "tiny"], "'tiny@125' has 8 training images, fewer than one batch of 'rotation-equivar"),
        (["halves", "--dataset", "tiny"], "'tiny@half-1' has 30 training images, fewer than one batch of"),
        (["fig3", "--dataset", "tiny", "--dry-run"], "'tiny@125' has 8 training images"),
        (["table1", "--dataset", "tiny", "--family", "large"], "'large' is not one of 'paper', 'small'"),
        (["table1", "--dataset", "tiny", "--seed", -1], "-1 is not in the range"),
        (["table1", "--dataset", "tiny", "--search", 0], "0 is not in the range"),
        (["table1"], "missing option '--dataset'"),
        (["none.yaml", "--dataset", "tiny"], "none.yaml: No such file or directory"),
        (["a.yaml", "--dataset", "tiny", "--family", "small"], "a.yaml: names its configurations itself"),
    ],
)
def test_refused(refused, tiny, arguments, expected):
    assert expected in refused("declare", *arguments)


def test_help_names_every_experiment():
    assert all(name in cli.commands["declare"].help for name in BUILT_IN)


def test_the_page_about_a_configuration_of_ones_own(tiny):
    from schemas.architecture import ModelConfig
    from schemas.training import TrainingTask

    page = Path(__file__).parents[2] / "docs" / "background" / "configurations.md"
    code = re.search(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)[1]
    before = len(TrainingTask())
    exec(code.replace('"mouse1"', f'"{tiny}"'), {})  # the page's own lines
    assert len(TrainingTask()) == before + 17
    (ModelConfig & {"config": "mine"}).delete(prompt=False)
    assert len(TrainingTask()) == before
