"""What an in-silico experiment says of neurons whose optimal Gabor is not known."""

from collections.abc import Callable

import numpy as np


def assert_unknown_stays_unknown(
    experiment: Callable[[list[np.ndarray]], dict[str, np.ndarray]],
    parameters: list[np.ndarray],
    unknown: int,
    neuron: int,
) -> None:
    """One parameter of a neuron is NaN: so is all that is found of this neuron, and not all of any other."""
    is_unknown = np.arange(len(parameters[unknown])) == neuron
    given = [*parameters[:unknown], np.where(is_unknown, np.nan, parameters[unknown]), *parameters[unknown + 1 :]]
    for name, values in experiment(given).items():
        all_nan = np.isnan(values).reshape(len(values), -1).all(axis=1)
        np.testing.assert_array_equal(all_nan, is_unknown, err_msg=name)
