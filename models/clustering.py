"""Groups of neurons of similar readout vectors: a Gaussian mixture, and blocks of clusters that are alike.

Source: Ustyuzhaninov et al., "Rotation-invariant clustering of neuronal responses in primary visual cortex",
ICLR 2020, https://iclr.cc/virtual/2020/poster/1570: spherical Gaussians, fitted to 4,000 of the 6,005 neurons
and scored on the others; clusters with a correlation above 0.5 become one block.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components
from threadpoolctl import threadpool_limits

MAX_ITERATIONS = 1000  # of expectation maximisation, which ends by itself long before
FEWEST_TO_FIT = 2  # neurons, of which scikit-learn's mixtures want no fewer


@dataclass(frozen=True, eq=False)
class Clusters:
    """A mixture of k = `best_num_clusters` Gaussians, and those that were tried for it."""

    num_clusters: np.ndarray  # (tried,)
    test_log_likelihood: np.ndarray  # (tried,), nats per neuron, mean over splits
    best_num_clusters: int  # the one of the largest test log likelihood
    labels: np.ndarray  # (neurons,) int from 0, in order of size; -1 for neurons without weights
    centres: np.ndarray  # (k, dimensions)
    correlation: np.ndarray  # (k, k), of the centres; see `centre_correlation`
    blocks: np.ndarray  # (k,) int from 0: the block of each cluster


def cluster(
    vectors: np.ndarray,
    *,
    num_clusters: Sequence[int],
    test_share: float = 1 / 3,
    num_splits: int = 1,
    num_starts: int = 10,
    seed: int = 0,
    merge_correlation: float = 0.5,
    min_variance: float = 1e-6,
) -> Clusters:
    """Fit mixtures of each number of clusters, and the best again to all neurons.

    vectors: (neurons, dimensions), as from `align`. Neurons whose vector is NaN or 0 have no weights.
    test_share: of the neurons that have weights; they are drawn anew for each of `num_splits`.
    num_starts: of each fit, from k-means; the best by the likelihood of what is fitted counts.
    min_variance: added to each Gaussian's variance, so that a cluster may hold one neuron.

    Raises ValueError where an argument is out of range, or where there are fewer neurons to fit than clusters.
    """
    used = _have_weights(vectors)
    given = vectors[used].astype(np.float64)
    num_fit = num_to_fit(vectors, test_share)
    if not num_fit:
        raise ValueError(
            f"test_share is {test_share}; allowed is what leaves {FEWEST_TO_FIT} of {len(given)} neurons to fit, and "
            "one to test"
        )
    if not len(num_clusters) or not 1 <= min(num_clusters) <= max(num_clusters) <= num_fit:
        raise ValueError(f"num_clusters is {list(num_clusters)}; allowed is 1 to {num_fit}, the neurons to fit")
    for name, value in {"num_splits": num_splits, "num_starts": num_starts}.items():
        if value < 1:
            raise ValueError(f"{name} is {value}; allowed is 1 or more")

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture  # takes a second, which commands that do not cluster should not

    def mixture(k: int, fitted: np.ndarray, stream: np.random.SeedSequence) -> GaussianMixture:
        return GaussianMixture(
            k,
            covariance_type="spherical",
            n_init=num_starts,
            reg_covar=min_variance,
            max_iter=MAX_ITERATIONS,
            random_state=int(stream.generate_state(1)[0]),
        ).fit(fitted)

    last, *streams = np.random.SeedSequence(seed).spawn(1 + num_splits)
    scores = np.empty((num_splits, len(num_clusters)))
    # In fits this small threads wait for each other most of the time.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct vectors than clusters are no fault
        for split, stream in enumerate(streams):
            order = np.random.default_rng(stream).permutation(len(given))
            tested, fitted = np.split(given[order], [len(given) - num_fit])
            scores[split] = [mixture(k, fitted, stream).score(tested) for k in num_clusters]
        test_log_likelihood = scores.mean(axis=0)
        best = int(num_clusters[int(test_log_likelihood.argmax())])
        chosen = mixture(best, given, last)

    found = chosen.predict(given)
    by_size = np.argsort(-np.bincount(found, minlength=best), kind="stable")
    labels = np.full(len(vectors), -1)
    labels[used] = np.argsort(by_size)[found]
    centres = chosen.means_[by_size]
    correlation = centre_correlation(centres, given.mean(axis=0))
    return Clusters(
        num_clusters=np.array(num_clusters),
        test_log_likelihood=test_log_likelihood,
        best_num_clusters=best,
        labels=labels,
        centres=centres,
        correlation=correlation,
        blocks=connected_components(correlation > merge_correlation, directed=False)[1].astype(int),
    )


def num_to_fit(vectors: np.ndarray, test_share: float) -> int:
    """How many of the neurons that have weights a mixture is fitted to: the most clusters that can be asked for.

    0 where there are too few to fit one and to test it.
    """
    there = int(_have_weights(vectors).sum())
    to_fit = there - round(test_share * there)
    return to_fit if FEWEST_TO_FIT <= to_fit < there else 0


def centre_correlation(centres: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """(k, k): Pearson's correlation over dimensions of what sets centres (k, dimensions) apart from `mean`.

    What all neurons share is taken off, because it would make all of them alike. A centre at the mean correlates
    with none but itself.
    """
    apart = centres - mean
    apart -= apart.mean(axis=1, keepdims=True)
    length = np.linalg.norm(apart, axis=1, keepdims=True)
    apart /= np.where(length > 0, length, 1)
    correlation = np.clip(apart @ apart.T, -1, 1)
    np.fill_diagonal(correlation, 1)
    return correlation


def _have_weights(vectors: np.ndarray) -> np.ndarray:
    return np.isfinite(vectors).all(axis=1) & (vectors != 0).any(axis=1)
