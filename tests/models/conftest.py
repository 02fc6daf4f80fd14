"""What the tests of the models share: recorded values, small data and small models."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import models
from models import CorePlusReadoutModel, Data, SpatialXFeatureJointL1Readout, Trainer, load_tensorflow_variables
from models.v1_neurons import V1Neurons

REFERENCE = Path(__file__).parents[1] / "reference"
IMAGE_SIZE, NUM_NEURONS = (15, 20), 12  # of the recorded data

LAYERS = {
    "filter_size": [5, 3],
    "num_filters": [3, 2],
    "stride": [1, 1],
    "rate": [1, 1],
    "padding": ["SAME", "SAME"],
    "activation_fn": ["soft", "none"],
    "rel_smooth_weight": [1, 0.5],
    "rel_sparse_weight": [0.1, 1],
    "conv_smooth_weight": 0.01,
    "conv_sparse_weight": 0.02,
}
HERMITE = {"num_rotations": 4, "upsampling": 2, "shared_biases": False}


@pytest.fixture
def double():
    """Models are built in double precision; kernels' bases are cast when they are built."""
    torch.set_default_dtype(torch.float64)
    yield torch.float64
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="session")
def recorded():
    """Recorded arrays by the file's name, with `meta` as a dictionary."""

    def load(name):
        with np.load(REFERENCE / f"{name}.npz") as file:
            arrays = {key: file[key] for key in file.files}
        return arrays | ({"meta": json.loads(str(arrays["meta"]))} if "meta" in arrays else {})

    return load


@pytest.fixture(scope="session")
def tiny_data(recorded):
    """The recorded data, normalised by the original."""
    arrays = recorded("dataset_tiny")

    def tensors(split):
        images = torch.from_numpy(arrays[f"normalized/images_{split}"]).permute(0, 3, 1, 2)
        return images.double(), torch.from_numpy(arrays[f"normalized/responses_{split}"]).double()

    return Data(*tensors("train"), *tensors("val"), *tensors("test"))


@pytest.fixture
def recorded_model():
    """Build a model as `meta` tells, and fill it with the variables of that prefix."""

    def build(arrays, prefix, meta=None, **core_kwargs):
        meta = meta or arrays["meta"]
        core = getattr(models, meta["core"])(**meta["core_kwargs"] | core_kwargs)
        readout = getattr(models, meta["readout"])(
            core.output_shape(*IMAGE_SIZE), NUM_NEURONS, **meta["readout_kwargs"]
        )
        model = CorePlusReadoutModel(core, readout)
        load_tensorflow_variables(model, {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)})
        return model

    return build


@pytest.fixture
def small_core():
    """A core of two small layers, of either kind, with any keyword replaced."""

    def build(kind="hermite", **kwargs):
        if kind == "conv2d":
            return models.StackedConv2dCore(**LAYERS | kwargs)
        return models.StackedRotEquiHermiteConv2dCore(**HERMITE | LAYERS | kwargs)

    return build


@pytest.fixture
def small_model(small_core):
    """A small model of images of 9 x 10 pixels."""

    def build(kind="hermite", num_neurons=6, image_size=(9, 10), readout=None, **kwargs):
        core = small_core(kind, **kwargs)
        options = {"readout_sparsity": 0.03} | (readout or {})
        return CorePlusReadoutModel(
            core, SpatialXFeatureJointL1Readout(core.output_shape(*image_size), num_neurons, **options)
        )

    return build


@pytest.fixture
def constant_neuron(double, small_model):
    """A small model whose neuron 2 has the same rate whatever is shown."""
    model = small_model()
    with torch.no_grad():
        model.readout.masks[2] = 0
    return model


@pytest.fixture(scope="session")
def small_data():
    """Noise of the small model's size; float32."""
    rng = np.random.default_rng(0)

    def images(count):
        return torch.from_numpy(rng.normal(size=(count, 1, 9, 10)).astype(np.float32))

    def responses(*shape):
        return torch.from_numpy(rng.gamma(1.0, size=(*shape, 6)).astype(np.float32))

    return Data(images(40), responses(40), images(16), responses(16), images(8), responses(3, 8))


class V1Model(torch.nn.Module):
    """Model neurons of known kind as a network: grey is 0 in its images, contrast 1 is 2, and rates are float64."""

    def __init__(self, neurons, image_size):
        super().__init__()
        self.neurons, self.image_size = neurons, image_size
        self.place = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))  # tells device and precision

    def forward(self, images):
        return torch.from_numpy(self.neurons.rates((images[:, 0].numpy() / 2 + 1) * 127.5))

    def rates_of(self, images, neurons):
        return self(images)[:, neurons]


@pytest.fixture(scope="session")
def v1_model():
    """Eight model neurons, two of each kind, on 28 x 32 pixels."""
    rng = np.random.default_rng(3)
    images = 255 * rng.random((20, 28, 32))
    return V1Model(V1Neurons.draw(images, 8, rng), (28, 32))


@pytest.fixture
def trained(small_model, small_data):
    """The state of a small model after a short training with that seed, and the result."""

    def train(seed, kind="hermite", model=None, **kwargs):
        model = model or small_model(kind)
        options = {"val_steps": 3, "batch_size": 8, "learning_rate": 0.01, "max_iter": 8}
        result = Trainer(model, small_data, seed=seed).fit(**options | kwargs)
        return {name: tensor.clone() for name, tensor in model.state_dict().items()}, result

    return train


@pytest.fixture
def batches():
    """Follow a model: the images of each training step."""

    def follow(model):
        seen = []

        def note(core, inputs):
            if core.training:
                seen.append(inputs[0].clone())

        model.core.register_forward_pre_hook(note)
        return seen

    return follow
