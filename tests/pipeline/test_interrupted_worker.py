"""Workers that are ended, by a signal or a kill: nothing is lost, and another goes on where one stopped."""

from __future__ import annotations

import signal
import subprocess

import pytest

from embedded_processes import python
from pipeline.work import worker
from schemas.training import SavedState, TrainedModel, TrainingTask
from schemas.work import Lease
from waiting import eventually

LONGER = 400  # steps of the configuration of that name
INTERRUPTED = "hypercolumn: interrupted; what was finished is kept"
# A worker that gets SIGTERM while it imports PyTorch, where the exception that a handler raises is lost.
INTERRUPTED_IMPORT = """if True:
    import signal, sys
    from importlib.abc import MetaPathFinder
    from small_configurations import ADDED, cli, configs

    class Interrupting(MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name == "torch":
                sys.meta_path.remove(self)
                try:
                    signal.raise_signal(signal.SIGTERM)
                except BaseException:
                    pass

    assert "torch" not in sys.modules
    sys.meta_path.insert(0, Interrupting())
    configs.CONFIGS.update(ADDED)
    sys.argv = ["hypercolumn", "worker"]
    cli.main()
"""


def wait_for_training(process: subprocess.Popen) -> None:
    """Read until a training has had its first validation."""
    assert any("| step " in line for line in process.stdout)


def end(process: subprocess.Popen, number: signal.Signals) -> tuple[int, str]:
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def bits(key: dict) -> list:
    """All that two trainings of one task must agree in."""
    row = (TrainedModel & key).proj("num_iterations", "val_loss", "test_corr").fetch1()
    parts = [(part & key).to_dicts(order_by="KEY") for part in (TrainedModel.Neuron, TrainedModel.Curve)]
    weights = (TrainedModel & key).fetch1("weights").load()
    return [row, *parts, {name: tensor.tolist() for name, tensor in weights.items()}]


def test_a_worker_that_polls(start, declare):
    worker = start("worker", "--poll", 0.1, quick=True)
    keys = [declare("quick", seed) for seed in (63, 64)]
    eventually(lambda: len(TrainedModel & keys) == 2)
    code, err = end(worker, signal.SIGTERM)
    assert (code, err.strip()) == (130, INTERRUPTED)
    assert not Lease()


def test_an_interrupt_while_pytorch_is_imported_is_not_lost(declare, counts):
    declare("endless", 65)
    with python(INTERRUPTED_IMPORT) as worker:
        try:
            _, err = worker.communicate(timeout=60)
        finally:
            worker.kill()
    assert (worker.returncode, err.strip()) == (130, INTERRUPTED)
    assert counts() == {"declared": 2, "done": 1, "running": 0, "pending": 1, "failed": 0}
    assert not Lease()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_another_worker_goes_on(start, declare, counts, command, number, store):
    key = declare("longer", 28)
    assert command("worker").code == 0
    undisturbed = bits(key)
    (TrainedModel & key).delete(prompt=False)

    worker = start("worker", quick=True)
    wait_for_training(worker)
    eventually(lambda: SavedState & key)
    assert counts()["running"] == 1
    code, err = end(worker, number)
    if number == signal.SIGKILL:
        assert counts()["running"] == 1
    else:
        assert (code, err.strip()) == (130, INTERRUPTED)
        assert counts() == {"declared": 2, "done": 1, "running": 0, "pending": 1, "failed": 0}
        assert not Lease()
    assert not TrainedModel & key
    steps, path = (SavedState & key).fetch1("steps_taken", "state")
    assert 0 < steps < LONGER

    assert command("worker").out.endswith("1 done, 0 failed, nothing left\n")
    assert bits(key) == undisturbed
    assert not SavedState & key
    assert not (store / path.path).exists()
    assert not Lease()


def test_a_job_goes_back_where_the_store_is_tried_after_it_failed(command, declare, counts, monkeypatch):
    """Whose fault it was is not known then."""
    declare("quick", 28)

    def fail(self, key, task):
        raise OSError("no answer")

    def interrupt():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainedModel, "make_compute", fail)
        patch.setattr(worker, "check_answers", interrupt)
        code, _, err = command("worker")
    assert (code, err.strip()) == (130, INTERRUPTED)
    assert counts() == {"declared": 2, "done": 1, "running": 0, "pending": 1, "failed": 0}


def test_a_state_without_a_job_is_removed(declare, command, trained, state_left):
    assert command("worker").out.endswith("0 done, 0 failed, nothing left\n")
    assert not SavedState & trained
    assert not state_left.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_leaves_its_task(start, tiny, declare, counts, snapshot, number):
    key = declare("endless", 40)
    before = snapshot()
    process = start("train", tiny, "--config", "endless", "--seed", 40, quick=True)
    wait_for_training(process)
    code, err = end(process, number)
    assert (code, err.strip()) == (130, INTERRUPTED)
    (SavedState & key).discard()  # from which it would go on
    assert snapshot() == before
    assert len(TrainingTask & key) == 1
    assert counts()["pending"] == 1
