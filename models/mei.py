"""Most exciting images: what drives a neuron of a model most, by gradient ascent from noise or from what was shown.

As in the original, an image is a raw array scaled to a fixed norm; it is to raise the neuron's rate and to be
smooth; the gradient by the image is divided by the root of its spatial frequency before it goes on to the raw
array; Adam takes the steps. As that comes before the constraint on the norm, it smooths what is found, too:
the image of a linear neuron is its kernel over the root of frequency.
See Walker et al., "Inception loops discover what excites neurons most using deep predictive models", Nature
Neuroscience 22, 2019, doi:10.1038/s41593-019-0517-x.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.adam import TensorFlowAdam
from models.model import CorePlusReadoutModel
from models.penalties import LAPLACE
from models.progress import Progress
from models.readouts import SpatialReadout

AVERAGING = 0.9  # of the loss that tells when to stop, as in the original


@dataclass(frozen=True, eq=False)
class MEIs:
    """What was found for each neuron, in the order in which they were asked for.

    images: (neurons, height, width), the best of all starts, in the units of normalised images.
    rates: (neurons,), the model's to these images. all_rates: (neurons, num_starts).
    num_iterations: (neurons,), steps taken.

    A neuron that sees nothing, as its mask or its feature weights are all 0, has NaN and no steps.
    """

    images: np.ndarray
    rates: np.ndarray
    all_rates: np.ndarray
    num_iterations: np.ndarray


def most_exciting_images(
    model: CorePlusReadoutModel,
    neurons: np.ndarray,
    *,
    image_size: tuple[int, int],
    norm: float,
    smoothness: float,
    learning_rate: float,
    max_iter: int,
    patience: int,
    num_starts: int,
    seed: int,
    start: np.ndarray | None = None,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> MEIs:
    """Most exciting images of these neurons (numbers); none depends on which others are asked for.

    image_size: (height, width). norm: root of the sum of squares of each image.
    smoothness: weight of the sum of squares of the image's Laplacian against the rate.
    max_iter: steps at most. patience: steps at most without a new minimum of the loss's running average; the loss
    is the sum over a neuron's starts, which therefore end together, as in the original.
    num_starts: raw images drawn for each neuron, standard normal, from `seed` and the neuron's number.
    start: (neurons, num_starts, height, width), raw images to start from instead.
    batch_size: neurons at once. progress: called with the number of neurons done and of all.
    """
    neurons = np.asarray(neurons, dtype=np.int64)
    shape = (num_starts, *image_size)
    if start is not None and start.shape != (len(neurons), *shape):
        raise ValueError(f"start is {start.shape}; allowed is {(len(neurons), *shape)}")
    model.eval()
    found = []
    for first in range(0, len(neurons), batch_size):
        part = slice(first, first + batch_size)
        raw = _noise(seed, neurons[part], shape) if start is None else start[part]
        found.append(
            _ascend(model, neurons[part], raw, norm, smoothness, learning_rate, max_iter=max_iter, patience=patience)
        )
        if progress is not None:
            progress(min(part.stop, len(neurons)), len(neurons))
    return MEIs(**{field.name: np.concatenate([getattr(each, field.name) for each in found]) for field in fields(MEIs)})


@torch.no_grad()
def best_shown_images(
    model: CorePlusReadoutModel, images: Tensor, batch_size: int = 256, *, norm: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Which of images (n, 1, height, width) drives each neuron of the model most, and its rate to it; each (neurons,).

    norm: to which each image is scaled before it is shown, for a comparison with most exciting images.

    A neuron that sees nothing has number -1 and NaN.
    """
    model.eval()
    sees = _sees(model.readout)
    best = torch.full_like(model.readout.biases, -torch.inf)
    index = torch.full_like(best, -1, dtype=torch.long)
    first = 0
    for batch in (part.to(best) for part in images.split(batch_size)):
        rates, rows = model(batch if norm is None else _scaled(batch, norm)).max(dim=0)
        better = sees & (rates > best)
        index, best = torch.where(better, rows + first, index), torch.where(better, rates, best)
        first += len(batch)
    return index.cpu().numpy(), torch.where(sees, best, torch.nan).cpu().numpy()


