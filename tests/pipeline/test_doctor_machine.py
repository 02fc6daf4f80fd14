"""What `hypercolumn doctor` says of the machine, its disks and its scheduler's commands."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable

import psutil
import pytest

from pipeline.doctor import machine
from pipeline.doctor.finding import FAULT, OK, WARNING, Finding
from programs import missing


@pytest.mark.skipif(shutil.which("taskset") is None or psutil.cpu_count() == 1, reason="needs processors, and taskset")
def test_more_threads_than_processors(hypercolumn):
    one_processor = ("taskset", "--cpu-list", str(min(psutil.Process().cpu_affinity())))
    done = hypercolumn("doctor", "--json", before=one_processor, OMP_NUM_THREADS="2", HYPERCOLUMN_HOME="/nowhere")
    (one,) = (one for one in json.loads(done.out)["findings"] if one["what"] == "processor")
    assert (one["state"], one["advice"]) == (WARNING, "set OMP_NUM_THREADS to fewer")
    assert one["found"].endswith(", threads: 2, processors: 1")


def test_little_memory(monkeypatch):
    assert next(machine.check()).what == "memory"
    monkeypatch.setattr(machine, "LITTLE_MEMORY", 1 << 60)
    one = next(machine.check())
    assert (one.state, one.advice) == (WARNING, "end other programs, or work on a machine with more")


def test_little_room(monkeypatch, tmp_path):
    folder = tmp_path / "not" / "there" / "yet"
    assert machine.room("store", folder, "free some", least=1 << 60).state == FAULT
    monkeypatch.setattr(machine, "LITTLE_ROOM", 1)
    one = machine.room("store", folder, "free some")
    assert (one.state, one.advice) == (OK, "")
    assert one.found.endswith(f" GB free on the disk of {folder}")
    monkeypatch.setattr(machine, "LITTLE_ROOM", 1 << 60)
    assert machine.room("store", folder, "free some") == Finding("store", WARNING, one.found, "free some")


@pytest.fixture
def mounting(tmp_path) -> Callable[[str], list[str]]:
    """Run a program that may `mount(...)` at the folder `there`, for itself alone; gives the words that it prints."""
    own = ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs mounts of its own")
    before = "def mount(*given): subprocess.run(['mount', *given, there], check=True)"
    head = f"import subprocess; there = {str(tmp_path)!r}\n{before}\n"

    def run(program: str) -> list[str]:
        command = [*own, sys.executable, "-c", head + program]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()

    return run


HOME = """
from pipeline.database.embedded import EmbeddedServer
from pipeline.doctor import server
server.OF_A_NETWORK = ("ramfs",)
for kind in ("tmpfs", "ramfs"):
    mount("-t", kind, "made-up")
    print(server._home(EmbeddedServer(there + "/home")).state)
"""
STORE = """
from pipeline.doctor import store
mount("-t", "tmpfs", "made-up")
for change in ("remount,rw", "remount,ro"):
    mount("-o", change)
    print(*(one.state for one in store.check({"protocol": "file", "location": there})))
"""


def test_a_disk_that_lies_over_another(mounting):
    """As that of a network does where it is mounted when it is needed; two in memory stand in for them."""
    assert mounting(HOME) == [OK, WARNING]


def test_a_store_that_can_only_be_read(mounting):
    assert mounting(STORE) == [OK, WARNING]


@pytest.fixture
def slurm(monkeypatch, tmp_path) -> Callable[..., Finding]:
    """What is said where only some of Slurm's commands are there, and its configuration is elsewhere."""

    def run(*commands: str) -> Finding:
        folder = tmp_path / "bin"
        folder.mkdir()
        for command in commands:
            there = shutil.which(command) or missing(f"no {command}: apt install slurm-client")
            (folder / command).symlink_to(there)
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
        (one,) = machine.check_scheduler()
        return one

    return run


def test_without_slurm(slurm):
    assert slurm() == Finding("Slurm", OK, "not here; only `hypercolumn submit` needs it")


def test_some_of_slurm(slurm):
    advice = "install Slurm's client commands, or mend PATH"
    assert slurm("sinfo") == Finding("Slurm", WARNING, "sbatch, squeue missing", advice)


def test_slurm_without_its_configuration(slurm, monkeypatch):
    """Its commands wait a minute for the file."""
    monkeypatch.setattr(machine, "PATIENCE", 2)
    advice = "set SLURM_CONF, or submit elsewhere"
    assert slurm(*machine.SLURM) == Finding("Slurm", WARNING, "its commands fail (no answer in 2 s)", advice)
