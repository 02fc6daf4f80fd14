"""Each recording has an order of its own, and each epoch shows an image once at most."""

import numpy as np
import pytest

from models.minibatches import Minibatches, orders


def test_orders_of_recordings_differ():
    drawn = [tuple(order.permutation(40)) for order in orders(5, 4)]
    assert drawn[0] == tuple(np.random.RandomState(5).permutation(40))
    assert len(set(drawn)) == 4


@pytest.mark.parametrize("batch_size", [1, 3, 7, 10])
def test_an_epoch_is_a_permutation_without_its_rest(batch_size):
    minibatches, order = Minibatches(10, batch_size, np.random.RandomState(1)), np.random.RandomState(1)
    for _ in range(3):
        epoch = np.concatenate([next(minibatches) for _ in range(10 // batch_size)])
        np.testing.assert_array_equal(epoch, order.permutation(10)[: len(epoch)])
