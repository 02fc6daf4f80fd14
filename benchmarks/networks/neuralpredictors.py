"""The rotation-equivariant core of neuralpredictors with its factorised readout, in the environment of `peers.py`.

Its nonlinearity is ELU, its batch norm is shared by orientations, and it has its own smoothness of the first layer's
kernels and group sparsity of the later ones.
"""

from __future__ import annotations

import warnings

from neuralpredictors.layers.cores import RotationEquivariant2dCore
from neuralpredictors.layers.encoders import FiringRateEncoder
from neuralpredictors.layers.readouts import SpatialXFeatureLinear
from neuralpredictors.measures.modules import PoissonLoss
from torch import Tensor

from networks.told import ROTATIONS, Setting, train_as_told


def main() -> None:
    setting = Setting.given()
    warnings.simplefilter("ignore")  # it warns of averages that are not asked for
    core = RotationEquivariant2dCore(
        1, setting.features, input_kern=13, hidden_kern=5, layers=3, num_rotations=ROTATIONS, upsampling=2, stack=-1,
        final_nonlinearity=False, gamma_input=0.02, gamma_hidden=0.01, use_avg_reg=False,
    )  # fmt: skip
    for layer in core.features:
        vars(layer)["conv"] = layer.hermite_conv  # the name under which its penalties look for the kernels
    shape = (setting.channels, setting.height, setting.width)
    readout = SpatialXFeatureLinear(shape, setting.neurons, bias=True, normalize=False, gamma_readout=0.017)
    model = FiringRateEncoder(core, readout).to(setting.device)
    poisson = PoissonLoss(avg=False)

    def loss_of(images: Tensor, responses: Tensor) -> Tensor:
        return poisson(model(images), responses) / len(images) + core.regularizer() + readout.regularizer()

    train_as_told(setting, [p for p in model.parameters() if p.requires_grad], loss_of)


if __name__ == "__main__":
    main()
