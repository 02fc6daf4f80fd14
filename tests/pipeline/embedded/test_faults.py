"""The embedded server killed, starved or misplaced: it comes back, or one line says what is wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import closing

import psutil
import psycopg2
import pytest

from embedded_processes import ROOT, START, as_root, one_line, postmaster, python, query
from pipeline.database import embedded, postgres
from pipeline.database.embedded import EmbeddedServer
from pipeline.errors import UserError
from waiting import eventually


def test_killed_client(server):
    server.start()
    code = "import sys, psycopg2\nconnection = psycopg2.connect(sys.argv[1])\n"
    code += "connection.cursor().execute('CREATE TABLE half (i int)')\nprint(1, flush=True)\nsys.stdin.read()"
    child = python(code, server.url, stdin=subprocess.PIPE)
    child.stdout.readline()
    child.kill()
    child.communicate()
    assert server.is_running()
    assert query(server, "SELECT count(*) FROM pg_tables WHERE tablename = 'half'") == [(0,)]
    assert server.stop()


def test_killed_server(server):
    server.start()
    query(server, "CREATE TABLE kept AS SELECT 7 AS number")
    with closing(psycopg2.connect(server.url)):
        postmaster(server).kill()
        assert server.start()
    assert query(server, "SELECT number FROM kept") == [(7,)]
    postmaster(server).kill()
    eventually(lambda: not server.is_running())
    server.stop()
    assert not server.socket_directory.exists()


def test_children_of_a_killed_server_linger(server):
    server.start()
    with closing(psycopg2.connect(server.url)) as connection:
        backend = psutil.Process(connection.info.backend_pid)
        backend.suspend()  # it has the shared memory, and does not notice that its server is dead
        postmaster(server).kill()
        waiting = python(START, server.home)
        time.sleep(0.5)
        assert waiting.poll() is None
        backend.kill()
        assert waiting.communicate(timeout=60) == ("True\n", "")


@pytest.mark.parametrize("kind", ["reused", "zombie"])
def test_stale_process_number(server, kind):
    server.start()
    old = postmaster(server)
    stale = (server.home / "postgres/data/postmaster.pid").read_text()
    old.kill()
    server.stop()
    # PostgreSQL itself refuses to start while its own user has a process of that number.
    options = {"user": "nobody"} if ROOT else {}
    other = subprocess.Popen(["sleep", "60" if kind == "reused" else "0"], **options)
    try:
        if kind == "zombie":
            eventually(lambda: psutil.Process(other.pid).status() == psutil.STATUS_ZOMBIE)
        pid_file = server.home / "postgres/data/postmaster.pid"
        pid_file.write_text(stale.replace(str(old.pid), str(other.pid), 1))
        if ROOT:
            shutil.chown(pid_file, "nobody")
        assert not server.stop()
        assert kind == "zombie" or other.poll() is None
        pid_file.write_text(stale.replace(str(old.pid), str(other.pid), 1))
        if ROOT:
            shutil.chown(pid_file, "nobody")
        assert server.start()
        assert kind == "zombie" or other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_killed_in_the_first_start(tmp_path, serve):
    server = serve(tmp_path / "home")
    child = python(START, server.home)
    eventually((server.home / "postgres/data.new/base").exists)
    child.kill()
    child.communicate()
    assert not (server.home / "postgres/data").exists()
    assert server.start()
    assert not (server.home / "postgres/data.new").exists()
    assert query(server, "SELECT 1") == [(1,)]


def test_home_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Not a directory") as error:
        EmbeddedServer(tmp_path / "file" / "home").start()
    assert "HYPERCOLUMN_HOME" in one_line(error)


@as_root
@pytest.mark.parametrize("megabytes", [20, 150])
def test_full_disk(tmp_path, megabytes):
    mount = f'mount -t tmpfs -o size={megabytes}m none "{tmp_path}" && exec "$@"'
    unshare = ("unshare", "--mount", "sh", "-c", mount, "sh")
    if subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("this machine lets root mount nothing, so no small disk can be filled")
    code = """if True:
        import sys
        from pathlib import Path
        from pipeline.database.embedded import EmbeddedServer

        server = EmbeddedServer(Path(sys.argv[1]))
        rest = server.home.parent / "rest"
        try:
            server.start()
            server.stop()
            try:
                with rest.open("wb", buffering=0) as file:
                    while file.write(bytes(4096)):
                        pass
            except OSError:
                server.start()
        except Exception as error:
            print(type(error).__name__, error, sorted(p.name for p in server.home.glob("postgres/*")))
        if rest.exists():
            rest.unlink()
            print(server.start(), server.stop())
    """
    out, errors = python(code, tmp_path / "home", before=unshare).communicate(timeout=60)
    assert errors == ""
    if megabytes == 20:
        assert out.startswith(f"UserError {tmp_path}/home/postgres: has ")
        assert " MB of room and needs 128; free some, or set HYPERCOLUMN_HOME" in out
        assert out.endswith(" ['server.log']\n")
    else:
        assert out.startswith("UserError PostgreSQL did not start, with 0 MB of room left (free some): ")
        assert out.endswith(" ['data', 'pg_hba.conf', 'pg_ident.conf', 'server.log']\nTrue True\n")


def test_server_that_does_not_start(server):
    with (server.home / "postgres/data/postgresql.conf").open("a") as settings:
        settings.write("shared_buffers = 'plenty'\n")
    with pytest.raises(UserError, match=r"did not start: .*FATAL.* server\.log|did not start: .*log is") as error:
        server.start()
    assert str(server.home / "postgres/server.log") in one_line(error)
    assert not (server.home / "postgres/run").exists()


def test_data_of_another_version(server):
    (server.home / "postgres/data/PG_VERSION").write_text("9\n")
    with pytest.raises(UserError, match=r"made by PostgreSQL 9, but .*18") as error:
        server.start()
    one_line(error)


def test_no_binaries(server, monkeypatch):
    monkeypatch.setattr(postgres, "PACKAGE", "no_such_package")
    with pytest.raises(UserError, match="pip install"):
        server.start()


def test_data_in_use_elsewhere(server, monkeypatch):
    # As a server on another machine looks that shares the home: the lock is taken, the socket leads nowhere.
    monkeypatch.setattr(embedded, "PATIENCE", 0.3)
    log = server.home / "postgres/server.log"
    holder = subprocess.Popen(["flock", log, "sleep", "60"], start_new_session=True)
    try:
        eventually(lambda: psutil.Process(holder.pid).children())
        with pytest.raises(UserError, match="another machine"):
            server.start()
        with pytest.raises(UserError, match="another machine"):
            server.stop()
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()


def test_server_started_by_hand(server):
    # Without the lock: then postmaster.pid is what keeps a second server off the data.
    server.start()
    log = server.home / "postgres/server.log"
    inode = log.read_bytes()
    log.unlink()
    log.write_bytes(inode)
    shutil.rmtree(server.socket_directory)
    with pytest.raises(UserError, match="not started by hypercolumn"):
        server.start()
    assert server.stop()
