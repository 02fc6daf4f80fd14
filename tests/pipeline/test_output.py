"""Commands whose output has gone away: a closed one, a pipe that nobody reads, a terminal that was closed."""

from __future__ import annotations

import fcntl
import gc
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

import small_configurations
from schemas.work import Lease


@pytest.fixture(params=["pipe", "terminal"])
def gone(request) -> Iterator[int]:
    """What may be written to, but for that nobody reads it."""
    ours, theirs = os.pipe() if request.param == "pipe" else pty.openpty()
    os.close(ours)
    yield theirs
    os.close(theirs)


def test_nobody_reads_what_a_command_says(gone):
    for arguments in (["configs"], ["--help"], ["no-such-command"]):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "pipeline", *arguments], stdout=gone, stderr=subprocess.PIPE, text=True
        )
        if arguments == ["no-such-command"]:
            assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        else:
            assert (done.returncode, done.stderr) == (1, "")


def test_the_output_is_closed(hypercolumn):
    assert hypercolumn("configs", before=("sh", "-c", 'exec "$@" >&-', "sh")) == (0, "", "")


def test_a_worker_whose_terminal_is_closed_gives_its_job_back(declare, counts):
    declare("endless", 29)
    ours, theirs = pty.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    command = [sys.executable, "-P", small_configurations.__file__, "worker"]
    worker = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=take_terminal,
        text=True,
    )
    os.close(theirs)
    try:
        shown = b""
        while b"validation loss" not in shown:
            shown += os.read(ours, 4096)
        assert counts()["running"] == 1
    finally:
        os.close(ours)
    _, err = worker.communicate(timeout=60)
    assert "Traceback" not in err
    assert worker.returncode > 0
    assert counts() == {"declared": 2, "done": 1, "running": 0, "pending": 1, "failed": 0}
    assert not Lease()


def test_a_command_keeps_no_garbage(command):
    """Who calls commands from Python would collect that of all of them."""
    before = gc.get_freeze_count()
    assert command("configs").code == 0
    assert gc.get_freeze_count() == before
