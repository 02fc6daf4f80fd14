"""A network of escnn, equivariant to the rotations of C8, in the environment of `peers.py`.

Each layer has fields of the regular representation, one a feature. It has no penalties on kernels.
"""

from __future__ import annotations

import torch.nn.functional as F
from escnn import gspaces
from escnn import nn as enn
from torch import Tensor, nn

from networks.factorised import FactorisedReadout
from networks.told import ROTATIONS, Setting, train_as_told


def main() -> None:
    setting = Setting.given()
    plane = gspaces.rot2dOnR2(ROTATIONS)
    image = enn.FieldType(plane, [plane.trivial_repr])
    fields = enn.FieldType(plane, [plane.regular_repr] * setting.features)
    sizes = (13, 5, 5)
    convolutions = nn.ModuleList(
        enn.R2Conv(source, fields, size, padding=size // 2, bias=False)
        for source, size in zip((image, fields, fields), sizes, strict=True)
    ).to(setting.device)
    norms = nn.ModuleList(enn.InnerBatchNorm(fields) for _ in sizes).to(setting.device)
    readout = FactorisedReadout(setting.channels, setting.height * setting.width, setting.neurons).to(setting.device)

    def loss_of(images: Tensor, responses: Tensor) -> Tensor:
        maps = enn.GeometricTensor(images, image)
        for convolution, norm in zip(convolutions, norms, strict=True):
            maps = norm(convolution(maps))
            if norm is not norms[-1]:
                maps = enn.GeometricTensor(F.softplus(maps.tensor), fields)
        return readout.loss(readout(maps.tensor), responses)

    train_as_told(setting, [*convolutions.parameters(), *norms.parameters(), *readout.parameters()], loss_of)


if __name__ == "__main__":
    main()
