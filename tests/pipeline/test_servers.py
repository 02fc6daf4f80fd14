"""The server behind the tables: none that answers, one that is configured wrongly; and `hypercolumn db`."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from pipeline.database.embedded import EmbeddedServer

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


@pytest.mark.parametrize("command", ["status", "worker"])  # of which a worker waits for a server that is away
def test_a_wrong_password(one_line, store, home, command):
    # Of the server that the tests run on, where it has passwords; otherwise another user of the embedded one.
    if "DJ_HOST" in os.environ:
        line = one_line(command, DJ_PASS="wrong")
        assert "Access denied for user" in line
        return
    server = EmbeddedServer(home)
    server.start()
    other = {"DJ_HOST": str(server.socket_directory), "DJ_PORT": str(server.port), "DJ_USER": "postgres"}
    stores = json.dumps(STORES)
    line = one_line(command, **other, DJ_PASS="wrong", DJ_BACKEND="postgresql", DJ_STORES=stores)
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
