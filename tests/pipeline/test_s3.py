"""A store on S3: everything that is written and read is there, and what is not as it was written is refused."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import datajoint as dj
import pytest
import s3fs
from moto.server import ThreadedMotoServer

import models
from models.lazy import LazyArray
from pipeline.protocols import declare_protocol
from pipeline.tasks import declare_task
from pipeline.upkeep import clean
from schemas import stored_recording
from schemas.codecs import CorruptFileError
from schemas.dataset import Dataset, TrainingSet
from schemas.insilico import FeatureWeights
from schemas.stored_file import StoreError
from schemas.training import SavedState, TrainedModel
from schemas.training.saved_state import DatabaseKeeper

BUCKET = "lab"
NOBODY = "127.0.0.1:9"  # answers there
MIDDLE = 20_000  # of the recording's file: in its compressed responses or images


@pytest.fixture
def bucket(connection, monkeypatch) -> Iterator[s3fs.S3FileSystem]:
    """A bucket on a server of its own, as which DataJoint's store `main` is configured while the test runs."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"access_key": secrets.token_hex(10), "secret_key": secrets.token_hex(20)}
    files = s3fs.S3FileSystem(
        key=keys["access_key"], secret=keys["secret_key"], client_kwargs={"endpoint_url": f"http://{host}:{port}"}
    )
    files.mkdir(BUCKET)
    store = {"protocol": "s3", "endpoint": f"{host}:{port}", "bucket": BUCKET, "location": "models", "secure": False}
    monkeypatch.setenv("DJ_HOST", dj.config["database.host"])  # or the embedded server would bring its own store
    monkeypatch.setitem(dj.config, "stores", {"default": "main", "main": store | keys})
    yield files
    files.rm(BUCKET, recursive=True)
    server.stop()


@pytest.fixture
def recorded(bucket, command, recording_file) -> Iterator[str]:
    done = command("ingest", "on-s3", recording_file)
    assert done.code == 0, done.err
    yield "on-s3"
    (TrainingSet & {"training_set": "on-s3"}).delete(prompt=False)
    (Dataset & {"dataset_name": "on-s3"}).delete(prompt=False)


@pytest.fixture
def only(bucket):
    """Change one byte of the one file of a kind, and change it back."""

    @contextmanager
    def changed(kind: str, at: int) -> Iterator[None]:
        (path,) = (path for path in bucket.find(BUCKET) if path.endswith(kind))
        content = bucket.cat_file(path)
        bucket.pipe_file(path, content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        yield
        bucket.pipe_file(path, content)

    return changed


def test_a_store_on_s3(bucket, recorded, command, quick, recording, only, tmp_path):
    key = declare_task(recorded, "quick-equivariant", 0)
    with dj.conn().transaction:
        declare_protocol(key, "weights")
    jobs = "training_set = 'on-s3'"
    for computed in (TrainedModel, FeatureWeights):
        computed.populate(jobs, reserve_jobs=True)
    files = bucket.find(BUCKET)
    assert sorted(path.rpartition(".")[2] for path in files) == ["h5", "npy", "safetensors"]
    assert all(path.startswith(f"{BUCKET}/models/_schema/") for path in files)

    read = (Dataset & {"dataset_name": recorded}).load()
    assert read.content_sha256() == recording.content_sha256()
    row = TrainedModel & key
    data = models.Data.from_recording(read)
    assert models.evaluation.score(row.load_model(), data)[0]["val_corr"] == pytest.approx(row.fetch1("val_corr"))
    assert (FeatureWeights & key).fetch1("shares").load().shape[0] == recording.num_neurons
    report = command("report", "--dataset", recorded, "--out", tmp_path / "report.html")
    assert report.code == 0, report.err

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_recording, "SHARE_IN_MEMORY", 0)  # so that only what is looked at is read from the bucket
        large = (Dataset & {"dataset_name": recorded}).load()
        assert isinstance(large.train_images, LazyArray)
        assert large.training_part(per_mille=100).in_memory().train_images.shape == (6, 16, 16)
        with only(".h5", MIDDLE), pytest.raises(CorruptFileError, match=r"are not those|is damaged"):
            (Dataset & {"dataset_name": recorded}).load()

    with only(".safetensors", -1), pytest.raises(CorruptFileError, match="SHA-256 differs"):
        row.load_model()
    with only(".h5", MIDDLE), pytest.raises(CorruptFileError, match=r"are not those|is damaged"):
        (Dataset & {"dataset_name": recorded}).load()
    row.load_model()

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(dj.config["stores"]["main"], "endpoint", NOBODY)
        with pytest.raises(StoreError, match=r"cannot be read from the store \(EndpointConnectionError: "):
            (Dataset & {"dataset_name": recorded}).load()


