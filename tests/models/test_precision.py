"""Trainings in coarser products learn the same, keep their weights fine, and go on with the same bits."""

import numpy as np
import pytest
import torch

from models import Data, Trainer, evaluation
from models.precision import PRECISIONS
from models.simulation import simulate_recording

SEEDS = (0, 1, 2)
BOUND = 0.02  # twice the largest difference of ten such pairs; the SD over seeds alone is 0.05


@pytest.fixture(scope="module")
def simulated():
    return Data.from_recording(
        simulate_recording(num_neurons=12, num_images=250, image_size=16, num_repeats=10, seed=1)
    )


@pytest.fixture
def fitted(small_model, simulated):
    """A small model after a training with that seed in that precision, and the result."""

    def fit(seed, precision, **options):
        model = small_model(num_neurons=12, image_size=(16, 16), readout={"readout_sparsity": 0.01})
        trainer = Trainer(model, simulated, seed=seed, precision=precision)
        settings = {"val_steps": 20, "learning_rate": 0.015, "batch_size": 16, "max_iter": 80}
        return trainer.model, trainer.fit(**settings | options)

    return fit


def test_bfloat16_learns_what_float32_learns(fitted):
    correlations = {
        precision: [fitted(seed, precision)[1].test_corr.mean() for seed in SEEDS]
        for precision in ("float32", "bfloat16")
    }
    assert min(correlations["float32"]) > 0.45
    np.testing.assert_allclose(correlations["bfloat16"], correlations["float32"], atol=BOUND)


def test_only_products_are_coarser(small_model, small_data):
    """Weights, averages, optimiser, scores, and the loss that is minimised are of single precision."""
    used = {}
    model = small_model()
    model.core.layers[1].norm.register_forward_hook(lambda norm, given, _: used.update(maps=given[0].dtype))
    model.readout.register_forward_hook(lambda readout, _, rates: used.update(rates=rates.dtype))
    trainer = Trainer(model, small_data, seed=0, precision="bfloat16")
    trainer.fit(batch_size=8, max_iter=1, val_steps=2)
    assert used == {"maps": torch.float32, "rates": torch.float32}, "the test set is predicted last"
    trainer._step([np.arange(8)], 0.001, 0.0, 0)
    assert used == {"maps": torch.bfloat16, "rates": torch.float32}
    held = [tensor for state in trainer.optimizer.state.values() for tensor in state.values()]
    assert {tensor.dtype for tensor in [*model.state_dict().values(), *held]} == {torch.float32}
    float32 = Trainer(small_model(), small_data, seed=0)
    float32.model.load_state_dict(model.state_dict())
    assert evaluation.validate(model, small_data) == evaluation.validate(float32.model, small_data)


def test_tf32_is_single_precision_on_a_cpu(fitted):
    (_, tf32), (_, float32) = (fitted(0, precision, max_iter=5) for precision in ("tf32", "float32"))
    np.testing.assert_array_equal(tf32.test_corr, float32.test_corr)


def test_settings_are_put_back():
    backends = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [backend.allow_tf32 for backend in backends]
    cuda = torch.device("cuda")
    for name, allowed in (("tf32", True), ("float32", False), ("bfloat16", False)):
        with PRECISIONS[name].settings(cuda):
            assert [backend.allow_tf32 for backend in backends] == [allowed, allowed]
        assert [backend.allow_tf32 for backend in backends] == before


def test_an_unknown_precision_is_refused(small_model, small_data):
    with pytest.raises(
        ValueError, match="precision is 'float16'; allowed are 'float32', 'float64', 'tf32', 'bfloat16'"
    ):
        Trainer(small_model(), small_data, seed=0, precision="float16")
