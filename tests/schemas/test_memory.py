"""Jobs that do not fit into memory: one line that says so, and nothing that they had is left of them."""

from __future__ import annotations

import gc
import re
import resource
import weakref
from contextlib import contextmanager

import numpy as np
import psutil
import pytest
import torch

from models.training import Trainer
from pipeline import configs
from pipeline.tasks import declare_task
from pipeline.work.worker import outcomes
from schemas import memory, recordings
from schemas.training import TrainedModel, TrainingTask
from small_configurations import QUICK

WIDE = QUICK.derived(  # whose maps of one batch take 4.5 GiB
    "wide",
    "too wide",
    core={"core": "cnn-4-524288-4"},
    layers={"filter_size": [5, 1, 1], "num_filters": [4, 2**19, 4]},
)
LINE = (
    r"cpu has too little memory for batches of 16 images of 16 x 16 pixels and 6 neurons \(.*allocate \d+ bytes.*\); "
    "a smaller batch_size takes less"
)


@contextmanager
def little_memory():
    """2 GiB more than this process needs now: too little for those maps alone, where a library might abort."""
    gc.collect()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 2**31, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture
def keys(tiny, quick, monkeypatch):
    monkeypatch.setitem(configs.CONFIGS, "wide", WIDE)
    keys = [declare_task(tiny, "wide", 0), declare_task(tiny, "quick", 80)]
    yield keys
    for key in keys:
        (TrainingTask & key).delete(prompt=False)
    TrainedModel.jobs.delete()


def test_a_batch_that_does_not_fit_is_a_failed_job(keys, command):
    with little_memory():
        found = {}
        for outcome in outcomes([TrainedModel()], [keys]):
            left = [thing for thing in gc.get_objects() if type(thing) is Trainer]
            found[outcome.key["config"]] = outcome.error, left
    with little_memory():
        code, _, line = command("train", "tiny", "--config", "wide")
    error, left = found["wide"]
    assert found["quick"][0] is None
    assert left == []
    (job,) = TrainedModel.jobs.errors.to_dicts()
    assert (job["config"], job["error_message"]) == ("wide", f"OutOfMemoryError: {error}")
    with pytest.raises(memory.OutOfMemoryError, match=LINE):
        raise error
    assert "\n" not in str(error)
    assert [len(TrainedModel & key) for key in keys] == [0, 1]
    assert code == 2
    assert re.fullmatch(f"hypercolumn: {LINE}.*\n", line)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1.00 GiB free. See more"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported elsewhere"),
        MemoryError("Unable to allocate 2.00 GiB"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_job_holds_is_free_when_it_says_so(error, tiny):
    held = []

    def job():
        large = np.zeros(1)
        held.append(weakref.ref(large))
        raise error.with_traceback(None)

    recordings.load({"training_set": tiny})
    with pytest.raises(memory.OutOfMemoryError, match="cuda:0 has too little memory for it") as raised:
        memory.enough_for(job, torch.device("cuda:0"), "it", "take less")
    assert str(raised.value).endswith("); take less")
    assert "See more" not in str(raised.value)
    assert raised.value.__context__ is None
    error.with_traceback(None)  # which this test itself holds
    assert held[0]() is None
    assert not recordings._kept


def test_other_errors_are_left_as_they_are():
    def job():
        raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        memory.enough_for(job, torch.device("cpu"), "it", "take less")
