"""The fuzzing of readers runs, and would tell of what is wrong; the long runs are by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parent / "fuzz"
UNCONFIGURED = ("DJ_HOST", "DJ_PORT", "DJ_USER", "DJ_PASS", "DJ_BACKEND", "DJ_STORES", "HYPERCOLUMN_PREFIX")
# Found by every Python that looks there: a reader that fails for files that are named as mutated ones are.
FAULTY = """
from pipeline.readers import hdf5
read = hdf5.read
def faulty(path, options):
    return 1 / 0 if path.stem.isdigit() else read(path, options)
hdf5.read = faulty
"""


def fuzz(tmp_path: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess:
    variables = {name: value for name, value in os.environ.items() if name not in UNCONFIGURED} | more
    command = [sys.executable, "-P", str(FUZZ), "--keep", str(tmp_path / "found"), *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=False)


def test_what_is_as_it_should_be(tmp_path):
    done = fuzz(tmp_path, "--files", "20", "--format", "original", "--format", "nwb")
    assert done.stdout.splitlines()[-1] == "all is as it should be", done.stdout + done.stderr
    assert done.returncode == 0
    counts = {line.partition(":")[0] for line in done.stdout.splitlines()[:-1]}
    assert counts == {"original", "nwb"}
    assert not (tmp_path / "found").exists()


def test_a_fault_is_found(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(FAULTY)
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = fuzz(tmp_path, "--format", "hdf5", "--files", "2", PYTHONPATH=paths)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ZeroDivisionError" in done.stdout
    assert "hdf5: 2 traceback; " in done.stdout
    assert len(list((tmp_path / "found").iterdir())) == 2
