"""A process that ingests one file after another, watched from outside; after a finding another takes its place."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

LONGEST = 10.0  # seconds of the processor that a file may take
PATIENCE = 600.0  # seconds in all; of these others may have had most
MOST = 1000  # MiB that it may take
CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True)
class Answer:
    """What came of a file: taken, refused, or a finding."""

    kind: str
    said: str
    seconds: float
    mib: int  # more than the process had before its first file


class Ingesting:
    """`hypercolumn ingest`, over and over, of files said to be of one format, in one database."""

    def __init__(self, file_format: str, variables: dict[str, str]) -> None:
        self._command = [sys.executable, "-P", str(CHILD), file_format]
        self._variables = variables

    def __enter__(self) -> Ingesting:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        stop = [sys.executable, "-m", "pipeline", "db", "stop"]
        subprocess.run(stop, env=self._variables, check=True, capture_output=True)

    def take(self, name: str, path: Path) -> Answer:
        found = self._watched([name, str(path)])
        if found.kind not in ("taken", "refused"):
            self._stop()  # its peak of memory would be told of all files that follow
            self._start()
        return found

    def left_over(self, taken: int) -> list[str]:
        """What there is beyond the rows and files of so many recordings, a line each."""
        counts = self._ask([])
        assert counts is not None, "the last process does not answer"
        return [f"{count} {what} of {taken} recordings" for what, count in counts.items() if count != taken]

    def _watched(self, question: list[str]) -> Answer:
        answer = self._ask(question)
        if answer is None:
            code = self._process.poll()
            said = "no answer in time" if code is None else f"the process ended with {code}"
            return Answer("hung" if code is None else "crashed", said, LONGEST, 0)
        found = Answer(**answer)
        if found.seconds > LONGEST:
            return Answer("took too long", f"{found.seconds:.1f} s", found.seconds, found.mib)
        return Answer("too much memory", f"{found.mib} MiB", found.seconds, found.mib) if found.mib > MOST else found

    def _ask(self, question: list[str]) -> dict[str, Any] | None:
        """None where it does not answer in time, or ends."""
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            end, most = time.monotonic() + PATIENCE, self._used() + 2 * LONGEST
            while not (answered := selector.select(1.0)) and time.monotonic() < end and self._used() < most:
                pass
        line = self._process.stdout.readline() if answered else ""
        return json.loads(line) if line else None

    def _used(self) -> float:
        """Seconds of the processor."""
        times = psutil.Process(self._process.pid).cpu_times()
        return times.user + times.system

    def _start(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, env=self._variables, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout.readline() == "ready\n"

    def _stop(self) -> None:
        self._process.kill()
        self._process.communicate()
