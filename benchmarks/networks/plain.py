"""The same network of convolutions that know no rotations: what a direct method cannot go below."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.penalties import group_sparsity, smoothness
from networks.factorised import FactorisedReadout
from networks.told import Setting, train_as_told


def main() -> None:
    setting = Setting.given()
    layers: list[nn.Module] = []
    inputs, outputs = 1, setting.channels
    for size, last in ((13, False), (5, False), (5, True)):
        layers += [nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False), nn.BatchNorm2d(outputs)]
        layers += [] if last else [nn.Softplus()]
        inputs = outputs
    core = nn.Sequential(*layers).to(setting.device)
    readout = FactorisedReadout(setting.channels, setting.height * setting.width, setting.neurons).to(setting.device)
    kernels = [layer.weight for layer in layers if isinstance(layer, nn.Conv2d)]

    def loss_of(images: Tensor, responses: Tensor) -> Tensor:
        penalty = torch.stack([0.02 * smoothness(kernel) for kernel in kernels]).sum()
        penalty = penalty + torch.stack([0.01 * group_sparsity(kernel) for kernel in kernels[1:]]).sum()
        return readout.loss(readout(core(images)), responses) + penalty

    train_as_told(setting, [*core.parameters(), *readout.parameters()], loss_of)


if __name__ == "__main__":
    main()
