"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

import click

from pipeline.cli import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_commands_and_their_options():
    for words in re.findall(r"^hypercolumn (.*)", README, re.MULTILINE):
        name, *rest = words.partition("#")[0].split()
        command = cli.commands[name]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known
        assert isinstance(command, click.Command)


def test_queries(trained):
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    code = code.replace(
        '"config": "cnn", "training_set": "demo"', f'"config": "quick", "training_set": "{trained["training_set"]}"'
    )
    names: dict = {}
    exec(code, names)  # the README's own lines, on the recording that is there
    assert names["model"](names["model"].core.layers[0].kernel.weights.new_zeros(1, 1, 16, 16)).shape == (1, 6)


def test_a_configuration_of_ones_own(tiny):
    # Not above, where a diagram of DataJoint would find these names and take them for the tables'.
    from schemas.architecture import ModelConfig
    from schemas.training import TrainingTask

    text = (ROOT / "docs" / "background" / "configurations.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1].replace('"mouse1"', f'"{tiny}"')
    before = len(TrainingTask())
    exec(code, {})  # the page's own lines
    assert len(TrainingTask()) == before + 17
    (ModelConfig & {"config": "mine"}).delete(prompt=False)
    assert len(TrainingTask()) == before


def test_in_silico_queries(characterised):
    text = (ROOT / "docs" / "how-to" / "insilico.md").read_text(encoding="utf-8")
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], {})  # the page's own lines
