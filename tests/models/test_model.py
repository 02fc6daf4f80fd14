"""The whole model, against recorded values, and what every model must keep."""

import copy

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from models import poisson_loss, predict, tensorflow_variables
from models.penalties import group_sparsity, smoothness

DOUBLE = ["hermite_jointl1", "conv2d_jointl1", "hermite_sharedbias", "conv2d_stride_dilated", "hermite_unfused"]
DOUBLE += ["hermite_separate_l1", "hermite_sparse_dense_separate", "hermite_transfer_k2"]
SINGLE = ["hermite_jointl1_pos", "hermite_sharedbias_unfused"]
RECORDED = [f"{name}.pert.f64" for name in DOUBLE] + [f"{name}.pert" for name in SINGLE]

MODELS = [
    ("conv2d", {}, {}),
    ("conv2d", {"stride": [2, 1], "activation_fn": ["relu", "soft"]}, {"positive_feature_weights": True}),
    ("hermite", {}, {}),
    ("hermite", {"num_rotations": 8, "shared_biases": True}, {"positive_feature_weights": True}),
    ("hermite", {"padding": ["VALID", "VALID"], "rate": [1, 2], "upsampling": 1}, {}),
]


@pytest.fixture(params=MODELS, ids=lambda case: f"{case[0]} {case[1]} {case[2]}")
def model(request, double, small_model, small_data):
    kind, core, readout = request.param
    built = small_model(kind, readout=readout, **core)
    built.initialize(1, small_data)
    return built


