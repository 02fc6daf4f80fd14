"""Captured steps are the plain ones, and what they read and write stays where it is in memory."""

import pytest
import torch

from models import SharedCoreModel, SharedData, Trainer
from models.keeper import Keeper
from models.optimizers import optimizer_named
from models.precision import PRECISIONS
from models.training_step import WARM_UP, CapturedStep, Minibatch, Step
from programs import needs_cuda
from same_tensors import same_tensors

OPTIONS = {"val_steps": 3, "learning_rate": 0.05, "batch_size": 8, "patience": 2, "lr_decay_steps": 3, "max_iter": 20}
NOISE = {"map_dropout": 0.3, "max_shift": 1}


class OnCpu:
    """Where a CUDA graph would be: replayed is the work that was given, on the tensors it was given with."""

    def __init__(self, error=None):
        self.error, self.replays = error, 0

    def warm_up(self, compute):
        return compute()

    def capture(self, compute):
        if self.error:
            raise self.error
        self.compute, self.loss = compute, torch.zeros(())
        return self.loss

    def replay(self):
        self.replays += 1
        self.loss.copy_(self.compute())


class Places(Keeper):
    """Keeps where the optimiser's tensors and the weights are at each validation."""

    def __init__(self, trainer):
        self.trainer, self.places = trainer, []

    def save(self, state, *, last=False):
        held = [tensor for one in self.trainer.optimizer.state.values() for tensor in one.values()]
        rates = [group["lr"] for group in self.trainer.optimizer.param_groups]
        tensors = [*held, *rates, *self.trainer.model.state_dict().values()]
        self.places.append([tensor.data_ptr() for tensor in tensors])


def fit(trainer, **options):
    result = trainer.fit(**OPTIONS | options)
    return result, {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


@pytest.fixture
def steps(small_model, small_data):
    """Take ten steps at falling rates; gives their losses and the weights."""

    def take(captured, dropping, optimizer="adam"):
        model = small_model()
        model.initialize(3, small_data)
        step = Step(model, optimizer_named(optimizer, model.parameters(), 0.0), PRECISIONS["float32"])
        taken = captured(step)
        generator = torch.Generator().manual_seed(0)
        losses = []
        for number in range(10):
            rows = torch.randperm(40, generator=generator)[:8]
            kept = (torch.rand(8, model.core.channels, generator=generator) > 0.3).float() if dropping else None
            minibatch = Minibatch(small_data.train_images[rows], (small_data.train_responses[rows],), kept)
            losses.append(float(taken(minibatch, 0.05 / (1 + number))))
        return losses, dict(model.state_dict())

    return take


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@pytest.mark.parametrize("dropping", [False, True])
def test_captured_steps_are_the_plain_ones(steps, dropping, optimizer):
    graph = OnCpu()
    losses, weights = steps(lambda step: CapturedStep(step, graph), dropping, optimizer)
    plain_losses, plain_weights = steps(lambda step: step, dropping, optimizer)
    assert losses == plain_losses
    assert len(set(losses)) == 10
    assert same_tensors(weights, plain_weights)
    assert graph.replays == 10 - WARM_UP


def test_nothing_moves_when_the_best_state_comes_back(small_model, small_data):
    trainer = Trainer(small_model(), small_data, seed=3)
    keeper = Places(trainer)
    result, _ = fit(trainer, keeper=keeper)
    assert len({point.learning_rate for point in result.curve}) > 1
    assert len(keeper.places) == len(result.curve) > 1
    assert all(places == keeper.places[0] for places in keeper.places)


def test_what_cannot_be_captured_is_taken_plainly(steps, caplog):
    graph = OnCpu(RuntimeError("operation not permitted\nand more\nlines"))
    losses, _ = steps(lambda step: CapturedStep(step, graph), dropping=True)
    assert losses == steps(lambda step: step, dropping=True)[0]
    said = "the training's steps are not captured, and slower: operation not permitted"
    assert [record.getMessage() for record in caplog.records] == [said]


def test_captured_steps_of_several_recordings(small_model, small_data):
    def losses(captured):
        model = SharedCoreModel(small_model().core, {"a": small_model().readout, "b": small_model().readout})
        model.initialize(3, SharedData({"a": small_data, "b": small_data}))
        taken = captured(Step(model, optimizer_named("adam", model.parameters(), 0.0), PRECISIONS["float32"]))
        generator = torch.Generator().manual_seed(0)
        for _ in range(6):
            rows = torch.randperm(40, generator=generator)[:12]
            responses = small_data.train_responses[rows].split([4, 8])
            yield float(taken(Minibatch(small_data.train_images[rows], responses), 0.05))

    graph = OnCpu()
    found = list(losses(lambda step: CapturedStep(step, graph)))
    assert found == list(losses(lambda step: step))
    assert (len(set(found)), graph.replays) == (6, 6 - WARM_UP)


@needs_cuda
@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_on_cuda(small_model, small_data, precision, optimizer, caplog, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)  # or no two trainings need be the same to the bit
    options = NOISE | {"optimizer": optimizer}
    (captured, weights), (plain, plain_weights) = (
        fit(Trainer(small_model(), small_data, seed=3, device="cuda", precision=precision, captured=one), **options)
        for one in (True, False)
    )
    assert not caplog.records
    assert captured.curve == plain.curve
    assert same_tensors(weights, plain_weights)
    on_cpu, _ = fit(Trainer(small_model(), small_data, seed=3, precision=precision), **options)
    assert captured.curve[0].val_loss == pytest.approx(on_cpu.curve[0].val_loss, rel=0.02)


@needs_cuda
@pytest.mark.parametrize("captured", [False, True])
def test_the_host_never_waits_in_a_step(small_model, small_data, captured):
    trainer = Trainer(small_model(), small_data, seed=3, device="cuda", captured=captured)
    fit(trainer, **NOISE)
    try:
        torch.cuda.set_sync_debug_mode("error")
        trainer._step(next(trainer._batches), 0.01, 0.3, 1)
    finally:
        torch.cuda.set_sync_debug_mode("default")
