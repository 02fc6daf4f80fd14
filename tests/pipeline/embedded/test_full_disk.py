"""A full disk below an embedded server: one line for each command, nothing half written, and all goes on after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import small_configurations

ROOT = os.geteuid() == 0

# In a mount namespace of its own, whose small disk is gone with it. Each command's exit code and lines follow
# a line with its name; the server is stopped whatever happens.
ON_SMALL_DISK = """
set -u
cd "$HOME"
trap 'rm -f "$HYPERCOLUMN_HOME/filler"; "$hypercolumn" db stop >&2' EXIT
run() { echo "== $1"; shift; "$@" 2>&1; echo "exit $?"; }
fill() { head -c 1G /dev/zero >"$HYPERCOLUMN_HOME/filler" 2>/dev/null; }
run "first" "$hypercolumn" ingest first "$recording"
fill
run "full: ingest" "$hypercolumn" ingest second "$recording"
run "full: train" $quick train first --config quick
rm "$HYPERCOLUMN_HOME/filler"
run "room: files" find "$HYPERCOLUMN_HOME/store" -type f
run "room: ingest" "$hypercolumn" ingest second "$recording"
run "room: train" $quick train first --config quick
run "room: results" "$hypercolumn" results --format json
"$python" -c "$declare"
echo "== full: worker"
$quick worker >worker.log 2>&1 & worker=$!
until grep -q "| step" worker.log; do kill -0 "$worker" || break; sleep 0.1; done
fill
wait "$worker"; code=$?; grep -v "| step" worker.log; echo "exit $code"
rm "$HYPERCOLUMN_HOME/filler"
run "room: worker" $quick worker
run "room: states" find "$HYPERCOLUMN_HOME/store" -name "state*"
"""
DECLARE = """
import pipeline
pipeline.connect()
import small_configurations
from pipeline.tasks import declare_task
declare_task("first", small_configurations.LONGER, 5)
"""


def _sections(out: str) -> dict[str, list[str]]:
    """The lines of each command of the script."""
    sections: dict[str, list[str]] = {}
    for line in out.splitlines():
        if line.startswith("== "):
            sections[line[3:]] = []
        else:
            sections[next(reversed(sections))].append(line)
    return sections


def test_no_room_on_the_disk(tmp_path, recording_file):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = 'mount -t tmpfs -o size=400m,mode=700 small "$HYPERCOLUMN_HOME" && '
    if ROOT:
        namespace, inner = ["unshare", "--mount"], 'exec bash -c "$script"'
    else:
        # root of a user namespace may mount, but not run PostgreSQL, so that there is another one within
        ids = f"--map-user={os.geteuid()} --map-group={os.getegid()}"
        namespace, inner = (
            ["unshare", "--user", "--map-root-user", "--mount"],
            f'exec unshare --user {ids} bash -c "$script"',
        )
    variables = os.environ | {
        "HOME": str(tmp_path),
        "HYPERCOLUMN_HOME": str(disk),
        "hypercolumn": str(Path(sys.executable).with_name("hypercolumn")),
        "quick": f"{sys.executable} -P {small_configurations.__file__}",
        "python": sys.executable,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "declare": DECLARE,
        "recording": str(recording_file),
        "script": ON_SMALL_DISK,
    }
    done = subprocess.run(
        [*namespace, "bash", "-c", mount + inner], env=variables, capture_output=True, text=True, check=False
    )
    said = _sections(done.stdout)
    assert said["first"][-1] == "exit 0", done.stdout + done.stderr
    for name in ("full: ingest", "full: train"):
        assert len(said[name]) >= 2, done.stdout + done.stderr
        assert said[name][-1] == "exit 2"
        assert len([line for line in said[name] if not line.startswith("tiny, ")]) == 2
        assert "no room is left on the disk (" in said[name][-2]
    assert len(said["room: files"]) == 2, said  # the first recording, and nothing of the second or of the weights
    for name in ("room: ingest", "room: train", "room: results"):
        assert said[name][-1] == "exit 0"
    assert not any("nothing to do" in line for line in said["room: train"])
    assert len(json.loads("".join(said["room: results"][:-1]))) == 1
    assert len(said["full: worker"]) == 2, said
    assert "no room is left on the disk (" in said["full: worker"][0]
    assert said["full: worker"][1] == "exit 2"
    assert said["room: worker"][-2:] == ["1 done, 0 failed, nothing left", "exit 0"]
    assert said["room: states"] == ["exit 0"]