class Penalty(torch.nn.Module):
    """A model's penalties as the output of a module."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self):
        return self.model.regularizer()


@pytest.fixture
def images(small_data):
    return small_data.train_images[:12].double()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["f64", "f32"])
@pytest.mark.parametrize("name", RECORDED)
def test_recorded_predictions_penalties_and_gradients(name, dtype, double, recorded, recorded_model, tiny_data):
    wanted = recorded(name)
    # recorded under TensorFlow 2, which has a fused kernel for shared biases
    fused = {"fused_bn": True} if name.startswith("hermite_sharedbias.") else {}
    model = recorded_model(wanted, "var/", **fused).to(dtype)
    # In single precision two builds of the original itself differ by as much.
    tolerance = 1e-10 if name.endswith("f64") and dtype is torch.float64 else 5e-6
    rows = wanted["batch/idx"][0]
    images, responses = tiny_data.train_images[rows].to(dtype), tiny_data.train_responses[rows].to(dtype)

    def check(found, key, slack=1.0):
        scale = np.abs(wanted[key]).max()
        np.testing.assert_allclose(np.asarray(found), wanted[key], rtol=0, atol=slack * tolerance * scale, err_msg=key)

    with torch.no_grad():
        model.eval()
        check(model(images), "eval/prediction")
        check(poisson_loss(model(images), responses), "eval/poisson")
        if "eval/core_output" in wanted:
            check(model.core(images[:1]).permute(0, 2, 3, 1), "eval/core_output")
    model.train()
    maps = model.core(images)
    rates = model.readout(maps)
    if "train/core_output" in wanted:
        check(maps[:2].detach().permute(0, 2, 3, 1), "train/core_output")
    check(rates.detach(), "train/prediction")
    poisson, penalty = poisson_loss(rates, responses), model.regularizer()
    check(poisson.detach(), "train/poisson")
    check(penalty.detach(), "train/reg_loss")
    check((poisson + penalty).detach(), "train/total_loss")
    check(model.readout.regularizer().detach(), "train/readout_reg")
    kernels = [(layer, layer.kernel().detach()) for layer in model.core.layers]
    check([layer.smooth_weight * smoothness(kernel) for layer, kernel in kernels], "smoothness")
    check([layer.sparse_weight * group_sparsity(kernel) for layer, kernel in kernels], "sparsity")

    (poisson + penalty).backward()
    gradients = copy.deepcopy(model)
    for holder, parameter in zip(gradients.parameters(), model.parameters(), strict=True):
        holder.data = parameter.grad
    found = tensorflow_variables(gradients)
    for key in [key for key in wanted if key.startswith("grad/")]:
        check(found[key.removeprefix("grad/")], key, slack=20)


def test_recorded_poisson_loss(recorded):
    wanted = recorded("functions")
    rates = torch.from_numpy(wanted["poisson_pred"]).requires_grad_()
    loss = poisson_loss(rates, torch.from_numpy(wanted["poisson_resp"]))
    loss.backward()
    assert loss.item() == pytest.approx(float(wanted["poisson"]), rel=1e-6)
    np.testing.assert_allclose(rates.grad, wanted["poisson_grad"], rtol=1e-5, atol=1e-6)


def test_poisson_loss_is_finite_at_a_rate_of_zero():
    rates = torch.zeros(3, 2, requires_grad=True)
    loss = poisson_loss(rates, torch.ones(3, 2))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(rates.grad).all()


def test_every_penalty_is_in_the_models(model):
    assert model.regularizer().item() == pytest.approx(
        model.core.regularizer().item() + model.readout.regularizer().item()
    )
    assert min(model.core.regularizer().item(), model.readout.regularizer().item()) > 0


def test_a_gradient_reaches_every_parameter(model, images):
    (poisson_loss(model(images), torch.ones(12, 6)) + model.regularizer()).backward()
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().amax() > 0, name
    for name, parameter in model.readout.named_parameters():  # every neuron's own
        assert (parameter.grad.abs().flatten(1 if parameter.ndim > 1 else 0).reshape(6, -1).amax(dim=1) > 0).all(), name


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_gradients_are_the_slopes(model, images, small_data, training):
    """Of the whole loss, by every parameter and by the images."""
    model.train(training)
    responses = small_data.train_responses[:12].double()
    names = [name for name, _ in model.named_parameters()]

    def loss(images, *parameters):
        rates = torch.func.functional_call(model, dict(zip(names, parameters, strict=True)), (images,))
        return poisson_loss(rates, responses)

    def penalty(*parameters):
        given = {f"model.{name}": parameter for name, parameter in zip(names, parameters, strict=True)}
        return torch.func.functional_call(Penalty(model), given, ())

    parameters = [parameter.detach().clone().requires_grad_() for parameter in model.parameters()]
    assert torch.autograd.gradcheck(loss, (images.clone().requires_grad_(), *parameters), fast_mode=True)
    assert torch.autograd.gradcheck(penalty, tuple(parameters), fast_mode=True)


def test_evaluation_sees_each_image_alone(model, images):
    model(images)  # moving averages away from the start
    model.eval()
    rates = model(images)
    assert rates.shape == (12, 6)
    assert rates.min() > 0
    assert rates.std(dim=0).min() > 0
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(images[order]), rates[order], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(model(images[:1]), rates[:1], rtol=1e-12, atol=1e-12)
    for size in (1, 5, 256):
        torch.testing.assert_close(predict(model, images, batch_size=size), rates.detach(), rtol=1e-12, atol=1e-12)


def test_evaluation_changes_nothing(model, images):
    model.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model(images)
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)


def test_saved_and_loaded_the_model_is_the_same_to_the_bit(model, images, small_data):
    model(images)
    loaded = copy.deepcopy(model)
    loaded.initialize(2, small_data)
    for tensor in loaded.state_dict().values():
        tensor.add_(1)
    assert not torch.equal(predict(loaded, images), predict(model, images))
    loaded.load_state_dict(load(save(model.state_dict())))
    assert torch.equal(predict(loaded, images), predict(model, images))
    assert torch.equal(loaded.regularizer(), model.regularizer())


def test_start_values_follow_from_the_seed(small_model, small_data):
    def state(seed):
        model = small_model()
        model.initialize(seed, small_data)
        return dict(model.state_dict())

    torch.testing.assert_close(state(3), state(3), rtol=0, atol=0)
    assert not torch.equal(state(3)["readout.masks"], state(4)["readout.masks"])
    assert not torch.equal(state(3)["core.layers.0.kernel.weights"], state(4)["core.layers.0.kernel.weights"])


def test_a_model_is_fresh_until_it_has_weights(small_model, small_data):
    model = small_model()
    assert model.fresh
    other = small_model()
    other.load_state_dict(model.state_dict())
    assert not other.fresh
    model.initialize(0, small_data)
    assert not model.fresh
