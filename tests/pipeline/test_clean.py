"""Files that no row refers to are removed, and no others; not while workers are alive."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.tasks import declare_task
from pipeline.upkeep import clean
from schemas.training import SavedState, TrainedModel, TrainingTask
from schemas.work import Lease


@pytest.fixture
def files(store):
    def take():
        return {path for path in store.rglob("*") if path.is_file()}

    return take


@pytest.fixture
def orphans(tiny, quick, store, monkeypatch):
    """Old files: of a trained model whose row is deleted, and of one that was not written to the end."""
    with monkeypatch.context() as patch:  # those that other tests have left
        patch.setattr(clean, "YOUNGEST", timedelta())
        clean.clean(dry_run=False)
    key = declare_task(tiny, "quick", 80)
    TrainedModel.populate(key)
    weights = store / (TrainedModel & key).fetch1("weights").path
    (TrainingTask & key).delete(prompt=False)
    half = weights.with_name("weights_half.safetensors.saving")  # of a process that was killed
    half.write_bytes(b"0" * 1000)
    for path in (weights, half):
        os.utime(path, (0, 0))
    yield {weights, half}
    for path in (weights, half):
        path.unlink(missing_ok=True)


def test_what_nobody_refers_to_is_removed(command, trained, orphans, files):
    before = files()
    code, out, err = command("clean", "--dry-run")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert {path.name for path in orphans} <= {line.rpartition("/")[2] for line in lines[:-1]}
    assert lines[-1].endswith("would be removed")
    assert files() == before
    assert command("clean").out.endswith("were removed\n")
    assert files() == before - orphans
    assert command("clean").out == "0 files, 0.0 MB were removed\n"
    (TrainedModel & trained).load_model()


def test_young_files_are_left(command, orphans, files):
    for path in orphans:
        os.utime(path)
    before = files()
    assert command("clean").out == "0 files, 0.0 MB were removed\n"
    assert files() == before


def test_a_state_of_a_trained_model_is_removed(command, trained, state_left):
    command("clean", "--dry-run")
    assert state_left.exists()
    command("clean")
    assert not SavedState & trained
    assert not state_left.exists()


def test_not_while_a_worker_is_alive(refused, command, orphans, files):
    before = files()
    lease = {"host": "far", "pid": 7, "connection_id": 1, "process_space": "far", "device": "cpu"}
    Lease.insert1(lease | {"renewed": datetime.now(UTC).replace(tzinfo=None)})
    try:
        assert "1 workers are alive (far process 7); stop them first" in refused("clean")
        assert command("clean", "--dry-run").code == 0
        assert files() == before
    finally:
        Lease.delete_quick()


def test_not_where_a_table_cannot_be_read(refused, orphans, files, monkeypatch):
    before = files()

    def unreadable(self, stored):
        raise ValueError("not what it should be")

    monkeypatch.setattr("schemas.codecs.SafetensorsCodec.referenced_paths", unreadable)
    line = refused("clean")
    assert "not all tables and files can be read (" in line
    assert files() == before


def test_of_a_file_system_with_dates():
    when = datetime(2026, 1, 1, tzinfo=UTC)
    assert clean._modified({"LastModified": when}) == when == clean._modified({"mtime": when.timestamp()})
