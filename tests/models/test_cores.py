"""The cores: recorded kernels, shapes, equivariance, and what every combination of keywords must keep."""

import numpy as np
import pytest
import torch

from models.kernels import RotatedHermiteKernel
from models.start_values import truncated_normal_

CORES = {
    "conv2d": ("conv2d", {}),
    "conv2d relu": ("conv2d", {"activation_fn": ["relu", "soft"]}),
    "conv2d even": ("conv2d", {"filter_size": [6, 4]}),
    "conv2d stride": ("conv2d", {"stride": [2, 3]}),
    "conv2d dilated": ("conv2d", {"rate": [2, 3]}),
    "conv2d dilated stride": ("conv2d", {"rate": [2, 1], "stride": [2, 1]}),
    "conv2d valid": ("conv2d", {"padding": ["VALID", "SAME"], "stride": [1, 2]}),
    "conv2d valid dilated": ("conv2d", {"padding": ["VALID", "VALID"], "rate": [1, 2]}),
    "hermite": ("hermite", {}),
    "hermite 8": ("hermite", {"num_rotations": 8}),
    "hermite 6": ("hermite", {"num_rotations": 6}),
    "hermite no upsampling": ("hermite", {"upsampling": 1}),
    "hermite upsampling 3": ("hermite", {"upsampling": 3}),
    "hermite shared": ("hermite", {"shared_biases": True}),
    "hermite shared 8": ("hermite", {"shared_biases": True, "num_rotations": 8}),
    "hermite shared fused": ("hermite", {"shared_biases": True, "fused_bn": True}),
    "hermite unfused": ("hermite", {"fused_bn": False}),
    "hermite relu": ("hermite", {"activation_fn": ["relu", "soft"]}),
    "hermite linear": ("hermite", {"activation_fn": ["none", "relu"]}),
    "hermite even": ("hermite", {"filter_size": [6, 4]}),
    "hermite stride": ("hermite", {"stride": [2, 3]}),
    "hermite dilated": ("hermite", {"rate": [2, 3]}),
    "hermite valid": ("hermite", {"padding": ["VALID", "VALID"]}),
    "hermite valid even stride": ("hermite", {"padding": ["VALID", "SAME"], "filter_size": [6, 3], "stride": [2, 1]}),
    "hermite valid dilated": ("hermite", {"padding": ["SAME", "VALID"], "rate": [1, 2]}),
    "hermite one layer": (
        "hermite",
        {
            "filter_size": [5],
            "num_filters": [3],
            "stride": [1],
            "rate": [1],
            "padding": ["SAME"],
            "activation_fn": ["soft"],
            "rel_smooth_weight": [1],
            "rel_sparse_weight": [1],
        },
    ),
}
# Turning the image permutes the pixels that are seen only if the sampling is symmetric about the middle.
UNSYMMETRIC = {"hermite even", "hermite stride"}
EQUIVARIANT = [name for name in CORES if name.startswith("hermite") and name not in UNSYMMETRIC]


@pytest.fixture(params=CORES)
def core(request, double, small_core):
    kind, kwargs = CORES[request.param]
    return small_core(kind, **kwargs)


