"""Who runs the embedded server, and what belongs to whom: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO, NamedTuple

from pipeline.errors import UserError

if sys.platform != "win32":
    import pwd

ELSEWHERE = "set HYPERCOLUMN_HOME to another folder"
INSTEAD = "work as an ordinary user, or configure DataJoint with a server"


class Account(NamedTuple):
    """Who connects, who runs the server, and what a command begins with to be run as the latter."""

    client: str
    uid: int
    gid: int
    prefix: list[str]


def account_for(postgres: Path) -> Account:
    """Run the server as this user or, since PostgreSQL refuses root, as `nobody` with one capability.

    It lets `nobody` through folders that only root may enter, down to data of its own, so that no folder's
    permissions need to change. Only root can talk to the server that has it.
    """
    try:
        client = pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() != 0:
            return Account(client, os.geteuid(), os.getegid(), [])
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise UserError(f"PostgreSQL needs a user with a name ({error.args[0]}); {INSTEAD}") from None
    setpriv = shutil.which("setpriv")
    if sys.platform != "linux" or setpriv is None:
        raise UserError(f"PostgreSQL refuses to run as root, and setpriv of util-linux is missing; {INSTEAD}")
    found = re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())
    held = int(found[1], 16) if found else 0
    # The first suffices to read, but not to execute what a strict umask made root's alone.
    fit = ["dac_read_search", "dac_override"] if postgres.stat().st_mode & stat.S_IXOTH else ["dac_override"]
    bits = {"dac_override": 1, "dac_read_search": 2}  # linux/capability.h
    capability = next((name for name in fit if held >> bits[name] & 1), None)
    if capability is None:
        raise UserError(f"PostgreSQL refuses to run as root, and this root lacks {' and '.join(fit)}; {INSTEAD}")
    become = f"--reuid={nobody.pw_uid} --regid={nobody.pw_gid} --clear-groups"
    keep = f"--inh-caps=+{capability} --ambient-caps=+{capability}"
    # Without it access(2), by which PostgreSQL looks for its own programs, ignores capabilities.
    fixed = "--securebits=+no_setuid_fixup"
    return Account(client, nobody.pw_uid, nobody.pw_gid, [setpriv, *f"{become} {keep} {fixed}".split()])


def make_for(account: Account, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    try:
        os.chown(folder, account.uid, account.gid)
    except OSError as error:  # root of a user namespace, or of a client of NFS
        folder.rmdir()
        raise UserError(f"root cannot give {folder} to nobody here ({error.strerror}); {INSTEAD}") from error


def run_quietly(command: list[str], log: IO[bytes], words: str = "") -> int:
    """Run a program with nothing of our terminal, pipes, folder and PG* variables; its exit status."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(
        command,
        input=words.encode(),
        stdout=log,
        stderr=log,
        cwd="/",
        env=environment | {"LC_ALL": "C"},
        start_new_session=True,
        check=False,
    ).returncode


def is_private(folder: Path) -> bool:
    """Whether this is a folder, and not a link to one, that only this user owns and can enter."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise UserError(f"{folder}: is another user's (id {found.st_uid}) or a link; work as that user, or {ELSEWHERE}")
    folder.chmod(0o700)
