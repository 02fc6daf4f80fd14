"""Workers whose server is killed: they wait until it is back and go on, or end when they are interrupted meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import pytest

from embedded_processes import postmaster, python
from own_servers import MARIADB, Embedded, MariaDB
from pipeline.database.embedded import EmbeddedServer
from programs import missing

WITHOUT = dict.fromkeys([name for name in os.environ if name.startswith("DJ_")] + ["HYPERCOLUMN_PREFIX"])
WAITS = "trying again"
INTERRUPTED = "hypercolumn: interrupted; what was finished is kept"
DECLARE = """if True:
    import sys
    import pipeline
    from small_configurations import ADDED
    from models.simulation import simulate_recording
    from pipeline.datasets import add_recording
    from pipeline.tasks import declare_task

    pipeline.connect()
    add_recording("tiny", simulate_recording(num_neurons=6, num_images=60, image_size=16))
    declare_task("tiny", ADDED[sys.argv[1]], int(sys.argv[2]))
"""
# `hypercolumn` that kills the server when it first gets to a function
KILLED_AT = """if True:
    import pkgutil, sys, psutil
    from contextlib import suppress
    from embedded_processes import alive
    from small_configurations import ADDED, cli, configs

    def kill_at(module, name, server):
        owner = pkgutil.resolve_name(module)
        function = getattr(owner, name)

        to_kill = [server]

        def killing(*given, **named):
            processes = [process for one in to_kill for process in (one, *one.children(recursive=True))]
            to_kill.clear()
            for process in processes:
                with suppress(psutil.NoSuchProcess):  # it has ended by itself since
                    process.kill()
            while any(map(alive, processes)):
                pass
            return function(*given, **named)

        setattr(owner, name, killing)

    configs.CONFIGS.update(ADDED)
    kill_at(*sys.argv[1:3], psutil.Process(int(sys.argv[3])))
    sys.argv = ["hypercolumn", "worker", "--device", "cpu", *sys.argv[4:]]
    cli.main()
"""


class Configured(Embedded):
    """The PostgreSQL of a home as a lab's own, which no worker starts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        server = EmbeddedServer(self.home)
        server.start()
        self.variables = {
            "DJ_HOST": str(server.socket_directory),
            "DJ_PORT": str(server.port),
            "DJ_BACKEND": "postgresql",
            "DJ_DATABASE_NAME": server.database,
            "DJ_USER": server.user,
            "DJ_PASS": "none",
            "DJ_STORES": f'{{"default": "main", "main": {{"protocol": "file", "location": "{folder}"}}}}',
        }

    def start(self) -> None:
        EmbeddedServer(self.home).start()


SERVERS = {"embedded": Embedded, "postgresql": Configured, "mariadb": MariaDB}
CONFIGURED = ["postgresql", "mariadb"]
SEEDS = count()


@pytest.fixture(scope="module")
def server(request) -> Iterator[Embedded | MariaDB]:
    """A server of its own."""
    if request.param == "mariadb" and shutil.which("mariadbd", path=MARIADB) is None:
        missing("MariaDB is not installed")
    folder = Path(tempfile.mkdtemp(prefix="hypercolumn-"))  # MariaDB, as another user, could not get into pytest's
    own = SERVERS[request.param](folder)
    try:
        yield own
    finally:
        own.stop()
        shutil.rmtree(folder)


@pytest.fixture
def task(server):
    """Declares a task of a configuration."""

    def declare(config: str) -> None:
        server.start()
        declared = python(DECLARE, config, seed := next(SEEDS), env=environment(server))
        said = declared.communicate(timeout=120)
        assert declared.returncode == 0, (said, seed)

    return declare


def environment(server: Embedded | MariaDB) -> dict[str, str]:
    """In which `hypercolumn` finds this server."""
    path = os.pathsep.join(filter(None, sys.path))
    return (
        {name: value for name, value in os.environ.items() if name not in WITHOUT}
        | server.variables
        | {"PYTHONPATH": path}
    )


def process_of(server: Embedded | MariaDB) -> int:
    return server.process.pid if isinstance(server, MariaDB) else postmaster(EmbeddedServer(server.home)).pid


def wait_for(words: str, lines: Iterable[str]) -> None:
    """Read until these words are said."""
    said: list[str] = []
    for line in lines:
        said.append(line)
        if words in line:
            return
    raise AssertionError("".join(said))


def end(process: subprocess.Popen, number: signal.Signals) -> tuple[int, str]:
    """Interrupt it; gives its exit code and the last line of what it said."""
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err.splitlines()[-1]


@pytest.mark.parametrize("server", CONFIGURED, indirect=True)
def test_who_starts_without_a_server_waits_for_it(server, task, start):
    task("quick")
    server.kill()
    worker = start("worker", "--device", "cpu", quick=True, **WITHOUT | server.variables)
    wait_for(WAITS, worker.stderr)
    server.start()
    out, err = worker.communicate(timeout=120)
    assert worker.returncode == 0, err
    assert out.endswith("1 done, 0 failed, nothing left\n")


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("datajoint.schemas:_Schema", "_decorate_table"),
        ("pipeline.work.queue", "retry"),
        ("pipeline.work.lease", "process_space"),
        ("schemas.training:TrainedModel", "make_insert"),
        ("pipeline.work.status", "counts_left"),
    ],
)
@pytest.mark.parametrize("server", CONFIGURED, indirect=True)
def test_a_worker_outlives_its_server(server, task, module, function):
    task("quick")
    options = ["--dataset", "tiny", *(["--retry"] if function == "retry" else [])]
    with python(KILLED_AT, module, function, process_of(server), *options, env=environment(server)) as worker:
        try:
            wait_for(WAITS, worker.stderr)
            server.start()
            out, err = worker.communicate(timeout=120)
        finally:
            worker.kill()
    assert worker.returncode == 0, err
    assert out.endswith("1 done, 0 failed, nothing left\n")


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
def test_a_worker_says_why_a_server_does_not_answer(server, task, start):
    task("quick")
    worker = start("worker", "--poll", 0.1, "--device", "cpu", quick=True, **WITHOUT | server.variables)
    wait_for("| step ", worker.stdout)
    server.administer("ALTER USER 'hypercolumn'@'127.0.0.1' ACCOUNT LOCK")
    try:
        server.kill()
        server.start()
        wait_for("account is locked", worker.stderr)
        assert end(worker, signal.SIGTERM) == (130, INTERRUPTED)
    finally:
        server.administer("ALTER USER 'hypercolumn'@'127.0.0.1' ACCOUNT UNLOCK")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("server", CONFIGURED, indirect=True)
def test_who_waits_for_a_server_can_be_interrupted(server, task, start, number):
    task("quick")
    worker = start("worker", "--poll", 0.1, "--device", "cpu", quick=True, **WITHOUT | server.variables)
    wait_for("| step ", worker.stdout)
    server.kill()
    wait_for(WAITS, worker.stderr)
    assert end(worker, number) == (130, INTERRUPTED)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_who_trains_without_a_server_can_be_interrupted(server, task, start, number):
    task("endless")
    worker = start("worker", "--device", "cpu", quick=True, **WITHOUT | server.variables)
    wait_for("| step ", worker.stdout)
    server.kill()
    assert end(worker, number) == (130, INTERRUPTED)
