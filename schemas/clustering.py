"""Rotation-invariant clusters of a model's neurons (Ustyuzhaninov et al., ICLR 2020)."""

from __future__ import annotations

from typing import Any

import datajoint as dj
import numpy as np

import models
from schemas import provenance
from schemas.dataset import Dataset
from schemas.insilico import ClusteringParameters, InSilicoExperiment
from schemas.rows import in_order
from schemas.training import TrainedModel

schema = dj.Schema()


@schema
class Clustering(InSilicoExperiment):
    definition = f"""
    # Clusters of the neurons of a rotation-equivariant model
    -> TrainedModel
    -> ClusteringParameters
    ---
    num_clusters=null   : int32         # of the highest test likelihood; null where too few neurons are left
    num_blocks=null     : int32         # of clusters whose centres correlate
    aligned             : <npy@main>    # (neurons, channels) readout vectors, turned to a common orientation
    correlation         : <npy@main>    # (clusters, clusters) of the centres
    {provenance.COLUMNS}
    """

    class Neuron(dj.Part):
        definition = """
        # Where a neuron belongs; null where it has no weights or its model predicts it badly
        -> master
        -> Dataset.Neuron
        ---
        cluster=null        : int32     # from 0
        block=null          : int32     # of clusters that correlate, from 0
        angle=null          : float64   # by which its vector was turned, radians
        """

    class Likelihood(dj.Part):
        definition = """
        # How well so many clusters describe neurons that they were not fitted to
        -> master
        num_clusters        : int32
        ---
        test_log_likelihood : float64   # per neuron
        """

    parameters = ClusteringParameters

    def measure(
        self, model: Any, data: models.Data | models.SharedData, key: dict, parameters: dict
    ) -> tuple[dict, dict]:
        weights = models.feature_weights.readout_vectors(model)
        weights[self._test_corr(key) < parameters["min_test_corr"]] = 0
        alignment = models.rotation_alignment.align(
            weights,
            num_starts=parameters["num_alignments"],
            seed=parameters["clustering_seed"],
            device=next(model.parameters()).device,
            **{name: parameters[name] for name in ("num_steps", "learning_rate", "reconstruction_weight")},
        )
        clusters = self._clusters(alignment.vectors, parameters)
        row: dict[str, Any] = {"aligned": alignment.vectors.astype(np.float32)}
        neurons = {name: np.full(len(weights), None) for name in ("cluster", "block")} | {"angle": alignment.angles}
        if clusters is None:
            return row | {"correlation": np.zeros((0, 0)), "likelihood": {}}, neurons
        known = clusters.labels >= 0
        neurons["cluster"][known] = clusters.labels[known]
        neurons["block"][known] = clusters.blocks[clusters.labels[known]]
        row |= {"num_clusters": clusters.best_num_clusters, "num_blocks": len(set(clusters.blocks.tolist()))}
        row["likelihood"] = dict(
            zip(clusters.num_clusters.tolist(), clusters.test_log_likelihood.tolist(), strict=True)
        )
        return row | {"correlation": clusters.correlation}, neurons

    def make_insert(self, key: dict, row: dict, neurons: list[dict]) -> None:
        likelihood = row.pop("likelihood")
        super().make_insert(key, row, neurons)
        self.Likelihood.insert(
            key | {"num_clusters": number, "test_log_likelihood": value} for number, value in likelihood.items()
        )

    @staticmethod
    def _test_corr(key: dict) -> np.ndarray:
        rows = TrainedModel.Neuron * Dataset.Neuron.proj("neuron_index") & key
        return np.array([row["test_corr"] for row in in_order(rows.to_dicts())])

    @staticmethod
    def _clusters(vectors: np.ndarray, parameters: dict) -> models.clustering.Clusters | None:
        """None where there are too few neurons."""
        most = min(parameters["max_clusters"], models.clustering.num_to_fit(vectors, parameters["test_share"]))
        tried = range(parameters["min_clusters"], most + 1, parameters["clusters_step"])
        if not tried:
            return None
        settings = ("test_share", "num_splits", "num_starts", "min_variance", "merge_correlation")
        return models.clustering.cluster(
            vectors,
            num_clusters=tried,
            seed=parameters["clustering_seed"],
            **{name: parameters[name] for name in settings},
        )
