"""The embedded server, for real: every test starts PostgreSQL, and kills, starves or misplaces it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

import pipeline
from pipeline import embedded, postgres
from pipeline.embedded import EmbeddedServer, default_home
from pipeline.errors import UserError

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="needs root")
START = "import sys; from pathlib import Path; from pipeline.embedded import EmbeddedServer as Server\n"
START += "print(Server(Path(sys.argv[1])).start(), flush=True)\n"


def python(code: str, *arguments: object, before: tuple[str, ...] = (), **options) -> subprocess.Popen:
    """Another process of this user, with the same modules."""
    path = [str(Path(pipeline.__file__).parents[1]), *filter(None, sys.path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    command = [*before, sys.executable, "-c", code, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **{"env": environment} | pipes | options)


def query(server: EmbeddedServer, sql: str) -> list[tuple]:
    with closing(psycopg2.connect(server.url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def postmaster(server: EmbeddedServer) -> psutil.Process:
    return psutil.Process(int((server.home / "postgres/data/postmaster.pid").read_text().split()[0]))


def alive(process: psutil.Process) -> bool:
    """Not gone, and not a zombie that nobody has waited for."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def eventually(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def serve():
    """Make servers that are stopped in the end, whatever happened."""
    servers = []

    def make(home: Path) -> EmbeddedServer:
        servers.append(EmbeddedServer(home))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)  # pytest would keep gigabytes


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Iterator[Path]:
    """A home with an empty database: a second's work, done once."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    server = EmbeddedServer(home)
    try:
        assert server.start()
    finally:
        server.stop()
    yield home
    shutil.rmtree(home)


@pytest.fixture
def server(prepared, tmp_path, serve) -> EmbeddedServer:
    """A stopped server of its own; that it starts shows too that a home can be moved."""
    home = tmp_path / "home"
    subprocess.run(["cp", "-a", prepared, home], check=True)
    return serve(home)


@pytest.fixture(scope="module")
def running(prepared):
    """A server that tests share, as they only look at it."""
    server = EmbeddedServer(prepared)
    server.start()
    yield server
    server.stop()


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


def test_only_this_user_may_connect(running):
    lines = (running.home / "postgres/pg_ident.conf").read_text().splitlines()
    assert lines == [f'hypercolumn "{pwd.getpwuid(os.geteuid()).pw_name}" hypercolumn']
    with pytest.raises(psycopg2.OperationalError, match="eer authentication failed"):
        psycopg2.connect(running.url, user="postgres")


@as_root
@pytest.mark.parametrize("user", ["daemon", "nobody"])
@pytest.mark.parametrize("reaches", [False, True])
def test_another_user_cannot_connect(running, user, reaches):
    # Also one who could walk through every folder to the socket.
    keep = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"] if reaches else []
    account = pwd.getpwnam(user)
    become = f"setpriv --reuid={account.pw_uid} --regid={account.pw_gid} --clear-groups".split()
    psql = next(Path(postgres.importlib.util.find_spec(postgres.PACKAGE).origin).parent.glob("*18/bin/psql"))
    done = subprocess.run(
        [*become, *keep, "--securebits=+no_setuid_fixup", psql, running.url, "-c", "SELECT 1"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode
    assert ("Peer authentication failed" if reaches else "ermission denied") in done.stderr


@as_root
def test_server_of_root_is_nobody_and_leaves_folders_as_they_were(tmp_path, serve):
    home = tmp_path / "private" / "home"
    home.parent.mkdir(mode=0o700)
    before = [(path, path.stat().st_mode, path.stat().st_uid) for path in home.parents]
    server = serve(home)
    server.start()
    assert [(path, path.stat().st_mode, path.stat().st_uid) for path in home.parents] == before
    process = postmaster(server)
    assert process.username() == "nobody"
    status = Path(f"/proc/{process.pid}/status").read_text()
    for kind in ("CapEff", "CapPrm", "CapAmb"):
        assert f"{kind}:\t0000000000000004" in status  # dac_read_search and nothing else


@as_root
def test_root_of_a_container(server):
    # Docker's default capabilities: neither dac_read_search nor sys_ptrace.
    kept = "chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_raw,+sys_chroot,+mknod"
    drop = f"setpriv --bounding-set=-all,+{kept}"
    code = START + "print(Server(Path(sys.argv[1])).stop())"
    child = python(code, server.home, before=tuple(drop.split()))
    assert child.communicate(timeout=60) == ("True\nTrue\n", "")


@as_root
def test_root_without_setpriv_or_capabilities(tmp_path, monkeypatch):
    server = EmbeddedServer(tmp_path / "home")
    code = "import sys; from pathlib import Path; from pipeline.embedded import EmbeddedServer as Server\n"
    code += "try: Server(Path(sys.argv[1])).start()\nexcept Exception as e: print(type(e).__name__, e)"
    few = "setpriv --bounding-set=-all,+setuid,+setgid,+chown"
    out, _ = python(code, server.home, before=tuple(few.split())).communicate(timeout=60)
    assert out.startswith("UserError ")
    assert "lacks dac_read_search and dac_override: work as an ordinary user" in out

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match=r"setpriv of util-linux is missing: work as an ordinary user"):
        server.start()


def test_root_of_a_user_namespace(tmp_path):
    # It is root, but there is no nobody.
    unshare = ("unshare", "--user", "--map-root-user")
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no user namespace, the only place where root lacks a nobody")
    code = START.replace("print", "try: print") + "except Exception as e: print(type(e).__name__, e)"
    out, errors = python(code, tmp_path / "home", before=unshare).communicate(timeout=60)
    assert errors == ""
    assert out.startswith("UserError root cannot give ")
    assert "work as an ordinary user" in out


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


def one_line(error: pytest.ExceptionInfo) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


def test_home_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Not a directory") as error:
        EmbeddedServer(tmp_path / "file" / "home").start()
    assert "HYPERCOLUMN_HOME" in one_line(error)


def test_home_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    # Root may write anywhere, unless it has given that up.
    like_anyone = ("setpriv", "--bounding-set=-dac_override") if ROOT else ()
    code = START.replace("print", "try: print") + "except Exception as e: print(type(e).__name__, e)"
    out, errors = python(code, tmp_path / "home", before=like_anyone).communicate(timeout=60)
    assert errors == ""
    assert out.startswith(f"UserError the embedded database cannot use {tmp_path}/home: Permission denied; ")
    assert out.count("\n") == 1


@as_root
def test_home_of_another_user(server):
    shutil.chown(server.home / "postgres", "daemon")
    try:
        with pytest.raises(UserError, match="another user's"):
            server.start()
    finally:
        shutil.chown(server.home / "postgres", "root")


def test_socket_folder_of_somebody_else(tmp_path, prepared, serve):
    home = tmp_path / ("long" * 40)
    subprocess.run(["cp", "-a", prepared, home], check=True)
    server = serve(home)
    folder = server.socket_directory.parent
    folder.symlink_to(tmp_path)
    try:
        with pytest.raises(UserError, match=r"another user's .* or a link") as error:
            server.start()
        assert str(folder) in one_line(error)
        assert not server.is_running()
    finally:
        folder.unlink()
    if ROOT:
        folder.mkdir()
        shutil.chown(folder, "daemon")
        try:
            with pytest.raises(UserError, match="another user's"):
                server.start()
        finally:
            folder.rmdir()


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
        from pipeline.embedded import EmbeddedServer

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
        assert out.startswith(f"UserError {tmp_path}/home/postgres has ")
        assert " MB of room and needs 128: free some, or set HYPERCOLUMN_HOME" in out
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
