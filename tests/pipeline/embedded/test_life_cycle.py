"""Starting and stopping PostgreSQL, in any home, one process or many at once."""

from __future__ import annotations

import os
import signal
import subprocess

import psycopg2
import pytest

from embedded_processes import START, alive, postmaster, python, query
from pipeline.database import embedded
from pipeline.database.embedded import EmbeddedServer, default_home


def test_start_and_stop(tmp_path, serve):
    server = serve(tmp_path / "deep" / "home")
    assert not server.is_running()
    assert not server.stop()
    assert not (tmp_path / "deep").exists()

    assert server.start()
    assert not server.start()
    assert server.is_running()
    query(server, "CREATE TABLE kept AS SELECT 7 AS number")
    process = postmaster(server)
    processes = [process, *process.children(recursive=True)]

    assert server.stop()
    assert not server.is_running()
    assert not any(map(alive, processes))
    assert not server.socket_directory.exists()
    assert sorted(path.name for path in server.home.iterdir()) == ["postgres"]
    files = {path.name for path in (server.home / "postgres").iterdir()}
    assert files == {"data", "pg_hba.conf", "pg_ident.conf", "server.log"}
    assert not (server.home / "postgres/data/postmaster.pid").exists()
    assert not server.stop()

    assert server.start()
    assert query(server, "SELECT number FROM kept") == [(7,)]


def test_settings(running):
    expected = {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "shared_buffers": "32MB",
        "max_connections": "100",
        "TimeZone": "UTC",
        "lc_messages": "C",
    }
    names = ", ".join(f"'{name}'" for name in expected)
    found = query(running, f"SELECT name, current_setting(name) FROM pg_settings WHERE name IN ({names})")
    assert dict(found) == expected
    assert query(running, "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'hypercolumn'") == [
        ("b", "C.UTF-8")
    ]
    assert query(running, "SELECT lower('ÅÉ'), 'Z' < 'a', current_user") == [("åé", True, "hypercolumn")]
    assert postmaster(running).net_connections("inet") == []


@pytest.mark.parametrize("name", ["it's $HOME `x` %20 ü", 'a "b", c', "long" * 40])
def test_any_home(name, prepared, tmp_path, serve):
    home = tmp_path / name
    subprocess.run(["cp", "-a", prepared, home], check=True)
    server = serve(home)
    assert server.start()
    assert query(server, "SELECT 1") == [(1,)]
    folder = server.socket_directory
    assert folder == EmbeddedServer(home).socket_directory
    assert len(os.fsencode(folder / ".s.PGSQL.5432")) <= 107
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
    assert server.stop()
    assert not folder.exists()
    assert folder.parent.exists() == (folder.parent == home / "postgres")


def test_first_start_in_any_home(tmp_path, serve):
    assert serve(tmp_path / 'it\'s a "$HOME" \\ `x`').start()


def test_socket_directory_does_not_depend_on_tmpdir(tmp_path, monkeypatch):
    server = EmbeddedServer(tmp_path / ("long" * 40))
    before = server.socket_directory
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert server.socket_directory == before
    assert f"-{os.geteuid()}-" in str(before)


def test_default_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HYPERCOLUMN_HOME", str(tmp_path))
    assert default_home() == tmp_path
    monkeypatch.delenv("HYPERCOLUMN_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_home().name == "hypercolumn"


def test_variables_of_another_postgresql_do_no_harm(server, monkeypatch):
    for name in ("PGDATA", "PGPORT", "PGHOST", "PGUSER", "PGDATABASE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    assert server.start()


def test_processes_that_start_at_once_share_one_server(tmp_path, serve):
    server = serve(tmp_path / "home")
    children = [python(START, server.home) for _ in range(4)]
    outputs = [child.communicate(timeout=60) for child in children]
    assert sorted(outputs) == [("False\n", "")] * 3 + [("True\n", "")]
    assert query(server, "SELECT 1") == [(1,)]


def test_starts_and_stops_at_once(server):
    # A start may find that its server was stopped under its hands, and says so; nothing else may happen.
    code = START.replace("print", "try: print") + "except Exception as e: print(type(e).__name__, e)\n"
    code += "print(Server(Path(sys.argv[1])).stop())"
    children = [python(code, server.home) for _ in range(4)]
    for child in children:
        out, errors = child.communicate(timeout=60)
        assert "Traceback" not in errors
        assert out.startswith(("True\n", "False\n", "UserError PostgreSQL did not start: "))
    server.stop()
    assert not server.is_running()
    assert not (server.home / "postgres/run").exists()
    assert server.start()


def test_server_outlives_its_starter_and_holds_no_pipe(server):
    # communicate() returns only when nobody has the pipes any more.
    code = START + "sys.stdin.read()"
    child = python(code, server.home, stdin=subprocess.PIPE, start_new_session=True)
    assert child.stdout.readline() == "True\n"
    process = postmaster(server)
    assert os.getsid(process.pid) != child.pid
    os.killpg(child.pid, signal.SIGINT)  # Ctrl-C
    child.communicate(timeout=20)
    assert server.is_running()
    assert postmaster(server) == process


def test_full_of_clients_is_running(server):
    with (server.home / "postgres/data/postgresql.conf").open("a") as settings:
        settings.write("max_connections = 4\nautovacuum = off\n")
    server.start()
    connections = [psycopg2.connect(server.url) for _ in range(4)]
    try:
        with pytest.raises(psycopg2.OperationalError, match="too many clients"):
            psycopg2.connect(server.url)
        assert server.is_running()
        assert not server.start()
    finally:
        for connection in connections:
            connection.close()


def test_large_log_starts_afresh(server):
    log = server.home / "postgres/server.log"
    log.write_bytes(b"x" * (embedded.LARGEST_LOG + 1))
    server.start()
    assert 0 < log.stat().st_size < embedded.LARGEST_LOG


def test_rows_outlive_the_server(hypercolumn, server, recording_file):
    where = {"HYPERCOLUMN_HOME": str(server.home)}
    assert hypercolumn("ingest", "kept", recording_file, **where).code == 0
    assert hypercolumn("db", "stop", **where).out == "stopped\n"
    again = hypercolumn("ingest", "kept", recording_file, **where)
    assert again.out.startswith("kept was declared before with the same content")
