"""Trained models: weights, scores, learning curves and where they came from."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import datajoint as dj

import models
from schemas import device, memory, provenance, recordings, server
from schemas.codecs import SafetensorsCodec  # registers <safetensors>
from schemas.dataset import Dataset, TrainingSet
from schemas.rows import columns_as_rows, finite
from schemas.training.networks import Shapes, network
from schemas.training.saved_state import DatabaseKeeper, SavedState
from schemas.training.schema import schema
from schemas.training.task import TrainingTask

if TYPE_CHECKING:
    import torch


@schema
class TrainedModel(dj.Computed):
    definition = f"""
    # A trained model, its scores and where it came from
    -> TrainingTask
    ---
    num_iterations=null : int32         # steps whose effect the weights hold; null where that is not known
    val_loss            : float64       # Poisson loss of the validation set, per image
    val_corr            : float64       # mean correlation over neurons, validation set
    val_corr_median     : float64       # median over neurons
    val_corr_lower      : float64       # lower end of val_corr's interval of 0.95, by bootstrap over images
    val_corr_upper      : float64       # its upper end
    test_corr           : float64       # mean over neurons of the correlation with the mean over test repeats
    test_corr_median    : float64       # median over neurons
    test_corr_lower     : float64       # lower end of test_corr's interval of 0.95, by bootstrap over images
    test_corr_upper     : float64       # its upper end
    ceiling=null        : float64       # mean over neurons of the best that test_corr can be; null without repeats
    feve=null           : float64       # mean over neurons of explainable_variance >= 0.15; null where there are none
    feve_median=null    : float64       # median over the same neurons
    weights             : <safetensors@main>
    recording_sha256=null : char(64)    # over the arrays it was trained on; of a whole recording its content_sha256
    {provenance.COLUMNS}
    """

    class Neuron(dj.Part):
        definition = """
        # Scores of one neuron; lower and upper end an interval of 0.95 by bootstrap over images
        -> master
        -> Dataset.Neuron
        ---
        val_corr            : float64   # correlation with the validation set; 0 for a constant neuron
        val_corr_lower      : float64
        val_corr_upper      : float64
        test_corr           : float64   # correlation with the mean over test repeats; 0 for a constant neuron
        test_corr_lower     : float64
        test_corr_upper     : float64
        ceiling=null        : float64   # the best that test_corr can be; null without repeats
        ceiling_lower=null  : float64
        ceiling_upper=null  : float64
        explainable_variance=null       : float64   # of test trials: 1 - noise / variance; null without repeats
        explainable_variance_lower=null : float64
        explainable_variance_upper=null : float64
        feve=null           : float64   # explained fraction of the explainable variance; null unless that is positive
        feve_lower=null     : float64   # null where the interval of explainable_variance reaches 0
        feve_upper=null     : float64
        """

    class Curve(dj.Part):
        definition = """
        # The learning curve, a row a validation
        -> master
        iteration       : int32     # steps taken, those included that were taken back
        ---
        learning_rate   : float64
        train_loss=null : float64   # of the last minibatch, penalties included; null if not finite
        val_loss=null   : float64   # per image; null if not finite
        val_corr        : float64
        is_best         : bool      # whether no validation before was better
        """

    class Imported(dj.Part):
        definition = """
        # A model that was trained by other code; device, versions and times above are those of its scoring here
        -> master
        ---
        log_hash                    : char(32)  # the original's name of its training
        variables_sha256            : char(64)  # over names and values of all variables of its checkpoint
        published_val_loss=null     : float64   # in the paper, of the model of that log hash
        published_test_corr=null    : float64   # in the paper, of the model of that log hash
        """

    on_validation: ClassVar[Any] = staticmethod(
        lambda key, validation: None
    )  # called with a models.training.Validation

    def populate(self, *restrictions: Any, **options: Any) -> dict[str, Any]:
        """As DataJoint's; the saved states of trainings whose models are in are removed afterwards."""
        done = super().populate(*restrictions, **options)
        self.discard_states()
        return done

    @staticmethod
    def discard_states() -> None:
        """Take away the saved states of trainings whose models are in."""
        (SavedState & TrainedModel.proj()).discard()

    def make_fetch(self, key: dict) -> tuple:
        return ((TrainingTask & key).keywords(),)

    def make_compute(self, key: dict, task: dict[str, Any]) -> tuple:
        where = device.current()
        keeper = DatabaseKeeper(key, where)
        loaded = recordings.load(key)
        data, size = loaded.data, "{} x {}".format(*loaded.data.image_size)
        result, weights, (row, neurons) = memory.enough_for(
            lambda: self._train(key, task, data, where, keeper),
            where,
            f"batches of {task['fit']['batch_size']} images of {size} pixels and {data.num_neurons} neurons",
            "a smaller batch_size takes less, and so do fewer filters and fewer workers on the device",
        )
        row |= {"num_iterations": result.num_iterations, "weights": weights}
        row |= {"recording_sha256": loaded.content_sha256} | keeper.provenance()
        server.make_sure_of(self.connection)
        return row, neurons, _curve(result)

    def _train(
        self,
        key: dict,
        task: dict[str, Any],
        data: models.Data | models.SharedData,
        where: torch.device,
        keeper: DatabaseKeeper,
    ) -> tuple[models.TrainingResult, dict[str, torch.Tensor], tuple[dict[str, Any], list[dict[str, Any]]]]:
        """What came of the training, the weights, and the scores."""
        model = new_network(key, task)
        trainer = models.Trainer(model, data, seed=task["seed"], device=where, precision=task["precision"])
        result = trainer.fit(
            **task["fit"], progress=lambda validation: self.on_validation(key, validation), keeper=keeper
        )
        return result, model.state_dict(), _scores(model, trainer.data)

    def make_insert(self, key: dict, row: dict, neurons: list[dict], curve: list[dict]) -> None:
        self.insert1(key | row, allow_direct_insert=True)
        where = (TrainingSet & key).neurons()
        self.Neuron.insert(key | neuron | score for neuron, score in zip(where, neurons, strict=True))
        self.Curve.insert(key | point for point in curve)

    def insert_imported(
        self, key: dict, model: models.CorePlusReadoutModel, num_iterations: int | None, origin: dict[str, Any]
    ) -> None:
        """Insert a model that was trained elsewhere, scored on the recording of the task `key`.

        origin: the columns of `Imported`. To be called in a transaction.
        """
        import torch

        started, clock = datetime.now(UTC), time.monotonic()
        recording = (TrainingSet & key).load()
        row, neurons = _scores(model, models.Data.from_recording(recording))
        row |= {"num_iterations": num_iterations, "weights": model.state_dict()}
        row |= {"recording_sha256": recording.content_sha256()}
        row |= provenance.of_run(torch.device("cpu"), started, time.monotonic() - clock)
        self.make_insert(key, row, neurons, [])
        self.Imported.insert1(key | origin)

    def load_model(self, dataset_name: str | None = None) -> models.CorePlusReadoutModel:
        """The network of the one row that is left, on the CPU, ready to predict normalised images.

        dataset_name: for the neurons of that recording alone; by default for those of all recordings of the training
        set, in the order of `TrainingSet.neurons`. Raises ValueError where it has no recording of that name.
        """
        key = self.fetch1("KEY")
        task, shapes = (TrainingTask & key).keywords(), (TrainingSet & key).shapes()
        if dataset_name is not None and dataset_name not in shapes[1]:
            raise ValueError(f"recording is {dataset_name!r}; allowed are {', '.join(shapes[1])}")
        model = network(task, shapes).to(models.precision.precision_named(task["precision"]).dtype)
        model.load_state_dict(self.fetch1("weights").load())
        model.eval()
        if isinstance(model, models.SharedCoreModel) and dataset_name is None:
            return model.joined().eval()
        return model.parts[list(shapes[1]).index(dataset_name) if dataset_name else 0].eval()


def new_network(key: dict[str, Any], task: dict[str, Any]) -> models.model.ModelOfParts:
    """The network that the training of a task begins with; task: its keywords.

    Raises StoredCoreError where its core is a stored one whose weights are gone.
    """
    from schemas.training.stored_core import core_weights  # which refers to this table

    return network(task, (TrainingSet & key).shapes(), core_weights(key))


def _scores(
    model: models.model.ModelOfParts, data: models.Data | models.SharedData
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Columns of `TrainedModel`, and of each neuron those of `Neuron`."""
    row, neurons = models.evaluation.score(model, data)
    return {name: finite(value) for name, value in row.items()}, columns_as_rows(neurons)


def _curve(result: models.TrainingResult) -> list[dict]:
    return [
        {
            "iteration": point.iteration,
            "learning_rate": point.learning_rate,
            "train_loss": finite(point.train_loss),
            "val_loss": finite(point.val_loss),
            "val_corr": point.val_corr,
            "is_best": point.is_best,
        }
        for point in result.curve
    ]
