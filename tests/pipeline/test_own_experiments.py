"""A lab's own experiment, declared from a YAML file."""

from __future__ import annotations

import re
from pathlib import Path

from experiment_rows import tasks_of_experiments
from pipeline import configs
from pipeline.experiments import BUILT_IN, declare, estimate, find
from schemas.architecture import Core, ModelConfig
from schemas.experiment import Experiment
from schemas.training import TrainedModel, TrainingTask

DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "experiments.md"

KERNELS = """\
name: kernels
summary: Whether larger kernels help
axis: kernel of the first layer (pixels)
base: quick
seeds: [1, 2]
models:
  - label: 5 pixels
    value: 5
  - label: 7 pixels
    value: 7
    layers: {filter_size: [7, 3, 3]}
  - label: 7 pixels, slower
    series: slow
    config: kernels-of-seven
    layers:
      filter_size: [7, 3, 3]
      rel_smooth_weight: [1, 1, 1]
    trainer: {learning_rate: 1e-3, max_iter: 4}
    regularization: {readout_sparsity: 0.002}
    protocol: weights
"""


def test_own_experiment(command, tiny, quick, tidy, written):
    path = written(KERNELS)
    code, out, err = command("declare", path, "--dataset", tiny)
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == ["kernels on tiny", "6 trainings: 6 new, 0 declared before; 0 trained"]
    experiment = (Experiment & {"experiment_name": "kernels"}).fetch1()
    assert experiment["summary"] == "Whether larger kernels help"
    assert experiment["axis"] == "kernel of the first layer (pixels)"
    shown = ("series", "label", "value", "family", "seed")
    rows = (Experiment.Member * ModelConfig & {"experiment_name": "kernels"}).to_dicts(order_by=["position", "seed"])
    assert [tuple(row[name] for name in shown) for row in rows] == [
        ("quick", "5 pixels", 5, "own", 1),
        ("quick", "5 pixels", 5, "own", 2),
        ("quick", "7 pixels", 7, "own", 1),
        ("quick", "7 pixels", 7, "own", 2),
        ("slow", "7 pixels, slower", None, "own", 1),
        ("slow", "7 pixels, slower", None, "own", 2),
    ]
    base, seven, slow = rows[::2]
    assert (base["config"], base["core"], base["trainer"]) == ("quick", "cnn-4-4-4", "quick")
    assert re.fullmatch(r"quick-[0-9a-f]{8}", seven["config"])
    assert re.fullmatch(r"cnn-4-4-4-[0-9a-f]{8}", seven["core"])
    assert (seven["readout"], seven["trainer"]) == (base["readout"], "quick")
    assert slow["config"] == "kernels-of-seven"
    assert slow["core"] not in (base["core"], seven["core"])
    task = (TrainingTask & {name: slow[name] for name in TrainingTask.primary_key}).keywords()
    named = configs.CONFIGS["quick"]
    assert task["fit"]["learning_rate"] == 0.001
    assert task["fit"] | {"learning_rate": 0.01, "max_iter": 6} == {
        name: value for name, value in named.trainer.items() if name not in ("trainer", "precision")
    }
    assert task["readout"]["readout_sparsity"] == 0.002
    assert task["core"]["filter_size"] == [7, 3, 3]
    assert task["core"]["rel_smooth_weight"] == [1, 1, 1]
    assert task["core"]["num_filters"] == [4, 4, 4]


def test_from_declaration_to_estimate(tiny, quick, tidy, written):
    """Trained models tell how long the next ones take: of the same configuration, or in proportion."""
    own = find(str(written(KERNELS)))
    keys = [training.key for training in declare(own.design, tiny, seeds=[1]).trainings]
    TrainedModel.populate(keys[0])
    dry = declare(own.design, tiny, seeds=[1, 2], dry_run=True)
    assert [training.is_trained for training in dry.trainings] == [True, False, False, False, False, False]
    expected = estimate(dry.untrained, tiny)
    assert (expected.num_same, expected.num_scaled, expected.num_unknown) == (1, 2, 2)


