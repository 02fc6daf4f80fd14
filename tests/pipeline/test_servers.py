"""The server behind the tables: none that answers, one that is configured wrongly, no room; and `hypercolumn db`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import small_configurations
from pipeline.embedded import EmbeddedServer

ROOT = os.geteuid() == 0
UNCONFIGURED = dict.fromkeys(
    ("DJ_HOST", "DJ_PORT", "DJ_USER", "DJ_PASS", "DJ_BACKEND", "DJ_STORES", "HYPERCOLUMN_PREFIX")
)
STORES = {"default": "main", "main": {"protocol": "file", "location": "store"}}


@pytest.fixture
def home():
    """A home for an embedded server of the test's own; the server is stopped and removed in the end."""
    home = Path(tempfile.mkdtemp(prefix="hypercolumn-"))
    yield home
    EmbeddedServer(home).stop()
    shutil.rmtree(home)


@pytest.fixture
def one_line(hypercolumn):
    """Run a command that must end with exit code 2 and one line; gives the line."""

    def run(*arguments: object, **variables: str | None) -> str:
        code, out, err = hypercolumn(*arguments, **variables)
        assert (code, out) == (2, "")
        assert len(err.splitlines()) == 1
        assert err.startswith("hypercolumn: ")
        return err.rstrip("\n")

    return run


@pytest.fixture
def configuration(tmp_path):
    """Write the `datajoint.json` of the folder in which commands run."""

    def write(content: object) -> Path:
        path = tmp_path / "work" / "datajoint.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_a_server_that_does_not_answer(one_line, backend):
    server = {"DJ_HOST": "127.0.0.1", "DJ_PORT": "1", "DJ_USER": "me", "DJ_PASS": "secret", "DJ_BACKEND": backend}
    line = one_line("status", **UNCONFIGURED | server | {"DJ_STORES": json.dumps(STORES)})
    assert line.startswith("hypercolumn: the database server 127.0.0.1:1 cannot be used (")
    assert line.endswith("start it, or check database.host, port, user and password in DataJoint's configuration")
    assert "secret" not in line


@pytest.mark.parametrize(
    ("without", "said"),
    [("DJ_USER", "user not configured"), ("DJ_PASS", "password not configured")],
)
def test_a_server_without_user_or_password(one_line, without, said):
    server = {"DJ_HOST": "127.0.0.1", "DJ_PORT": "1", "DJ_USER": "me", "DJ_PASS": "secret", "DJ_BACKEND": "mysql"}
    line = one_line("status", **UNCONFIGURED | server | {"DJ_STORES": json.dumps(STORES), without: None})
    assert said in line


def test_a_wrong_password(one_line, store, home):
    # Of the server that the tests run on, where it has passwords; otherwise another user of the embedded one.
    if "DJ_HOST" in os.environ:
        line = one_line("status", DJ_PASS="wrong")
        assert "Access denied for user" in line
        return
    server = EmbeddedServer(home)
    server.start()
    other = {"DJ_HOST": str(server.socket_directory), "DJ_PORT": str(server.port), "DJ_USER": "postgres"}
    stores = json.dumps(STORES)
    line = one_line("status", **other, DJ_PASS="wrong", DJ_BACKEND="postgresql", DJ_STORES=stores)
    assert "authentication failed" in line


@pytest.mark.parametrize("stores", [{}, {"main": {}}])
def test_a_configuration_without_a_store(one_line, configuration, stores):
    configuration({"database.host": "127.0.0.1", "database.port": 1, "stores": stores})
    line = one_line("status", **UNCONFIGURED)
    assert "has no usable store 'main' (" in line
    assert line.endswith("add stores.main.protocol and stores.main.location to datajoint.json")


@pytest.mark.parametrize(
    "content",
    ["", '{"database.host": ', "[1]", {"database.port": "many"}, {"database.password": ["secret"]}],
)
def test_a_malformed_configuration(one_line, configuration, content):
    path = configuration(content)
    line = one_line("status", **UNCONFIGURED)
    assert line.startswith(f"hypercolumn: {path}: is not a configuration that DataJoint can read (")
    assert line.endswith("; mend it")
    assert "secret" not in line


@pytest.mark.parametrize(("name", "value"), [("DJ_PORT", "many"), ("DJ_STORES", "{")])
def test_malformed_variables(one_line, name, value):
    line = one_line("status", **UNCONFIGURED | {"DJ_HOST": "127.0.0.1", name: value})
    assert line.startswith("hypercolumn: DataJoint's configuration in the environment cannot be used (")
    assert line.endswith("); check the DJ_* variables")


def test_a_home_that_cannot_be_made(one_line, tmp_path):
    (tmp_path / "file").write_text("")
    line = one_line("status", **UNCONFIGURED, HYPERCOLUMN_HOME=str(tmp_path / "file" / "home"))
    assert "the embedded database cannot use " in line
    assert "set HYPERCOLUMN_HOME to another folder" in line


def test_db(hypercolumn, home):
    def db(command: str) -> str:
        code, out, err = hypercolumn("db", command, **UNCONFIGURED, HYPERCOLUMN_HOME=str(home))
        assert (code, err) == (0, "")
        return out

    assert db("status") == f"not running; data in {home}\n"
    assert db("stop") == "was not running\n"
    assert db("start") == "started\n"
    assert db("start") == "was running already\n"
    assert db("status") == f"running; data in {home}\n"
    assert db("url") == f"{EmbeddedServer(home).url}\n"
    assert EmbeddedServer(home).is_running()
    assert db("stop") == "stopped\n"
    assert not EmbeddedServer(home).is_running()


