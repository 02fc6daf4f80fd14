"""A training that is interrupted, at any step, and goes on elsewhere ends with the bits of one that was not."""

import os
import signal
import threading

import numpy as np
import pytest

from kept_states import Kept
from models import Trainer
from models.interrupts import deferred
from same_tensors import same_tensors

STAGES = {"val_steps": 3, "learning_rate": 0.05, "batch_size": 8, "patience": 2, "lr_decay_steps": 2}
KINDS = {
    "stages": STAGES,
    "noise": STAGES | {"map_dropout": 0.3, "max_shift": 1},
    "limit": STAGES | {"max_iter": 13},
    "cosine": {"val_steps": 2, "batch_size": 8, "schedule": "cosine", "max_iter": 11, "optimizer": "adamw"},
    "no best yet": STAGES | {"val_steps": 5, "max_iter": 13},
}


def fit(small_model, data, options, keeper=None, kind="hermite", precision="float32", **more):
    trainer = Trainer(small_model(kind), data, seed=7, precision=precision)
    result = trainer.fit(**options, keeper=keeper, **more)
    return dict(trainer.model.state_dict()), result


def assert_same(first, second):
    (state, result), (other_state, other) = first, second
    assert same_tensors(state, other_state)
    assert (result.num_iterations, result.val_loss, result.curve) == (other.num_iterations, other.val_loss, other.curve)
    np.testing.assert_array_equal(result.test_corr, other.test_corr)


@pytest.mark.parametrize("kind", ["hermite", "conv2d"])
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_every_state_leads_to_the_same_end(small_model, small_data, kind, options):
    kept = Kept()
    whole = fit(small_model, small_data, options, kept, kind)
    assert len(kept.states) == len(whole[1].curve) > 1
    for state in kept.states:
        assert_same(fit(small_model, small_data, options, Kept(state), kind), whole)


@pytest.mark.parametrize("precision", ["bfloat16", "float64"])
def test_also_in_other_precisions(small_model, small_data, precision):
    kept = Kept()
    whole = fit(small_model, small_data, KINDS["noise"], kept, precision=precision)
    assert len(kept.states) == len(whole[1].curve) > 1
    for state in kept.states:
        assert_same(fit(small_model, small_data, KINDS["noise"], Kept(state), precision=precision), whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_training_after_its_step(small_model, small_data, number, monkeypatch):
    whole = fit(small_model, small_data, STAGES)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        kept, step = Kept(), Trainer._step
        taken = []

        def step_with_signal(self, *arguments):
            taken.append(1)
            if len(taken) == 5:
                os.kill(os.getpid(), number)
            return step(self, *arguments)

        monkeypatch.setattr(Trainer, "_step", step_with_signal)
        with pytest.raises(KeyboardInterrupt):
            fit(small_model, small_data, STAGES, kept)
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(taken) == 5
    assert [state["standing.steps_taken"].item() for state in kept.states] == [3, 5]
    assert kept.last == [False, True]
    monkeypatch.setattr(Trainer, "_step", step)
    assert_same(fit(small_model, small_data, STAGES, Kept(kept.states[-1])), whole)


def test_a_second_signal_does_not_wait():
    reached = []

    def twice():
        with deferred() as interrupted:
            signal.raise_signal(signal.SIGINT)
            assert interrupted()
            reached.append("first")
            signal.raise_signal(signal.SIGINT)
            reached.append("second")

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert reached == ["first"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_hear_no_signals(small_model, small_data):
    found = []
    thread = threading.Thread(target=lambda: found.append(fit(small_model, small_data, STAGES)))
    thread.start()
    thread.join()
    assert_same(found[0], fit(small_model, small_data, STAGES))
