"""This project's model in this project's trainer, whose own steps are timed."""

from __future__ import annotations

from typing import Any

from torch import Tensor

import models
from common.paper_model import paper_model, random_data
from networks.told import LEARNING_RATE, Setting, told
from schemas import device


class ToldTrainer(models.Trainer):
    """A trainer that waits before each step until it is told."""

    device = "cpu"

    def _step(self, *arguments: Any) -> Tensor:
        return told(lambda: super(ToldTrainer, self)._step(*arguments), self.device)


def main() -> None:
    setting = Setting.given()
    device.use(setting.device)
    model = paper_model(setting.neurons, setting.height, setting.width, setting.features)
    data = random_data(setting.neurons, setting.batch, setting.height, setting.width)
    trainer = ToldTrainer(model, data, seed=0, device=device.current(), precision=setting.precision)
    trainer.device = setting.device
    endless = 10**9
    trainer.fit(val_steps=endless, learning_rate=LEARNING_RATE, batch_size=setting.batch, max_iter=endless)


if __name__ == "__main__":
    main()