def test_worker_trains_what_was_declared(command, tiny, quick, tidy, written):
    path = written(KERNELS)
    command("declare", path, "--dataset", tiny, "--seed", 3)
    TrainedModel.populate(tasks_of_experiments())
    lines = command("declare", path, "--dataset", tiny, "--seed", 3).out.splitlines()
    assert lines[1] == "3 trainings: 0 new, 3 declared before; 3 trained"
    assert lines[-1] == "Next: hypercolumn report"
    assert len(TrainedModel & {"seed": 3}) == 3


def test_a_search_from_a_file(command, tiny, quick, tidy, written):
    text = "name: search\nbase: quick\nsearch: 3\nmodels: [{label: a, bounds: {readout_sparsity: [0.001, 0.002]}}]\n"
    assert "3 trainings: 3 new" in command("declare", written(text), "--dataset", tiny).out
    assert "5 trainings: 2 new, 3 declared" in command("declare", written(text), "--dataset", tiny, "--search", 5).out


def test_words_that_yaml_takes_for_something_else(tiny, quick, written):
    """Labels are texts, whatever they look like; numbers may be written in any way."""
    text = "name: words\nbase: quick\nmodels:\n"
    text += "".join(
        f"  - {{label: {label}, value: 1e{i}}}\n" for i, label in enumerate(["no", "12", "1:30", "2026-01-02"])
    )
    points = find(str(written(text))).design.families["own"]
    assert [(point.label, point.value) for point in points] == [
        ("no", 1),
        ("12", 10),
        ("1:30", 100),
        ("2026-01-02", 1000),
    ]


def test_names_follow_from_content(tiny, quick, written):
    def names(difference: str) -> tuple[str, str, str]:
        text = f"name: own\nbase: quick-equivariant\nmodels: [{{label: a, {difference}}}]\n"
        (point,) = find(str(written(text))).design.families["own"]
        return point.named.config, point.named.core["core"], point.named.trainer["trainer"]

    base = ("quick-equivariant", "hermite-2-2-4", "quick")
    assert names("value: 1") == base
    assert names("layers: {num_filters: [2, 2, 4]}") == base
    assert names("regularization: {conv_smooth_weight: 0.5}") == base
    assert names("trainer: {patience: 3}")[:2] == base[:2]
    assert names("trainer: {trainer: mine, patience: 3}") == (*base[:2], "mine")
    config, core, trainer = names("core: {shared_biases: true}")
    assert config != base[0]
    assert core != base[1]
    assert trainer == base[2]
    assert names("core: {core: mine, shared_biases: true}")[1] == "mine"
    assert names("readout: {positive_feature_weights: true}")[1] == base[1]
    assert names("layers: {stride: [2, 1, 1]}") == names("layers: {stride: [2, 1, 1]}")
    assert names("layers: {stride: [2, 1, 1]}") != names("layers: {stride: [2, 2, 2]}")


def test_another_number_of_layers(tiny, quick, tidy, written, command):
    columns = {
        "filter_size": [5, 3], "num_filters": [4, 4], "stride": [1, 1], "rate": [1, 1], "padding": ["SAME", "VALID"],
        "activation_fn": ["soft", "none"], "rel_smooth_weight": [1, 1], "rel_sparse_weight": [0, 1],
    }  # fmt: skip
    layers = "".join(f"      {name}: [{', '.join(map(str, values))}]\n" for name, values in columns.items())
    text = f"name: two\nbase: quick\nmodels:\n  - label: two layers\n    layers:\n{layers}"
    assert command("declare", written(text), "--dataset", tiny).code == 0
    (core,) = (Experiment.Member * ModelConfig).to_arrays("core")
    assert len(Core.Layer & {"core": core}) == 2


def test_the_example_of_the_documentation(written):
    """The page's own file is an experiment, and its table tells every built-in one."""
    page = DOCS.read_text(encoding="utf-8")
    request = find(str(written(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])))
    assert len(request.design.families["own"]) > 3
    assert all(f"`{name}`" in page for name in BUILT_IN)
