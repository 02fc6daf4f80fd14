"""The benchmarks run: what they find is theirs to say."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def test_a_training_step_is_compared(tmp_path):
    sizes = ["--neurons", "3", "--batch", "2", "--steps", "1", "--warm-up", "0", "--threads", "1"]
    networks = ["--networks", "hypercolumn", "plain", "--precision", "tf32"]
    command = [sys.executable, BENCHMARKS / "step.py", "--json", *networks, *sizes]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["network"], row["neurons"], row["batch"]) for row in rows] == [("hypercolumn", 3, 2), ("plain", 3, 2)]
    assert all(row["user_s"] > 0 and row["wall_s"] > 0 and math.isfinite(row["loss"]) for row in rows)
    assert all(row["precision"] == "tf32" for row in rows)


SMALL = {
    "many_rows.py": ["--models", "20"],
    "precisions.py": ["--precisions", "float32", "--steps", "10", "--neurons", "3", "--images", "40", "--batch", "4"],
    "predict.py": ["--neurons", "3", "--images", "4", "--gabor-neurons", "1", "--repeats", "1"],
    "roofline.py": ["--neurons", "3", "--batch", "2", "--steps", "1"],
    "scaling.py": ["--vary", "pixels", "--neurons", "3", "--batch", "2", "--steps", "1"],
}


@pytest.mark.parametrize("script", SMALL)
def test_it_runs_on_little(tmp_path, script):
    command = [sys.executable, BENCHMARKS / script, "--json", *SMALL[script]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert rows
    assert all(math.isfinite(value) for row in rows for value in row.values() if isinstance(value, float))


def test_a_peer_that_is_not_installed_is_named(tmp_path):
    command = [sys.executable, BENCHMARKS / "step.py", "--networks", "escnn", "--peers", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"escnn not installed in {tmp_path}")


def test_what_a_task_costs_is_told_part_by_part(tmp_path):
    command = [sys.executable, BENCHMARKS / "overhead.py", "--json", "--profile", "--tasks", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    calls = {row["what"].removeprefix("of it: "): row["calls"] for row in json.loads(done.stdout)}
    assert list(calls)[:3] == ["worker", "trainer alone", "beside training"]
    assert calls["network, built"] == calls["scores"] == calls["rows, inserted"] == 1


def test_a_recording_is_inspected_and_ingested_chunk_by_chunk(tmp_path):
    sizes = ["--images", "20", "--neurons", "5", "--size", "8", "9"]
    command = [sys.executable, BENCHMARKS / "large_recording.py", "--json", *sizes]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["command"], row["images"], row["neurons"]) for row in rows] == [("inspect", 20, 5), ("ingest", 20, 5)]
    assert all(50 < row["peak_mb"] < 2000 and row["file_mb"] < row["arrays_mb"] + 0.1 for row in rows)