def _ascend(
    model: CorePlusReadoutModel,
    neurons: np.ndarray,
    start: np.ndarray,
    norm: float,
    smoothness: float,
    learning_rate: float,
    *,
    max_iter: int,
    patience: int,
) -> MEIs:
    """The images of some neurons at once, from raw images (neurons, starts, height, width)."""
    like = model.readout.biases.detach()
    readout = model.readout.of(torch.from_numpy(neurons))
    sees = _sees(readout)
    kernels = [kernel.detach() for kernel in model.core.kernels()]

    def own_rates(images: Tensor, which: list[int]) -> Tensor:
        """(which, starts) from images (which * starts, 1, height, width): of each neuron to its own images."""
        rates = readout(model.core(images, kernels)).unflatten(0, (len(which), -1))
        return rates[torch.arange(len(which)), :, which]

    # (starts, 1, height, width) each; copies, as the steps are taken in place
    raw: list[Tensor] = [
        nn.Parameter(torch.tensor(each[:, None], dtype=like.dtype, device=like.device)) for each in start
    ]
    adam = TensorFlowAdam(raw, learning_rate)
    average, lowest, waited, steps = (np.full(len(raw), value) for value in (np.nan, np.inf, 0, 0))
    running = torch.nonzero(sees).flatten().tolist()
    while running and steps[running[0]] < max_iter:
        images = _scaled(torch.cat([raw[k] for k in running]), norm)
        images.register_hook(_over_root_of_frequency)
        losses = smoothness * _roughness(images) - own_rates(images, running).flatten()
        gradients = torch.autograd.grad(losses.sum(), [raw[k] for k in running])
        for k, gradient in zip(running, gradients, strict=True):
            raw[k].grad = gradient
        adam.step()
        loss = losses.detach().double().unflatten(0, (len(running), -1)).sum(dim=1).cpu().numpy()
        average[running] = np.where(steps[running], AVERAGING * average[running] + (1 - AVERAGING) * loss, loss)
        steps[running] += 1
        waited[running] = np.where(average[running] < lowest[running], 0, waited[running] + 1)
        lowest = np.fmin(lowest, average)
        for k in [k for k in running if waited[k] >= patience]:
            raw[k].grad = None  # so that Adam leaves it
            running.remove(k)

    with torch.no_grad():
        images = _scaled(torch.cat(raw), norm)
        rates = own_rates(images, list(range(len(raw))))
        best = rates.argmax(dim=1)
        images = images.unflatten(0, rates.shape)[torch.arange(len(raw)), best, 0]
        blind = ~sees
        return MEIs(
            images=images.masked_fill(blind[:, None, None], torch.nan).cpu().numpy(),
            rates=rates.amax(dim=1).masked_fill(blind, torch.nan).cpu().numpy(),
            all_rates=rates.masked_fill(blind[:, None], torch.nan).cpu().numpy(),
            num_iterations=steps,
        )


def _noise(seed: int, neurons: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(neurons, *shape), standard normal, each neuron from a stream of its own."""
    return np.stack([np.random.default_rng((seed, int(neuron))).standard_normal(shape) for neuron in neurons])


def _sees(readout: SpatialReadout) -> Tensor:
    """(neurons,) bool: whether anything of the image can reach the neuron."""
    return readout.masks.detach().flatten(1).any(dim=1) & readout.feature_weights.detach().any(dim=1)


def _scaled(images: Tensor, norm: float) -> Tensor:
    """Images (n, 1, height, width) whose squares sum to norm squared, each; a grey one stays grey."""
    norms = torch.linalg.vector_norm(images, dim=(1, 2, 3), keepdim=True)
    return norm * images / norms.clamp(min=torch.finfo(images.dtype).tiny)


def _roughness(images: Tensor) -> Tensor:
    """(n,): sum of squares of the Laplacian of images (n, 1, height, width)."""
    laplace = torch.tensor(LAPLACE, dtype=images.dtype, device=images.device)
    return F.conv2d(images, laplace[None, None], padding=1).square().sum(dim=(1, 2, 3))


def _over_root_of_frequency(gradient: Tensor) -> Tensor:
    """Each component of (n, 1, height, width) over the root of its frequency, in cycles per image, at least 1.

    The mean of these factors is 1: of the scale, all that Adam sees is how it compares with its epsilon.
    """
    y, x = (
        torch.fft.fftfreq(size, 1 / size, dtype=gradient.dtype, device=gradient.device) for size in gradient.shape[2:]
    )
    factors = torch.hypot(y[:, None], x).clamp(min=1).rsqrt()
    return torch.fft.ifft2(torch.fft.fft2(gradient) * factors / factors.mean()).real
