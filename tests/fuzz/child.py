"""Inspects and ingests what its standard input tells, a line of JSON each, and answers in JSON."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path

from pipeline import cli
from pipeline.cli.shared import connect


def most_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def ingest(file_format: str, name: str, path: str) -> tuple[str, str]:
    """What came of it, and what was said; `inspect` must have said the same."""
    inspected = run("inspect", path, "--format", file_format)
    if inspected[0] not in ("taken", "refused"):
        return inspected
    found = run("ingest", name, path, "--format", file_format)
    return found if found == inspected else ("ingested otherwise", f"{inspected} by inspect, {found} by ingest")


def run(*arguments: str) -> tuple[str, str]:
    """What came of `hypercolumn`, and what was said if it was refused, or should not have been said."""
    sys.argv = ["hypercolumn", *arguments]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            cli.main()
    except SystemExit as end:
        lines = said.getvalue().splitlines()
        code = end.code or 0
        if code == 0:
            return "taken", ""
        is_one_line = len(lines) == 1 and lines[0].startswith("hypercolumn: ")
        return ("refused", lines[0]) if code == 2 and is_one_line else ("said wrongly", f"exit code {code}: {lines}")
    except BaseException:
        return "traceback", traceback.format_exc()
    return "said wrongly", "no exit code"


def counted() -> dict[str, int]:
    from schemas.dataset import Dataset, TrainingSet

    store = Path(os.environ["HYPERCOLUMN_HOME"]) / "store"
    files = [path for path in store.rglob("*") if path.is_file()]
    return {"rows of Dataset": len(Dataset()), "rows of TrainingSet": len(TrainingSet()), "stored files": len(files)}


def main(file_format: str) -> None:
    answers = sys.stdout
    connect()
    before = most_mib()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        if question:
            began = time.process_time()
            kind, said = ingest(file_format, *question)
            answer = {"kind": kind, "said": said, "seconds": time.process_time() - began, "mib": most_mib() - before}
        else:
            answer = counted()
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
