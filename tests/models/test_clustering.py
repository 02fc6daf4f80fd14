"""Clusters: planted ones come out again, with their number; those that are alike become a block."""

import numpy as np
import pytest

from models.clustering import centre_correlation, cluster, num_to_fit


@pytest.fixture
def planted():
    """Four clusters of 60, 40, 30 and 20 neurons in 12 dimensions, in random order; vectors and labels."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(4), (60, 40, 30, 20)))
    return 3 * rng.normal(size=(4, 12))[labels] + 0.5 * rng.normal(size=(150, 12)), labels


def test_planted_clusters_and_their_number_are_found(planted):
    vectors, labels = planted
    found = cluster(vectors, num_clusters=[1, 2, 4, 8], num_starts=3, num_splits=2)
    assert found.best_num_clusters == 4
    assert found.test_log_likelihood.argmax() == 2
    np.testing.assert_array_equal(found.num_clusters, [1, 2, 4, 8])
    np.testing.assert_array_equal(found.labels, labels)  # in order of size
    np.testing.assert_allclose(found.centres, [vectors[labels == k].mean(axis=0) for k in range(4)], atol=1e-6)
    np.testing.assert_array_equal(found.blocks, range(4))


def test_the_test_log_likelihood_is_that_of_a_spherical_gaussian(planted):
    """Of one Gaussian; over many splits it is close to that of all neurons."""
    vectors, _ = planted
    found = cluster(vectors, num_clusters=[1], num_splits=20, min_variance=0)
    variance = vectors.var(axis=0).mean()
    wanted = -6 * (np.log(2 * np.pi * variance) + 1)
    assert found.test_log_likelihood[0] == pytest.approx(wanted, abs=0.5)
    assert found.test_log_likelihood[0] < wanted  # held out


def test_neurons_without_weights_have_no_label(planted):
    vectors, labels = planted
    more = np.insert(vectors, [0, 70], [[np.nan] * 12, [0] * 12], axis=0)
    found = cluster(more, num_clusters=[4], num_starts=3)
    np.testing.assert_array_equal(found.labels, np.insert(labels, [0, 70], -1))
    np.testing.assert_array_equal(found.centres, cluster(vectors, num_clusters=[4], num_starts=3).centres)


def test_clusters_that_are_alike_become_a_block():
    """Six clusters on three axes, two on each, about a mean that all share."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(30, 3)))[0].T
    axes -= axes.mean(axis=1, keepdims=True)
    strength = np.repeat([[1.0], [2.0]], 3, axis=0)
    centres = 10 + 8 * strength * np.vstack([axes, axes])
    vectors = np.repeat(centres, 20, axis=0) + 0.1 * rng.normal(size=(120, 30))
    found = cluster(vectors, num_clusters=[6], num_starts=5)
    kinds = np.repeat(np.tile(np.arange(3), 2), 20)
    blocks = found.blocks[found.labels]
    assert len(set(zip(kinds, blocks, strict=True))) == found.blocks.max() + 1 == 3
    apart = cluster(vectors, num_clusters=[6], num_starts=5, merge_correlation=1.0)
    assert apart.blocks.max() + 1 == 6


def test_the_correlation_is_pearsons():
    rng = np.random.default_rng(0)
    centres, mean = rng.normal(size=(4, 10)), rng.normal(size=10)
    np.testing.assert_allclose(centre_correlation(centres, mean), np.corrcoef(centres - mean), atol=1e-12)
    np.testing.assert_array_equal(centre_correlation(mean[None], mean), [[1]])


def test_the_same_seed_gives_the_same(planted):
    vectors, _ = planted
    one, two, other = (cluster(vectors, num_clusters=[3, 9], num_starts=1, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.test_log_likelihood, two.test_log_likelihood)
    assert (one.test_log_likelihood != other.test_log_likelihood).all()


@pytest.mark.parametrize(
    "options",
    [
        {"num_clusters": []},
        {"num_clusters": [0, 2]},
        {"num_clusters": [101]},
        {"test_share": 0.0},
        {"test_share": 1.0},
        {"num_splits": 0},
        {"num_starts": 0},
    ],
)
def test_refusals(planted, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        cluster(planted[0], **{"num_clusters": [2]} | options)


def test_three_neurons_are_the_fewest(planted):
    """Two to fit, as scikit-learn's mixtures want, and one to test."""
    assert [num_to_fit(planted[0][:count], 1 / 3) for count in (1, 2, 3, 4)] == [0, 0, 2, 3]
    assert cluster(planted[0][:3], num_clusters=[1, 2], num_starts=1).labels.max() < 2
    with pytest.raises(ValueError, match="allowed is what leaves 2 of 2 neurons to fit"):
        cluster(planted[0][:2], num_clusters=[1])
