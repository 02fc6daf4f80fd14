"""Who may reach the server, and what it may itself: accounts, permissions, and a root that lacks some."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import psycopg2
import pytest

from embedded_processes import ROOT, START, as_root, one_line, postmaster, python
from pipeline.database import postgres
from pipeline.database.embedded import EmbeddedServer
from pipeline.errors import UserError


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
    code = "import sys; from pathlib import Path; from pipeline.database.embedded import EmbeddedServer as Server\n"
    code += "try: Server(Path(sys.argv[1])).start()\nexcept Exception as e: print(type(e).__name__, e)"
    few = "setpriv --bounding-set=-all,+setuid,+setgid,+chown"
    out, _ = python(code, server.home, before=tuple(few.split())).communicate(timeout=60)
    assert out.startswith("UserError ")
    assert "lacks dac_read_search and dac_override; work as an ordinary user" in out

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match=r"setpriv of util-linux is missing; work as an ordinary user"):
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
