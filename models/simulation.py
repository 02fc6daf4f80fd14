"""A simulated recording of primary visual cortex: dead leaves shown to model neurons of known kind.

What can only be inferred from a real recording is known here: each neuron's kind, place, orientation and
spatial frequency, and its expected response to each test image. Orientations are continuous and uniform, so a
network whose rotations are multiples of some angle has to interpolate, as it has to in cortex.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from models import v1_neurons
from models.dead_leaves import dead_leaves_images
from models.recording import Recording
from models.v1_neurons import V1Neurons

NUM_TEST = 100  # images
NUM_SCALING = 256  # images never shown, on which the neurons' mean rates are set
LEAST = {"num_neurons": 1, "num_images": 50, "image_size": 16, "num_repeats": 2, "seed": 0}

# One stream of random numbers each, in this order: whoever asks for more neurons gets them on the same
# images, and whoever asks for more images, from the same neurons.
STREAMS = (
    *("train", "validation", "test", "scaling", "neurons"),
    *("train noise", "validation noise", "test noise"),
)


def simulate_recording(
    *,
    num_neurons: int = 96,
    num_images: int = 2000,
    image_size: int = 32,
    num_repeats: int = 10,
    seed: int = 0,
) -> Recording:
    """Spike counts of `num_neurons` model neurons to images of `image_size` pixels a side.

    `num_images` of them are for training; validation has a fifth as many, at least 40; 100 test images are
    shown `num_repeats` times. Images are uint8, responses Poisson counts (float32). The columns of the
    neurons are those of `V1Neurons` and

        neuron_id       (neurons,)      int64, 0, 1, ...
        expected_rate   (neurons, m)    float32, spikes per trial to each of the m test images, without noise

    The same arguments give the same recording; another seed gives other images, neurons and noise.
    """
    given = {
        "num_neurons": num_neurons,
        "num_images": num_images,
        "image_size": image_size,
        "num_repeats": num_repeats,
        "seed": seed,
    }
    for name, value in given.items():
        if value < LEAST[name]:
            raise ValueError(f"{name} is {value}, but must be at least {LEAST[name]}")
    children = np.random.SeedSequence(seed).spawn(len(STREAMS))
    streams = {name: np.random.default_rng(child) for name, child in zip(STREAMS, children, strict=True)}

    counts = {
        "train": num_images,
        "validation": max(40, num_images // 5),
        "test": NUM_TEST,
        "scaling": NUM_SCALING,
    }
    images = {name: dead_leaves_images(count, image_size, streams[name]) for name, count in counts.items()}
    neurons = V1Neurons.draw(images["scaling"], num_neurons, streams["neurons"])
    expected = neurons.rates(images["test"])
    return Recording(
        train_images=images["train"],
        train_responses=_spike_counts(neurons.rates(images["train"]), 1, streams["train noise"])[0],
        validation_images=images["validation"],
        validation_responses=_spike_counts(neurons.rates(images["validation"]), 1, streams["validation noise"])[0],
        test_images=images["test"],
        test_responses=_spike_counts(expected, num_repeats, streams["test noise"]),
        neurons={
            "neuron_id": np.arange(num_neurons, dtype=np.int64),
            **asdict(neurons),
            "expected_rate": np.ascontiguousarray(expected.T, dtype=np.float32),
        },
        attributes={
            "name": "simulated-v1",
            "description": (
                "Simulated recording of primary visual cortex: dead-leaves images, and Poisson spike counts "
                f"of {', '.join(v1_neurons.KINDS[:-1])} and {v1_neurons.KINDS[-1]} model neurons."
            ),
            "citation": "Simulated by hypercolumn; no animal was recorded.",
            "license": "CC0-1.0",
            **given,
            "semisaturation_contrast": v1_neurons.SEMISATURATION,
            "suppression_contrast": v1_neurons.SUPPRESSION,
            "end_distance": v1_neurons.END_DISTANCE,
        },
    )


def _spike_counts(rates: np.ndarray, num_repeats: int, rng: np.random.Generator) -> np.ndarray:
    """Poisson counts, (num_repeats, n, neurons) float32, of rates (n, neurons).

    A stream for each neuron, because the numbers that a Poisson draw uses up depend on its rate.
    """
    counts = np.empty((num_repeats, *rates.shape), np.float32)
    for neuron, stream in enumerate(rng.spawn(rates.shape[1])):
        counts[:, :, neuron] = stream.poisson(rates[:, neuron], (num_repeats, len(rates)))
    return counts
