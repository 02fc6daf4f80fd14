"""What the tests share: a database of their own, the command line, a tiny recording and models of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

import pipeline  # first of all: it quiets DataJoint's import
import schemas
import small_configurations
from declared_tables import declared_tables
from pipeline import cli, configs
from recorded_originals import recorded_recording, write_checkpoints

import datajoint as dj  # isort: skip

# A shell that runs the tests in the background has them ignore Ctrl-C, and so would what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

HYPERCOLUMN = str(Path(sys.executable).with_name("hypercolumn"))


class Done(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are processors: tests wait a third of their time for servers, disks and clocks."""
    return 3 * (os.cpu_count() or 1) // 2


@pytest.fixture(scope="session")
def store() -> Iterator[Path]:
    """The folder of the tables' files; the database that the tests run on is there while it is.

    That is an embedded server, or, where DataJoint is configured, schemas of a name of their own on its server.
    """
    from pipeline.database.connection import is_configured

    home = Path(tempfile.mkdtemp(prefix="hypercolumn-"))
    with pytest.MonkeyPatch.context() as patch:
        try:
            if is_configured():
                yield from _on_configured_server(home, patch)
            else:
                yield from _on_embedded_server(home, patch)
        finally:
            shutil.rmtree(home)


def _on_embedded_server(home: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    from pipeline.database.embedded import EmbeddedServer

    patch.setenv("HYPERCOLUMN_HOME", str(home))
    try:
        yield home / "store"
    finally:
        EmbeddedServer(home).stop()


def _on_configured_server(home: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    stores = {"default": "main", "main": {"protocol": "file", "location": str(home)}}
    patch.setenv("HYPERCOLUMN_PREFIX", f"hypercolumn_test_{uuid.uuid4().hex[:8]}_")
    patch.setenv("DJ_STORES", json.dumps(stores))  # for other processes
    patch.setitem(dj.config, "stores", stores)  # for this one
    try:
        yield home
    finally:
        pipeline.connect()  # which no test of this process may have done
        for module in reversed(schemas.modules()):
            module.schema.drop(prompt=False)


@pytest.fixture(scope="session")
def connection(store: Path):
    """DataJoint's connection, with all tables bound."""
    return pipeline.connect()


@pytest.fixture
def snapshot(connection, store: Path) -> Callable[[], dict]:
    """What is there now: number of rows of every table, and the files of the store."""
    tables = list(declared_tables())

    def take() -> dict:
        files = sorted(str(path.relative_to(store)) for path in store.rglob("*") if path.is_file())
        return {"files": files} | {table.__qualname__: len(table()) for table in tables}

    return take


@pytest.fixture
def command(monkeypatch, capsys) -> Callable[..., Done]:
    """Run `hypercolumn` with arguments in this process; what would be a traceback fails the test."""

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["hypercolumn", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        return Done(end.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture
def refused(command, snapshot) -> Callable[..., str]:
    """Run a command that must be refused in one line, and change nothing; gives the line."""

    def run(*arguments: object) -> str:
        before = snapshot()
        code, out, err = command(*arguments)
        assert (code, out) == (2, "")
        assert snapshot() == before
        assert len(err.splitlines()) == 1
        assert err.startswith("hypercolumn: ")
        return err.rstrip("\n")

    return run


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start `hypercolumn` as a process of its own, in an empty folder.

    quick: with the added configurations. before: words in front of the command. Others: environment variables,
    None to unset one.
    """
    processes = []

    def run(*arguments: object, quick: bool = False, before: tuple[str, ...] = (), **variables: str | None):
        environment = {name: value for name, value in (os.environ | variables).items() if value is not None}
        program = [sys.executable, "-P", small_configurations.__file__] if quick else [HYPERCOLUMN]
        folder = tmp_path / "work"
        folder.mkdir(exist_ok=True)
        processes.append(
            subprocess.Popen(
                [*before, *program, *map(str, arguments)],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def hypercolumn(start) -> Callable[..., Done]:
    """The same, run to its end."""

    def run(*arguments: object, **options) -> Done:
        process = start(*arguments, **options)
        out, err = process.communicate(timeout=120)
        return Done(process.returncode, out, err)

    return run


@pytest.fixture(scope="session")
def recording():
    from models.simulation import simulate_recording

    return simulate_recording(num_neurons=6, num_images=60, image_size=16)


@pytest.fixture(scope="session")
def recording_file(recording, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "tiny.h5"
    recording.write(path)
    return path


@pytest.fixture(scope="session")
def tiny(connection, recording_file) -> str:
    """The name of a recording in the database that no test changes."""
    from pipeline.datasets import add_recording
    from pipeline.readers import read

    add_recording("tiny", read(recording_file), recording_file)
    return "tiny"


@pytest.fixture
def quick(monkeypatch) -> None:
    """The added configurations, in this process."""
    for name, named in small_configurations.ADDED.items():
        monkeypatch.setitem(configs.CONFIGS, name, named)


@pytest.fixture
def trained(tiny, quick) -> dict:
    """The key of a trained model that no test changes; trained on first use."""
    from pipeline.tasks import declare_task
    from schemas.training import TrainedModel

    key = declare_task(tiny, "quick", 0)
    TrainedModel.populate(key)
    return key


@pytest.fixture(scope="session")
def characterised(connection, recording) -> dict:
    """The key of a model that went through all in-silico experiments, on a recording of its own.

    Next to nothing reaches its neuron 0, and neuron 1 has the weight of one feature in one orientation.
    """
    from pipeline import protocols
    from pipeline.datasets import add_recording
    from pipeline.tasks import declare_task
    from schemas.training import TrainedModel

    add_recording("characterised", recording)
    trained, key = (declare_task("characterised", small_configurations.QUICK_EQUIVARIANT, seed) for seed in (0, 1))
    TrainedModel.populate(trained)
    model = (TrainedModel & trained).load_model()
    with torch.no_grad():
        for tiny in (model.readout.masks, model.readout.feature_weights):  # as training leaves them
            tiny[0] *= 1e-10 / tiny[0].abs().max()
        model.readout.feature_weights[1] = torch.eye(16)[7]
    with connection.transaction:
        TrainedModel().insert_imported(key, model, None, {"log_hash": "0" * 32, "variables_sha256": "0" * 64})
        with pytest.MonkeyPatch.context() as patch:
            for table, settings in protocols.SETTINGS.items():
                tiny = settings["standard"] | small_configurations.SMALL_SETTINGS.get(table, {})
                patch.setitem(protocols.SETTINGS, table, settings | {"tiny": tiny})
            patch.setitem(protocols.PROTOCOLS, "tiny", dict.fromkeys(protocols.PROTOCOLS["full"], "tiny"))
            protocols.declare_protocol(key, "tiny")
    for computed in schemas.computed_tables():
        computed.populate(key)
    return key


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    """Checkpoint directories by log hash."""
    return write_checkpoints(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def recorded_dataset(connection):
    """The recording that the recorded checkpoints were trained on."""
    from pipeline.datasets import add_recording
    from schemas.dataset import Dataset, TrainingSet

    add_recording("recorded", recorded_recording())
    yield "recorded"
    (TrainingSet & {"training_set": "recorded"}).delete(prompt=False)
    (Dataset & {"dataset_name": "recorded"}).delete(prompt=False)
