"""One step of a training: rates, loss, penalties, gradients, optimiser; on a GPU captured once and then replayed.

What the host decides on in each step (minibatch, noise, learning rate) goes to the device beforehand, so that a step is
work for the device alone, and the host never waits for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from models.model import ModelOfParts, poisson_loss, total
from models.optimizers import set_rate
from models.precision import Precision

WARM_UP = 3  # steps before a capture, by which PyTorch has allocated and chosen what a step needs

log = logging.getLogger("hypercolumn")


class Minibatch(NamedTuple):
    """Images of each recording, one recording after the other, and the responses of each."""

    images: Tensor  # (batch, 1, height, width), of all recordings
    responses: tuple[Tensor, ...]  # (images of the recording, its neurons) of each
    kept: Tensor | None = None  # (batch, channels): what each map counts, 0 for one that is dropped


class Step:
    """Takes a step and gives its loss, penalties included, on the device."""

    def __init__(self, model: ModelOfParts, optimizer: torch.optim.Optimizer, precision: Precision) -> None:
        self._model, self._optimizer, self._precision = model, optimizer, precision

    def __call__(self, minibatch: Minibatch, rate: float) -> Tensor:
        self.begin(rate)
        return self.compute(minibatch)

    def begin(self, rate: float) -> None:
        """What the host does in a step."""
        set_rate(self._optimizer, rate)

    def compute(self, minibatch: Minibatch) -> Tensor:
        """What the device does."""
        (images, responses, kept), core = minibatch, self._model.core
        readouts = [part.readout for part in self._model.parts]
        self._optimizer.zero_grad()
        kernels = core.kernels()
        of_core = [] if core.frozen else [core.regularizer(kernels)]
        penalty = total([*of_core, *(readout.regularizer() for readout in readouts)])
        with self._precision.settings(images.device):
            with self._precision.autocast(images.device):
                maps = core(images, kernels)
                seen = _split(maps if kept is None else maps * kept[:, :, None, None], responses)
                rates = [readout(own) for readout, own in zip(readouts, seen, strict=True)]
            losses = [poisson_loss(*pair) for pair in zip(rates, responses, strict=True)]
            loss = total(losses) + penalty
            loss.backward()
        self._optimizer.step()
        return loss.detach()


def _split(maps: Tensor, responses: tuple[Tensor, ...]) -> Sequence[Tensor]:
    """The maps of the images of each recording."""
    return [maps] if len(responses) == 1 else maps.split([len(own) for own in responses])


class Graph(Protocol):
    """Where work for a device is captured, and replayed on whatever lies in the same tensors then."""

    def warm_up(self, compute: Callable[[], Tensor]) -> Tensor:
        """Do the work, so that it can be captured next; gives what it gives."""

    def capture(self, compute: Callable[[], Tensor]) -> Tensor:
        """Capture the work without doing it; gives the tensor in which `replay` leaves what it gives."""

    def replay(self) -> None: ...


class CudaGraph:
    """Of one CUDA device."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        with torch.cuda.device(device):
            self._graph, self._stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()

    def warm_up(self, compute: Callable[[], Tensor]) -> Tensor:
        with torch.cuda.device(self._device):
            outside = torch.cuda.current_stream()
            self._stream.wait_stream(outside)
            with torch.cuda.stream(self._stream):  # PyTorch asks for another stream than the default one
                found = compute()
            outside.wait_stream(self._stream)
        return found

    def capture(self, compute: Callable[[], Tensor]) -> Tensor:
        # after a capture that failed, `graph` leaves its stream in place, so another context puts it back
        with torch.cuda.device(self._device), torch.cuda.stream(self._stream):  # noqa: SIM117
            with torch.cuda.graph(self._graph, stream=self._stream):
                return compute()

    def replay(self) -> None:
        with torch.cuda.device(self._device):
            self._graph.replay()


class CapturedStep:
    """The same as a `Step` on minibatches of one shape, taken plainly `WARM_UP` times and replayed from then on.

    Weights and the optimiser's tensors have to stay where they are in memory. Where a step cannot be captured, a
    warning says so, and all are taken plainly.
    """

    def __init__(self, step: Step, graph: Graph) -> None:
        self._step, self._graph = step, graph
        self._warm_ups_left = WARM_UP
        self._minibatch: Minibatch | None = None  # what is replayed reads here
        self._loss: Tensor | None = None
        self._plain = False

    def __call__(self, minibatch: Minibatch, rate: float) -> Tensor:
        self._step.begin(rate)
        if self._warm_ups_left:
            self._warm_ups_left -= 1
            return self._graph.warm_up(lambda: self._step.compute(minibatch))
        if self._loss is None and not self._plain:
            self._capture(minibatch)
        if self._loss is None or self._minibatch is None:
            return self._step.compute(minibatch)
        for place, tensor in zip(_tensors(self._minibatch), _tensors(minibatch), strict=True):
            place.copy_(tensor)
        self._graph.replay()
        return self._loss

    def _capture(self, example: Minibatch) -> None:
        images, responses, kept = example
        own = tuple(tensor.clone() for tensor in responses)
        place = Minibatch(images.clone(), own, None if kept is None else kept.clone())
        try:
            self._loss = self._graph.capture(lambda: self._step.compute(place))
            self._minibatch = place
        except RuntimeError as error:
            self._plain = True
            log.warning("the training's steps are not captured, and slower: %s", str(error).partition("\n")[0])


def _tensors(minibatch: Minibatch) -> list[Tensor]:
    images, responses, kept = minibatch
    return [images, *responses, *([] if kept is None else [kept])]