@pytest.fixture
def images():
    return torch.randn(4, 1, 16, 18, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("filter_size", [5, 6, 13])
@pytest.mark.parametrize("layer", ["first", "later"])
def test_recorded_kernels(double, recorded, filter_size, layer):
    wanted = recorded(f"hermite_fs{filter_size}")
    coeffs = wanted[f"{layer}/coeffs"]
    kernel = RotatedHermiteKernel(filter_size, *coeffs.shape[1:], num_rotations=8, upsampling=2, first=layer == "first")
    with torch.no_grad():
        kernel.weights.copy_(torch.from_numpy(coeffs))
    found = kernel().detach().permute(2, 3, 1, 0).numpy()
    largest = np.abs(found).max()
    np.testing.assert_allclose(found, wanted[f"{layer}/rotated"], rtol=0, atol=1e-6 * largest)
    if filter_size != 13:
        np.testing.assert_allclose(found[..., :2], wanted[f"{layer}/kernel"], rtol=0, atol=1e-6 * largest)


def test_output_shape(core, images):
    assert tuple(core(images).shape[1:]) == core.output_shape(16, 18)


def test_a_gradient_reaches_every_parameter(core, images):
    maps = core(images)
    (maps * torch.randn(maps.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    for name, parameter in core.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().amax() > 1e-8, name


def test_penalties_reach_every_kernel_and_follow_its_weights(core):
    core.regularizer().backward()
    for layer in core.layers:
        assert layer.kernel.weights.grad.abs().amax() > 0
    for layer in core.layers:
        layer.smooth_weight, layer.sparse_weight = 0, 0
    assert core.regularizer() == 0


def test_kernels_at_hand_change_nothing(core, images):
    kernels = core.kernels()
    torch.testing.assert_close(core(images, kernels), core(images), rtol=0, atol=0)
    torch.testing.assert_close(core.regularizer(kernels), core.regularizer(), rtol=0, atol=0)


def test_start_values_follow_from_the_generator(core):
    fresh = {name: tensor.clone() for name, tensor in core.state_dict().items()}
    with torch.no_grad():
        for tensor in core.state_dict().values():
            tensor.add_(1)
    core.initialize(torch.Generator().manual_seed(0))
    torch.testing.assert_close(dict(core.state_dict()), fresh, rtol=0, atol=0)
    core.initialize(torch.Generator().manual_seed(1))
    assert all(
        torch.equal(tensor, fresh[name]) != name.endswith("weights") for name, tensor in core.state_dict().items()
    )


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=["f64", "f32"])
@pytest.mark.parametrize("name", EQUIVARIANT)
def test_turning_the_image_turns_the_maps_and_permutes_their_rotations(
    name, dtype, tolerance, training, small_core, images
):
    core = small_core(*CORES[name][:1], **CORES[name][1]).to(dtype)
    images = images.to(dtype)
    generator = torch.Generator().manual_seed(1)
    rotations = core.layers[0].kernel.num_rotations
    with torch.no_grad():
        # far from the start, but each filter's batch norm the same in all its rotations
        for tensor in [tensor for layer in core.layers for tensor in layer.norm.state_dict().values()]:
            shared = CORES[name][1].get("shared_biases", False)
            values = 0.5 + torch.rand(len(tensor) if shared else len(tensor) // rotations, generator=generator)
            tensor.copy_(values if shared else values.repeat(rotations))
    core.train(training)
    quarters = 2 if rotations % 4 else 1
    with torch.no_grad():
        start = {key: tensor.clone() for key, tensor in core.state_dict().items()}
        maps = maps_of_layers(core, images)
        core.load_state_dict(start)
        of_turned = maps_of_layers(core, torch.rot90(images, quarters, dims=(2, 3)))
    for found, upright in zip(of_turned, maps, strict=True):
        filters = upright.shape[1] // rotations
        wanted = torch.rot90(upright, quarters, dims=(2, 3)).roll(filters * rotations * quarters // 4, dims=1)
        torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance * upright.abs().max().item())
        assert upright.std() > 0.01


def maps_of_layers(core, images):
    maps = [images]
    for layer, kernel in zip(core.layers, core.kernels(), strict=True):
        maps.append(layer(maps[-1], kernel))
    return maps[1:]


def test_plain_convolutions_are_not_equivariant(double, small_core, images):
    """So that the test above is known to be able to fail."""
    core = small_core("conv2d").eval()
    turned = core(torch.rot90(images, 2, dims=(2, 3)))
    assert (turned - torch.rot90(core(images), 2, dims=(2, 3))).abs().max() > 1e-3 * turned.abs().max()


def test_shared_biases_are_shared_over_rotations(small_core):
    norms = [layer.norm for layer in small_core(shared_biases=True, num_rotations=8).layers]
    assert [len(norm.beta) for norm in norms] == [3, 2]
    norms = [layer.norm for layer in small_core(shared_biases=False, num_rotations=8).layers]
    assert [len(norm.beta) for norm in norms] == [24, 16]


def test_batch_norm_as_in_the_original(small_core):
    norms = [layer.norm for layer in small_core("hermite").layers]
    assert [norm.gamma is None for norm in norms] == [False, True]
    assert [norm.momentum for norm in norms] == pytest.approx([0.1, 0.1], rel=1e-6)
    norms = [layer.norm for layer in small_core("conv2d").layers]
    assert [norm.gamma is None for norm in norms] == [True, True]
    assert [norm.momentum for norm in norms] == pytest.approx([0.02, 0.02], rel=1e-5)


def test_truncated_normal():
    drawn = torch.empty(200, 300)
    truncated_normal_(drawn, 0.1, torch.Generator().manual_seed(0))
    assert drawn.abs().max() <= 0.2
    assert drawn.abs().max() > 0.199
    assert drawn.std().item() == pytest.approx(0.088, rel=0.01)
    assert abs(drawn.mean().item()) < 0.001


@pytest.mark.parametrize("kind", ["conv2d", "hermite"])
def test_weights_start_at_the_originals_scale(small_core, kind):
    core = small_core(kind, num_filters=[100, 50])
    nominal = {"conv2d": 0.01, "hermite": 0.1}[kind]
    for layer in core.layers:
        assert layer.kernel.weights.std().item() == pytest.approx(0.88 * nominal, rel=0.05)


@pytest.mark.parametrize("kind", ["conv2d", "hermite"])
def test_one_value_a_layer(small_core, kind):
    with pytest.raises(ValueError, match="argument"):
        small_core(kind, stride=[1])


@pytest.mark.parametrize("kind", ["conv2d", "hermite"])
@pytest.mark.parametrize(
    ("argument", "value", "allowed"),
    [("padding", "valid", "'SAME', 'VALID'"), ("activation_fn", "tanh", "'soft', 'relu', 'none'")],
)
def test_unknown_words_are_refused(small_core, kind, argument, value, allowed):
    with pytest.raises(ValueError, match=f"{argument} is '{value}'; allowed are {allowed}"):
        small_core(kind, **{argument: [value, value]})


def test_a_move_to_a_device_leaves_the_precision(small_core):
    images = torch.zeros(1, 1, 9, 9)
    core = small_core("hermite").float()
    assert core.to("cpu")(images).dtype == torch.float32
    assert core.double().to("cpu")(images.double()).dtype == torch.float64
