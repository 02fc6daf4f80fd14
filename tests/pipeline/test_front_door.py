"""What `hypercolumn` alone says, and what a shell completes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import SECTIONS, cli
from pipeline.database.connection import is_configured

EMBEDDED = pytest.mark.skipif(is_configured(), reason="it is about the embedded server")
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
TOLD = re.search("^eval .*$", PAGE.read_text(), re.MULTILINE)[0]
COMPLETE = """
complete -p hypercolumn >/dev/null || exit 1
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_hypercolumn_completion hypercolumn "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(*words: str, **variables: str) -> list[str]:
    """What a real bash offers for the last of these words."""
    folder = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"} | variables
    command = ["bash", "--norc", "--noprofile", "-c", TOLD + COMPLETE, "bash", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert not done.stderr
    return done.stdout.split()


def test_every_command_is_in_one_section(command):
    commands = [one.name for section in SECTIONS.values() for one in section]
    assert sorted(commands) == sorted(cli.commands)
    out = command("--help").out
    assert all(out.count(f"\n  {name} ") == 1 for name in commands)
    assert [out.index(f"\n  {name} ") for name in commands] == sorted(out.index(f"\n  {name} ") for name in commands)
    assert "..." not in out.partition("\n\n")[2], "the first sentence of each command fits into its line"


@EMBEDDED
def test_on_a_new_machine(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYPERCOLUMN_HOME", str(tmp_path / "home"))
    code, out, err = command()
    assert (code, err) == (0, "")
    assert out.startswith("Nothing is here yet")
    steps = [line.split()[1] for line in out.splitlines() if line.startswith("  hypercolumn ")]
    assert steps == ["demo", "inspect", "ingest", "train"]
    assert not (tmp_path / "home").exists()


@EMBEDDED
def test_with_a_recording(command, monkeypatch, tmp_path, tiny):
    monkeypatch.chdir(tmp_path)
    said, first, *_ = command().out.splitlines()
    assert re.fullmatch(r"\d+ recordings?, \d+ trained models?.*; go on with:", said)
    assert first.startswith(("  hypercolumn train NAME ", "  hypercolumn worker "))


def test_with_a_configuration(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DJ_HOST", "192.0.2.1")  # which nobody asks
    assert command().out.startswith("On the server of DataJoint's configuration")


def test_a_shell_completes_commands_options_and_configurations():
    assert complete("hypercolumn", "re") == ["report", "results"]
    assert complete("hypercolumn", "train", "--co") == ["--config", "--core"]
    assert complete("hypercolumn", "train", "x", "--config", "paper-cnn-3") == ["paper-cnn-32"]


@EMBEDDED
def test_a_shell_completes_recordings(tiny, tmp_path):
    assert "tiny" in complete("hypercolumn", "train", "ti")
    assert "a+tiny" in complete("hypercolumn", "train", "a+ti")
    home = tmp_path / "home"
    assert complete("hypercolumn", "train", "ti", HYPERCOLUMN_HOME=str(home)) == []
    assert not home.exists()


@EMBEDDED
def test_a_shell_completes_no_configuration_that_is_refused(trained):
    assert trained["config"] == "quick"  # a configuration of the tables alone
    assert complete("hypercolumn", "train", "tiny", "--config", "qui") == []


def test_a_completion_imports_little(store):
    variables = {"_HYPERCOLUMN_COMPLETE": "bash_complete", "COMP_WORDS": "hypercolumn train ti", "COMP_CWORD": "2"}
    command = [sys.executable, "-X", "importtime", str(Path(sys.executable).with_name("hypercolumn"))]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True, timeout=60)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "pipeline.database.glance" in imported
    assert not imported & {"torch", "datajoint", "h5py", "matplotlib", "pandas"}
