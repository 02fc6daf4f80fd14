"""What a neuron's rate is most sensitive to: its gradient by the image, and where in the image that lies.

At the grey image, as in the original, the gradient is the linear receptive field. That of a neuron which does
not care about the sign of the contrast says little there; over natural images the root mean square of its
gradients still shows the place.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from models.data import Data
from models.model import CorePlusReadoutModel
from models.progress import Progress
from models.shared_data import SharedData


def gradient_rfs(
    model: CorePlusReadoutModel,
    images: Tensor | None = None,
    *,
    image_size: tuple[int, int] | None = None,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> np.ndarray:
    """(neurons, height, width): gradient of each neuron's rate by the pixels of the image.

    image_size: (height, width), for the gradient at the grey image, all zeros.
    images: (n, 1, height, width), for the root mean square of the gradients at each of them instead.
    batch_size: number of gradients that are computed at once.
    progress: called with the number of gradients done and of all.

    Raises ValueError unless one of images and image_size is given.
    """
    like = model.readout.biases.detach()
    if images is not None and image_size is None:
        squares = like.new_zeros(len(like), *images.shape[2:])
        for neurons, gradients in _gradients(model, images.to(like), batch_size, progress):
            squares[neurons] += gradients.square().sum(dim=1)
        found = (squares / len(images)).sqrt()
    elif images is None and image_size is not None:
        grey = like.new_zeros(1, 1, *image_size)
        found = torch.cat([gradients[:, 0] for _, gradients in _gradients(model, grey, batch_size, progress)])
    else:
        raise ValueError(f"image_size is {image_size}; allowed is a size without images, None with images")
    return found.cpu().numpy()


def own_gradient_rfs(
    model: CorePlusReadoutModel, data: Data | SharedData, num_images: int, progress: Progress | None = None
) -> np.ndarray:
    """(neurons, height, width): the same over the first training images of the recording that each neuron is of.

    The neurons are those of all recordings, one recording after the other.
    """
    shown = [recording.train_images[:num_images] for recording in data.parts]
    each = [len(images) * recording.num_neurons for images, recording in zip(shown, data.parts, strict=True)]
    found: list[np.ndarray] = []
    for i, (images, recording) in enumerate(zip(shown, data.parts, strict=True)):
        before = sum(map(len, found))
        neurons = torch.arange(before, before + recording.num_neurons)
        part = CorePlusReadoutModel(model.core, model.readout.of(neurons))
        found.append(gradient_rfs(part, images, progress=progress and _later(progress, sum(each[:i]), sum(each))))
    return np.concatenate(found)


def centre_and_size(rfs: np.ndarray, *, share: float = 0.2) -> dict[str, np.ndarray]:
    """Where receptive fields (neurons, height, width) lie, from their energy, the squared gradient; each (neurons,).

    x, y: centre, pixels. size: SD of the energy along an axis, pixels. energy: sum over all pixels.

    The first three are moments of what of the energy exceeds this share of its peak, so that a background
    does not draw them to the middle of the image; the size is corrected by what that takes from a Gaussian.
    They are NaN where the energy is 0.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share is {share}; allowed is 0 (all energy) to below 1")
    rfs = np.asarray(rfs, dtype=np.float64)
    peak = np.abs(rfs).max(axis=(1, 2), keepdims=True)
    alive = peak[:, 0, 0] > 0
    relative = np.square(rfs / np.where(peak > 0, peak, 1))
    above = np.maximum(relative - share, 0)
    above /= np.where(alive, above.sum(axis=(1, 2)), 1)[:, None, None]
    (x, variance_x), (y, variance_y) = _mean_and_variance(above.sum(axis=1)), _mean_and_variance(above.sum(axis=2))
    size = np.sqrt((variance_x + variance_y) / 2 / _kept_variance(share))
    return {
        "x": np.where(alive, x, np.nan),
        "y": np.where(alive, y, np.nan),
        "size": np.where(alive, size, np.nan),
        "energy": (relative * np.square(peak)).sum(axis=(1, 2)),
    }


def _gradients(
    model: CorePlusReadoutModel, images: Tensor, batch_size: int, progress: Progress | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Numbers of some neurons, and their gradients (neurons, images, height, width) at some of the images."""
    model.eval()
    everyone = torch.arange(len(model.readout.biases), device=images.device).split(batch_size)
    parts = [(neurons, model.readout.of(neurons).requires_grad_(False)) for neurons in everyone]
    kernels = [kernel.detach() for kernel in model.core.kernels()]
    done, total = 0, len(images) * len(model.readout.biases)
    for shown in images.split(max(1, batch_size // len(everyone[0]))):
        for neurons, readout in parts:
            each = shown.detach().repeat(len(neurons), 1, 1, 1).requires_grad_()  # all images for each neuron
            rates = readout(model.core(each, kernels)).view(len(neurons), len(shown), len(neurons))
            (gradients,) = torch.autograd.grad(rates.diagonal(dim1=0, dim2=2).sum(), each)
            yield neurons, gradients.view(len(neurons), *shown[:, 0].shape)
            done += len(shown) * len(neurons)
            if progress is not None:
                progress(done, total)


def _later(progress: Progress, before: int, total: int) -> Progress:
    """Of a part of the work: so much was done before it, and so much is all."""
    return lambda done, _: progress(before + done, total)


def _mean_and_variance(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the place along an axis, for weights (neurons, pixels) that sum to 1."""
    pixels = np.arange(weights.shape[1])
    mean = weights @ pixels
    return mean, (weights * np.square(pixels - mean[:, None])).sum(axis=1)


def _kept_variance(share: float) -> float:
    """Variance of what of a Gaussian in the plane exceeds this share of its peak, relative to the Gaussian's own."""
    if share == 0:
        return 1.0
    reach = -np.log(share)  # squared distance, over twice the variance, at which the Gaussian falls to the share
    return float((1 - share * (1 + reach + reach**2 / 2)) / (1 - share * (1 + reach)))
