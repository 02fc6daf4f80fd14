"""What the command line says without a database: help, version, configurations."""

from __future__ import annotations

import re

import pytest

from pipeline import configs
from pipeline.cli import cli


def test_configs_lists_all(command):
    code, out, err = command("configs")
    assert (code, err) == (0, "")
    for name, named in configs.CONFIGS.items():
        assert name in out
        assert named.trainer["trainer"] in out


def _commands() -> list[list[str]]:
    names = []
    for name, command in cli.commands.items():
        names.append([name])
        names += [[name, below] for below in getattr(command, "commands", {})]
    return [[], *names]


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(command, words, option):
    code, out, err = command(*words, option)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: ")
    assert "Show this message and exit." in out
    assert not re.search(r"--\w+ TEXT", out), "what an option takes has a name"
    assert not re.search(r"\w\.\.\.$", out, re.MULTILINE), "no line is cut off"


def test_help_and_version_connect_to_nothing(hypercolumn, tmp_path):
    home = tmp_path / "home"
    for arguments in (["--help"], ["train", "--help"], ["--version"], ["configs"]):
        code, out, err = hypercolumn(*arguments, HYPERCOLUMN_HOME=str(home), DJ_HOST=None)
        assert (code, err) == (0, "")
        assert out
    assert not home.exists()
