"""A program that takes a step for each line that it reads, and answers with a line of JSON: what the step took."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from common.timing import MAXRSS_UNIT, Clock

LEARNING_RATE = 0.002
ROTATIONS = 8


@dataclass(frozen=True)
class Setting:
    """What is trained on what: features of each layer, neurons, images of a batch, their height and width.

    precision: of this project's steps (`models.precision`). Where it is single precision, all networks have that;
    otherwise the others have PyTorch's default, which on a GPU is convolutions in TF32.
    """

    neurons: int
    batch: int
    height: int = 36
    width: int = 64
    features: int = 16
    device: str = "cpu"
    threads: int = 1
    precision: str = "float32"

    @classmethod
    def given(cls) -> Setting:
        """As the command line has it, as JSON; the process is set to it."""
        setting = cls(**json.loads(sys.argv[1]))
        torch.set_num_threads(setting.threads)
        torch.backends.cudnn.allow_tf32 = setting.precision != "float32"
        torch.manual_seed(0)
        return setting

    @property
    def warm_up(self) -> int:
        """Steps before those that are timed; on a GPU this project's fourth is captured, and the fifth replayed."""
        return 5 if self.device.startswith("cuda") else 2

    @property
    def channels(self) -> int:
        return self.features * ROTATIONS

    def minibatch(self) -> tuple[Tensor, Tensor]:
        """Random images (batch, 1, height, width) and responses (batch, neurons)."""
        images = torch.randn(self.batch, 1, self.height, self.width)
        return images.to(self.device), torch.poisson(torch.full((self.batch, self.neurons), 0.5)).to(self.device)


def told(step: Callable[[], Tensor], device: str) -> Tensor:
    """Wait for a line, take the step, answer; the end of the input ends the program."""
    if not sys.stdin.readline():
        sys.exit()
    with Clock(device) as clock:
        loss = step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT / 2**20
    if device.startswith("cuda"):
        peak = torch.cuda.max_memory_allocated(device) / 2**20
    answer = clock.seconds | {"loss": float(loss), "peak_mib": peak}
    print(json.dumps(answer), file=sys.__stdout__, flush=True)
    return loss


def train_as_told(setting: Setting, parameters: Iterable[Tensor], loss_of: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Steps of PyTorch's Adam on one minibatch; loss_of images and responses, penalties included."""
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE)
    images, responses = setting.minibatch()

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(images, responses)
        loss.backward()
        optimizer.step()
        return loss.detach()

    while True:
        told(step, setting.device)
