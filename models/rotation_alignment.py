"""Readout vectors turned towards each other, so that neurons are compared whatever their orientation.

Source: Ustyuzhaninov et al., "Rotation-invariant clustering of neuronal responses in primary visual cortex",
ICLR 2020, https://iclr.cc/virtual/2020/poster/1570. A vector w (rotations, features) that is turned by an
angle t is the convex combination of its cyclic shifts

    w(t) = sum_k c_k(t) shift_k(w),    c_k(t) ~ exp(T cos(t - 2 pi k / rotations)),

and the angles of all neurons and one temperature T are learned, so as to minimise

    mean_ij ||w_i(t_i) - w_j(t_j)||^2 + b mean_i ||w_i(0) - w_i||^2.

The second term keeps T from falling to 0, where all shifts mix and the first term vanishes with the differences
between neurons; published code of this alignment has `reconstruction_weight` b = 1 or 1.5.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.adam import TensorFlowAdam

START_TEMPERATURE = 1.0  # shifts still mix, so that angles find their way past the nearest shift


class Alignment(NamedTuple):
    """Aligned vectors, how far each was turned, and what was minimised."""

    vectors: np.ndarray  # (neurons, rotations * features), rotation-major; NaN for neurons without weights
    angles: np.ndarray  # (neurons,), radians in [0, 2 pi): a turn by 2 pi k / rotations is np.roll(w, k, axis=0)
    loss: float  # of the best start


def align(
    weights: np.ndarray,
    *,
    num_steps: int = 500,
    learning_rate: float = 0.05,
    num_starts: int = 10,
    seed: int = 0,
    reconstruction_weight: float = 1.5,
    device: torch.device | str = "cpu",
) -> Alignment:
    """Align vectors (neurons, rotations, features) by Adam from several starts at once; the best of them.

    Each vector is scaled to length 1 first, as the authors do; the aligned ones are so scaled, and shorter where shifts
    mix. reconstruction_weight: the more, the less they mix.

    All starts measure angles from each neuron's rotation of largest squared weight; the first starts there, the
    others at random. So to turn an input by a whole shift changes nothing but its angle. Neurons without weights
    stay out of it. Memory and time of a step grow with neurons x rotations^2 x features, not with pairs of neurons.

    Raises ValueError where an argument is out of range.
    """
    if weights.ndim != 3:
        raise ValueError(f"weights have the shape {weights.shape}; allowed is (neurons, rotations, features)")
    for name, value in {"num_steps": num_steps, "num_starts": num_starts}.items():
        if value < 1:
            raise ValueError(f"{name} is {value}; allowed is 1 or more")
    rotations = weights.shape[1]
    used = weights.any(axis=(1, 2))
    vectors = np.full((len(weights), weights[0].size), np.nan)
    angles = np.full(len(weights), np.nan)
    if not used.any():
        return Alignment(vectors, angles, float("nan"))

    given = torch.from_numpy(weights[used].astype(np.float64)).to(device)
    given /= given.flatten(1).norm(dim=1)[:, None, None]
    to_largest = -given.square().sum(dim=2).argmax(dim=1)
    shifts = _shifts(given, to_largest)  # (neurons, rotations, rotations * features)
    generator = torch.Generator().manual_seed(seed)
    start = 2 * np.pi * torch.rand(num_starts, len(given), generator=generator, dtype=torch.float64)
    start[0] = 0
    turned, temperature, loss = _minimise(
        shifts, start.to(device), reconstruction_weight, num_steps=num_steps, learning_rate=learning_rate
    )
    best = int(loss.argmin())
    mixing = _mixing(turned[best], temperature[best], rotations)
    vectors[used] = torch.einsum("nk,nkd->nd", mixing, shifts).cpu().numpy()
    angles[used] = (turned[best] + 2 * np.pi / rotations * to_largest).remainder(2 * np.pi).cpu().numpy()
    return Alignment(vectors, angles, float(loss[best]))


def _shifts(vectors: Tensor, first: Tensor) -> Tensor:
    """(neurons, rotations, rotations * features): the shift of each neuron by `first`, `first` + 1, ..."""
    neurons, rotations, _ = vectors.shape
    steps = torch.arange(rotations, device=vectors.device)
    source = (steps[None, None, :] - steps[None, :, None] - first[:, None, None]) % rotations
    return vectors[torch.arange(neurons, device=vectors.device)[:, None, None], source].flatten(2)


def _mixing(angles: Tensor, temperature: Tensor, rotations: int) -> Tensor:
    """(..., rotations): the weight of each shift, for angles (...)."""
    shifted = 2 * np.pi / rotations * torch.arange(rotations, dtype=angles.dtype, device=angles.device)
    return torch.softmax(temperature[..., None] * torch.cos(angles[..., None] - shifted), dim=-1)


def _minimise(
    shifts: Tensor, start: Tensor, reconstruction_weight: float, *, num_steps: int, learning_rate: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Angles (starts, neurons), temperature and loss (starts,) that come of angles to start from."""
    neurons, rotations, _ = shifts.shape
    # The sum over all pairs is one of squared norms less the squared norm of the sum, and norms need no more than
    # the products of a neuron's shifts.
    products = shifts @ shifts.mT  # (neurons, rotations, rotations)
    mean_product = products.mean(dim=0)
    basis = shifts.flatten(0, 1) / neurons
    angles = start.clone().requires_grad_()
    log_temperature = torch.full_like(start[:, 0], np.log(START_TEMPERATURE)).requires_grad_()
    at_rest = torch.zeros_like(start[:, 0])
    unmixed = torch.eye(rotations, dtype=start.dtype, device=start.device)[0]

    def losses() -> Tensor:
        temperature = log_temperature.exp()
        mixing = _mixing(angles, temperature[:, None], rotations)
        norms = torch.einsum("snk,nkl,snl->s", mixing, products, mixing) / neurons
        distance = 2 * (norms - (mixing.flatten(1) @ basis).square().sum(dim=1))
        change = _mixing(at_rest, temperature, rotations) - unmixed
        return distance + reconstruction_weight * torch.einsum("sk,kl,sl->s", change, mean_product, change)

    optimizer = TensorFlowAdam([angles, log_temperature], lr=learning_rate)
    for _ in range(num_steps):
        optimizer.zero_grad()
        losses().sum().backward()
        optimizer.step()
    with torch.no_grad():
        return angles.detach(), log_temperature.exp(), losses()