@pytest.mark.parametrize("command", ["start", "stop", "status", "url"])
def test_db_is_about_the_embedded_server_only(one_line, command):
    line = one_line("db", command, **UNCONFIGURED | {"DJ_HOST": "127.0.0.1"})
    assert "DataJoint is configured for a server of your own" in line


def test_rows_outlive_the_server(hypercolumn, home, recording_file):
    where = UNCONFIGURED | {"HYPERCOLUMN_HOME": str(home)}
    assert hypercolumn("ingest", "kept", recording_file, **where).code == 0
    assert hypercolumn("db", "stop", **where).out == "stopped\n"
    again = hypercolumn("ingest", "kept", recording_file, **where)
    assert again.out.startswith("kept was declared before with the same content")


# In a mount namespace of its own, whose small disk is gone with it. Each command's exit code and lines follow
# a line with its name; the server is stopped whatever happens.
ON_SMALL_DISK = """
set -u
cd "$HOME"
trap 'rm -f "$HYPERCOLUMN_HOME/filler"; "$hypercolumn" db stop >&2' EXIT
run() { echo "== $1"; shift; "$@" 2>&1; echo "exit $?"; }
fill() { head -c 1G /dev/zero >"$HYPERCOLUMN_HOME/filler" 2>/dev/null; }
run "first" "$hypercolumn" ingest first "$recording"
fill
run "full: ingest" "$hypercolumn" ingest second "$recording"
run "full: train" $quick train first --config quick
rm "$HYPERCOLUMN_HOME/filler"
run "room: files" find "$HYPERCOLUMN_HOME/store" -type f
run "room: ingest" "$hypercolumn" ingest second "$recording"
run "room: train" $quick train first --config quick
run "room: results" "$hypercolumn" results --format json
"$python" -c "$declare"
echo "== full: worker"
$quick worker >worker.log 2>&1 & worker=$!
until grep -q "| step" worker.log; do kill -0 "$worker" || break; sleep 0.1; done
fill
wait "$worker"; code=$?; grep -v "| step" worker.log; echo "exit $code"
rm "$HYPERCOLUMN_HOME/filler"
run "room: worker" $quick worker
run "room: states" find "$HYPERCOLUMN_HOME/store" -name "state*"
"""
DECLARE = """
import pipeline
pipeline.connect()
import small_configurations
from pipeline.tasks import declare_task
declare_task("first", small_configurations.LONGER, 5)
"""


def _sections(out: str) -> dict[str, list[str]]:
    """The lines of each command of the script."""
    sections: dict[str, list[str]] = {}
    for line in out.splitlines():
        if line.startswith("== "):
            sections[line[3:]] = []
        else:
            sections[next(reversed(sections))].append(line)
    return sections


def test_no_room_on_the_disk(tmp_path, recording_file):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = 'mount -t tmpfs -o size=400m,mode=700 small "$HYPERCOLUMN_HOME" && '
    if ROOT:
        namespace, inner = ["unshare", "--mount"], 'exec bash -c "$script"'
    else:
        # root of a user namespace may mount, but not run PostgreSQL, so that there is another one within
        ids = f"--map-user={os.geteuid()} --map-group={os.getegid()}"
        namespace, inner = (
            ["unshare", "--user", "--map-root-user", "--mount"],
            f'exec unshare --user {ids} bash -c "$script"',
        )
    variables = {name: value for name, value in os.environ.items() if name not in UNCONFIGURED}
    variables |= {
        "HOME": str(tmp_path),
        "HYPERCOLUMN_HOME": str(disk),
        "hypercolumn": str(Path(sys.executable).with_name("hypercolumn")),
        "quick": f"{sys.executable} -P {small_configurations.__file__}",
        "python": sys.executable,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "declare": DECLARE,
        "recording": str(recording_file),
        "script": ON_SMALL_DISK,
    }
    done = subprocess.run(
        [*namespace, "bash", "-c", mount + inner], env=variables, capture_output=True, text=True, check=False
    )
    said = _sections(done.stdout)
    assert said["first"][-1] == "exit 0", done.stdout + done.stderr
    for name in ("full: ingest", "full: train"):
        assert len(said[name]) >= 2, done.stdout + done.stderr
        assert said[name][-1] == "exit 2"
        assert len([line for line in said[name] if not line.startswith("tiny, ")]) == 2
        assert "no room is left on the disk (" in said[name][-2]
    assert len(said["room: files"]) == 2, said  # the first recording, and nothing of the second or of the weights
    for name in ("room: ingest", "room: train", "room: results"):
        assert said[name][-1] == "exit 0"
    assert not any("nothing to do" in line for line in said["room: train"])
    assert len(json.loads("".join(said["room: results"][:-1]))) == 1
    assert len(said["full: worker"]) == 2, said
    assert "no room is left on the disk (" in said["full: worker"][0]
    assert said["full: worker"][1] == "exit 2"
    assert said["room: worker"][-2:] == ["1 done, 0 failed, nothing left", "exit 0"]
    assert said["room: states"] == ["exit 0"]
