"""Optimisers and schedules beside the original's."""

import math

import pytest
import torch

from models import Trainer
from models.adam import TensorFlowAdam
from models.evaluation import validate
from models.schedules import Cosine, Stages


def test_stages_are_tenths():
    stages = Stages(0.002, 3)
    assert stages.num_stages == 3
    assert [stages.rate(stage, 77) for stage in range(3)] == pytest.approx([0.002, 0.0002, 0.00002])


def test_a_cosine_falls_to_zero():
    cosine = Cosine(0.01, 200)
    assert [cosine.rate(0, at) for at in (0, 50, 100, 200)] == pytest.approx(
        [0.01, 0.005 * (1 + math.sqrt(0.5)), 0.005, 0]
    )


def test_a_training_follows_the_cosine_and_ends_with_its_best_state(small_model, small_data):
    model, rates = small_model(), []
    trainer = Trainer(model, small_data, seed=0)
    result = trainer.fit(
        val_steps=5, batch_size=8, learning_rate=0.02, patience=100, max_iter=40, schedule="cosine", lr_decay_steps=7,
        progress=lambda point: rates.append(point.learning_rate),
    )  # fmt: skip
    assert rates == pytest.approx([Cosine(0.02, 40).rate(0, at) for at in range(4, 40, 5)])
    assert [point.iteration for point in result.curve] == list(range(5, 41, 5))
    assert result.curve[-1].steps_left == 0
    best = min(result.curve, key=lambda point: point.val_loss)
    assert result.val_loss == best.val_loss
    assert result.num_iterations == best.iteration
    assert validate(model, trainer.data)[0] == best.val_loss


def test_patience_ends_a_cosine_too(trained):
    _, result = trained(0, schedule="cosine", max_iter=3000, patience=2, learning_rate=0.3, val_steps=1)
    assert len(result.curve) < 3000
    assert [point.is_best for point in result.curve[-2:]] == [False, False]


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_optimizer_is_the_one_that_was_asked_for(small_model, small_data, name):
    trainer = Trainer(small_model(), small_data, seed=0)
    trainer.fit(batch_size=8, max_iter=1, optimizer=name)
    assert type(trainer.optimizer) is {"adam": TensorFlowAdam, "adamw": torch.optim.AdamW}[name]


def test_weight_decay_pulls_weights_to_zero(trained):
    def size(weight_decay):
        state, _ = trained(0, optimizer="adamw", weight_decay=weight_decay, max_iter=60, learning_rate=0.01)
        return state["core.layers.0.kernel.weights"].square().sum()

    assert size(5.0) < 0.8 * size(0.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimizer": "sgd"}, "optimizer is 'sgd'; allowed are 'adam', 'adamw'"),
        ({"schedule": "linear"}, "schedule is 'linear'; allowed are 'stages', 'cosine'"),
        ({"schedule": "cosine", "max_iter": None}, "max_iter is None; schedule 'cosine' needs the number of steps"),
        ({"weight_decay": 0.1}, "weight_decay is 0.1; optimizer 'adam' has none, 'adamw' does"),
    ],
)
def test_what_does_not_fit_is_refused(trained, options, said):
    with pytest.raises(ValueError, match=f"^{said}"):
        trained(0, **options)