def test_a_bucket_that_goes_away_fails_no_job(bucket, recorded, command, quick, monkeypatch):
    """It is gone when the model is to be stored; the saved state, from before, is gone on from."""
    key = declare_task(recorded, "longer", 0)
    train = TrainedModel._train
    with monkeypatch.context() as patch:

        def go_away(*arguments):
            trained = train(*arguments)
            patch.setitem(dj.config["stores"]["main"], "endpoint", NOBODY)
            return trained

        patch.setattr(TrainedModel, "_train", go_away)
        code, _, err = command("worker", "--dataset", recorded)
    assert code == 2
    said = r"hypercolumn: s3, 127\.0\.0\.1:9, lab: the store does not answer \(.*; check stores\.main .*\n"
    assert re.fullmatch(said, err)
    assert [len(jobs) for jobs in (TrainedModel.jobs.errors, TrainedModel.jobs.pending)] == [0, 1]
    bucket.invalidate_cache()
    assert sorted(path.rpartition(".")[2] for path in bucket.find(BUCKET)) == ["h5", "safetensors"]
    steps = (SavedState & key).fetch1("steps_taken")
    assert 0 < steps <= 400

    found = []
    load = DatabaseKeeper.load
    monkeypatch.setattr(DatabaseKeeper, "load", lambda self: found.append(load(self)) or found[-1])
    assert command("worker", "--dataset", recorded).out.endswith("1 done, 0 failed, nothing left\n")
    assert int(found[0]["standing.steps_taken"]) == steps
    assert not SavedState & key
    bucket.invalidate_cache()
    assert sorted(path.rpartition(".")[2] for path in bucket.find(BUCKET)) == ["h5", "safetensors"]


def test_clean_removes_what_nobody_refers_to_from_s3(bucket, recorded, command, quick, monkeypatch):
    for seed in (0, 1):
        TrainedModel.populate(declare_task(recorded, "quick", seed))
    kept = {path for path in bucket.find(BUCKET) if "seed=1" in path or path.endswith(".h5")}
    assert len(kept) == 2
    (TrainedModel & {"training_set": recorded, "seed": 0}).delete(prompt=False)
    assert len(bucket.find(BUCKET)) == 3
    assert command("clean").out == "0 files, 0.0 MB were removed\n"  # it may be one whose row is about to come
    monkeypatch.setattr(clean, "YOUNGEST", timedelta(0))
    before = command("clean", "--dry-run")
    assert before.out.splitlines()[-1].startswith("1 files, ")
    assert command("clean").out.splitlines()[0] == before.out.splitlines()[0]
    bucket.invalidate_cache()
    assert set(bucket.find(BUCKET)) == kept


def test_a_bucket_that_is_not_there(bucket, command, recording_file, monkeypatch):
    monkeypatch.setitem(dj.config["stores"]["main"], "bucket", "elsewhere")
    code, out, err = command("ingest", "nowhere", recording_file)
    assert (code, out) == (2, "")
    assert err.startswith("hypercolumn: the store on S3 cannot be used (")
    assert err.endswith("; check stores.main in DataJoint's configuration and its server\n")
    assert not Dataset & {"dataset_name": "nowhere"}


def test_doctor_tries_the_bucket(bucket, command, monkeypatch):
    code, out, _ = command("doctor", "--json")
    (found,) = (one for one in json.loads(out)["findings"] if one["what"] == "store")
    assert (code, found["state"]) == (0, "ok")
    bucket.invalidate_cache()
    assert bucket.find(BUCKET) == []
    monkeypatch.setitem(dj.config["stores"]["main"], "bucket", "elsewhere")
    code, out, _ = command("doctor", "--json")
    (found,) = (one for one in json.loads(out)["findings"] if one["what"] == "store")
    assert (code, found["state"]) == (2, "fault")
    assert not any(dj.config["stores"]["main"][key] in out for key in ("access_key", "secret_key"))
    assert not any("elsewhere" in line for line in json.loads(out)["to_send"])
