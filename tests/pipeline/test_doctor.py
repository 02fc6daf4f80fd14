"""Whether `hypercolumn doctor` finds what is wrong, says it in a line, and keeps names to itself."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

from pipeline.database.connection import is_configured
from pipeline.database.embedded import EmbeddedServer
from pipeline.doctor.shown import without_names

STORES = {"default": "main", "main": {"protocol": "file", "location": "/nowhere/of hans"}}


@pytest.fixture
def doctor(command):
    """Run it; gives the exit code, and the findings by what they are about."""

    def run(*arguments: str) -> tuple[int, dict[str, dict]]:
        code, out, err = command("doctor", "--json", *arguments)
        assert err == ""
        found = json.loads(out)
        assert all("\n" not in text for one in found["findings"] for text in one.values())
        assert code == (2 if found["state"] == "fault" else 0)
        return code, {one["what"]: one for one in found["findings"]} | {"to_send": found["to_send"]}

    return run


def test_an_installation_that_is_in_order(doctor, connection, store, snapshot):
    before = snapshot()
    _, found = doctor()
    assert snapshot() == before
    assert {found[what]["state"] for what in ("hypercolumn", "Python", "packages", "store")} == {"ok"}
    assert found["tables"]["found"] == "of version 4; this user may declare more"
    assert found["store"]["found"].endswith(f"{store}")
    if not is_configured():
        assert found["embedded server"]["found"] == "runs"
        assert found["server"]["found"].startswith("PostgreSQL ")
    sent = "\n".join(found["to_send"])
    assert str(store) not in sent
    assert len(found["to_send"]) == len(found) - 1


def test_the_table_and_the_lines_to_send(command, connection):
    code, out, err = command("doctor")
    assert (code, err) == (0, "")
    assert out.partition("To send when asking for help:")[2].count(": ok, ") > 8


@pytest.mark.skipif(is_configured(), reason="it is about the embedded server")
def test_a_server_that_was_not_there_is_not_left(doctor, monkeypatch, tmp_path):
    home = tmp_path / "home"
    monkeypatch.setenv("HYPERCOLUMN_HOME", str(home))
    _, found = doctor()
    assert found["embedded server"]["found"].startswith("none yet")
    assert not home.exists()
    (home / "postgres" / "data").mkdir(parents=True)
    (home / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    code, found = doctor()
    assert code == 2
    assert "was made by PostgreSQL 9, but " in found["server"]["found"]


@pytest.mark.skipif(is_configured(), reason="it is about the embedded server")
def test_a_server_is_started_and_stopped_again(hypercolumn):
    with tempfile.TemporaryDirectory(prefix="hypercolumn-") as home:  # pytest's own are too long for a socket's name
        done = hypercolumn("doctor", "--start", "--json", HYPERCOLUMN_HOME=home)
        found = {one["what"]: one for one in json.loads(done.out)["findings"]}
        assert (found["embedded server"]["found"], found["tables"]["state"]) == ("starts", "ok")
        assert not EmbeddedServer(home).is_running()
        (Path(home) / "postgres").chmod(0o755)
        done = hypercolumn("doctor", "--json", HYPERCOLUMN_HOME=home)
        found = {one["what"]: one for one in json.loads(done.out)["findings"]}
        assert found["embedded server"]["found"].startswith("not running; it starts when needed")
        assert found["HYPERCOLUMN_HOME"]["state"] == "warning"
        assert found["HYPERCOLUMN_HOME"]["found"] == f"{home}/postgres is not this user's alone"


def test_packages_that_are_not_as_they_should_be(doctor, monkeypatch, tmp_path):
    installed = tmp_path / "hypercolumn-0.1.0.dist-info"
    installed.mkdir()
    lines = [
        "Metadata-Version: 2.4",
        "Name: hypercolumn",
        "Version: 0.1.0",
        "Requires-Python: >=9",
        "Provides-Extra: x",
    ]
    wanted = ["click<1", "no-such-package>=1", "numpy>=1", "scipy<1; extra == 'x'", "no-such-thing; python_version<'3'"]
    (installed / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {one}" for one in wanted)]) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    code, found = doctor()
    assert code == 2
    assert (found["click"]["state"], found["click"]["advice"]) == ("fault", "pip install 'click<1'")
    assert found["no-such-package"]["found"] == "is missing"
    assert found["scipy"]["state"] == "warning"
    assert found["Python"]["state"] == "fault"
    assert not {"numpy", "no-such-thing", "packages"} & found.keys()


def test_a_server_that_does_not_answer(hypercolumn):
    server = {"DJ_HOST": "db.example.invalid", "DJ_PORT": "1", "DJ_USER": "hans", "DJ_PASS": "secret"}
    done = hypercolumn("doctor", **server, DJ_BACKEND="mysql", DJ_STORES=json.dumps(STORES))
    assert (done.code, done.err) == (2, "")
    assert "cannot be used" in done.out
    assert "secret" not in done.out
    sent = done.out.partition("To send when asking for help:")[2]
    assert "server: fault, " in sent
    assert not any(name in sent for name in ("example", "hans", "nowhere"))


def test_variables_that_datajoint_refuses(hypercolumn):
    done = hypercolumn("doctor", "--json", DJ_HOST="127.0.0.1", DJ_PORT="many")
    found = {one["what"]: one for one in json.loads(done.out)["findings"]}
    assert (done.code, done.err) == (2, "")
    assert found["server"]["state"] == "fault"
    assert "DJ_PORT" in found["server"]["found"]
    assert found["packages"]["state"] == "ok"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Access denied for user 'ann'@'10.1.2.3' (using password: YES)", "for user <name>@<name> (using"),
        ('could not connect to server at "lab-db" (10.1.2.3), port 5432', "port 5432"),
        ("/data/Ann Smith/store is not there yet", "<path> is not there yet"),
        ("https://ann:pw@s3.lab.org/bucket refuses", "<url> refuses"),
        ("C:\\Users\\ann\\store and fe80::1:2 and 2.13.0+cpu", "<path> and <address> and 2.13.0+cpu"),
        (
            "PostgreSQL 18.4, 30.7 GB free; `hypercolumn migrate`",
            "PostgreSQL 18.4, 30.7 GB free; `hypercolumn migrate`",
        ),
    ],
)
def test_names_are_not_sent(text, sent):
    found = without_names(text)
    assert sent in found
    assert not any(name in found for name in ("ann", "Smith", "10.1.2.3", "lab", "pw", "fe80"))


def test_a_package_that_is_missing(hypercolumn, tmp_path):
    (tmp_path / "datajoint.py").write_text("raise ModuleNotFoundError('not here', name='datajoint')\n")
    here = {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    code, out, err = hypercolumn("status", **here)
    said = "hypercolumn: package datajoint is missing; `hypercolumn doctor` tells what to install\n"
    assert (code, out, err) == (2, "", said)
    done = hypercolumn("doctor", **here)
    assert (done.code, done.err) == (2, "")
    assert "server: fault, cannot be checked without datajoint" in done.out
    assert "code: ok, " in done.out
