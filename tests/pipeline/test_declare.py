"""`hypercolumn declare`: what it says, a lab's own experiment from a file, and files that are not as they should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline import configs
from pipeline.cli import cli
from pipeline.experiments import BUILT_IN, declare, estimate, find
from pipeline.experiments.yaml_file import MAX_BYTES
from schemas.architecture import Core, ModelConfig, Readout
from schemas.experiment import Experiment
from schemas.insilico import InSilicoTask
from schemas.training import TrainedModel, TrainerConfig, TrainingTask

DOCS = Path(__file__).parents[2] / "docs" / "experiments.md"

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


@pytest.fixture
def tidy(connection) -> Iterator[None]:
    """Nothing of an experiment is left afterwards."""
    tables = (ModelConfig, Core, Readout, TrainerConfig)
    before = [table.proj().to_dicts() for table in tables]
    yield
    tasks = tasks_of_experiments()
    for table in (Experiment.Member, Experiment.Published, Experiment):
        table().delete_quick()
    if trained := (TrainedModel & tasks).proj().to_dicts():
        (TrainingTask & trained).delete(prompt=False)
    for table in (InSilicoTask, TrainingTask):
        (table & tasks).delete_quick()
    for table, known in zip(tables, before, strict=True):
        new = [row for row in table.proj().to_dicts() if row not in known]
        if table is Core:
            (Core.Layer & new).delete_quick()
        (table & new).delete_quick()


def tasks_of_experiments() -> list[dict]:
    return [{name: row[name] for name in TrainingTask.primary_key} for row in Experiment.Member.proj().to_dicts()]


@pytest.fixture
def written(tmp_path) -> Callable[[str | bytes], Path]:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "own.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_what_it_says(command, tiny, tidy):
    code, out, err = command("declare", "table1", "--dataset", tiny, "--seed", 5, "--seed", 6)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == (
        "table1 on tiny, family small (60 training images, fewer than 2560; --family paper takes the other "
        "configurations)"
    )
    assert lines[1] == "14 trainings: 14 new, 0 declared before; 0 trained"
    assert lines[2] == "in-silico experiments on 6 of the models"
    assert lines[-1] == "Next: hypercolumn worker --once && hypercolumn report"
    again = command("declare", "table1", "--dataset", tiny, "--seed", 5, "--family", "small").out.splitlines()
    assert again[0] == "table1 on tiny, family small"
    assert again[1] == "7 trainings: 0 new, 7 declared before; 0 trained"


def test_dry_run(command, tiny, snapshot):
    before = snapshot()
    code, out, err = command("declare", "fig2", "--dataset", tiny, "--search", 32, "--dry-run")
    assert (code, err) == (0, "")
    assert "288 trainings: 288 would be new, 0 declared before; 0 trained\n" in out
    assert out.endswith("nothing was written; the same without --dry-run declares it\n")
    assert snapshot() == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["fig9", "--dataset", "tiny"], "experiment 'fig9' is unknown; allowed are table1, fig2, fig3, transfer,"),
        (["table1", "--dataset", "nobody"], "there is no recording 'nobody' (there are: "),
        (["table1", "--dataset", "it's"], 'there is no recording "it\'s"'),
        (["table1", "--dataset", "tiny", "--family", "paper"], "'tiny' has 60 training images, fewer than one batch"),
        (["fig3", "--dataset", "tiny"], "'tiny@125' has 8 training images, fewer than one batch of 'rotation-equivar"),
        (["halves", "--dataset", "tiny"], "'tiny@half-1' has 30 training images, fewer than one batch of"),
        (["fig3", "--dataset", "tiny", "--dry-run"], "'tiny@125' has 8 training images"),
        (["table1", "--dataset", "tiny", "--family", "large"], "'large' is not one of 'paper', 'small'"),
        (["table1", "--dataset", "tiny", "--seed", -1], "-1 is not in the range"),
        (["table1", "--dataset", "tiny", "--search", 0], "0 is not in the range"),
        (["table1"], "Missing option '--dataset'"),
        (["none.yaml", "--dataset", "tiny"], "none.yaml: No such file or directory"),
        (["a.yaml", "--dataset", "tiny", "--family", "small"], "a.yaml: names its configurations itself"),
    ],
)
def test_refused(refused, tiny, arguments, expected):
    assert expected in refused("declare", *arguments)


def test_help_names_every_experiment():
    assert all(name in cli.commands["declare"].help for name in BUILT_IN)


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


def test_from_declaration_to_estimate(command, tiny, quick, tidy, written):
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


HEAD = "name: own\nbase: quick\nmodels:\n"  # the first model stands in line 4
BAD_FILES = {
    "": ": is empty; docs/experiments.md tells what it should hold",
    "# nothing\n": ": is empty",
    "- a\n": ", line 1: the file is a list; wanted are names with values: name, summary, axis, base,",
    "fig2\n": ", line 1: the file is 'fig2'; wanted are names with values",
    "name: a\n": ", line 1: the file has no base; wanted are at least name, base and models",
    "name: [\n": ", line 2: is not YAML (",
    "name: a\n	base: b\n": ", line 2: is not YAML (",
    "name: a\n---\nname: b\n": ", line 2: is not YAML (",
    "name: a\nbase: quick\nname: b\n": ", line 3: name stands here a second time; leave one of them",
    "name: a\nbase: quick\ncolour: red\n": ", line 3: 'colour' is unknown here; allowed are name, summary, axis, base",
    "name: a\n[1, 2]: 3\n": ", line 2: a list is unknown here; allowed are name",
    "name: fig2\nbase: quick\nmodels: [{label: a}]\n": ", line 1: name is 'fig2', which is an experiment that comes wi",
    "name: a b\nbase: quick\nmodels: [{label: a}]\n": ", line 1: name is a name that does not do: name 'a b' is not al",
    "name:\nbase: quick\nmodels: [{label: a}]\n": ", line 1: name is nothing; wanted is a text",
    "name: a\nbase: fast\nmodels: [{label: a}]\n": ", line 2: base is 'fast'; allowed are rotation-equivariant, cnn, p",
    "name: a\nbase: quick\nmodels: {label: a}\n": ", line 3: models is a mapping; wanted is a list of models",
    "name: a\nbase: quick\nmodels: []\n": ", line 3: models is an empty list; wanted is a list of models",
    "name: a\nbase: quick\nseeds: 3\nmodels: [{label: a}]\n": ", line 3: seeds is '3'; wanted is a list of seeds",
    "name: a\nbase: quick\nseeds: [0,\n  -1]\nmodels: [{label: a}]\n": ", line 4: seeds is '-1'; allowed is a whole nu",
    "name: a\nbase: quick\nsearch: 0\nmodels: [{label: a}]\n": ", line 3: search is '0'; allowed is a whole number fro",
    HEAD + "  - value: 1\n": ", line 4: models has no label; every model needs one",
    HEAD + "  - label: a\n  - label: b\n  - label: a\n": ", line 6: models has the label 'a' in 'quick', as the model ",
    HEAD + "  - label: " + 65 * "a" + "\n": ", line 4: label is 'aaa",
    HEAD + "  - label: \"a\\nb\"\n": ", line 4: label is 'a\\nb'; wanted is one line of 1 to 64 characters",
    HEAD + "  - label: a\n    layers:\n      num_filters: [4, 4]\n": ", line 6: num_filters has 2 values; wanted are 3",
    HEAD + "  - label: a\n    layers:\n      num_filters:\n      - 4\n      - 4.5\n      - 4\n":
        ", line 8: num_filters is '4.5'; allowed is a whole number from 1 to 4096",
    HEAD + "  - &a {label: a}\n  - *a\n": ", line 4: anchors and aliases (& and *) are not allowed",
    HEAD + "  - !!python/object/apply:os.system [ls]\n": ", line 4: the tag 'tag:yaml.org,2002:python/object/apply:os.",
    HEAD + "  - {label: a, <<: {value: 1}}\n": ", line 4: '<<' is unknown here",
    HEAD + "  - " + 30 * "[" + 30 * "]" + "\n": ", line 4: lists and names are nested more than 20 deep",
    30000 * "[": ", line 1: lists and names are nested more than 20 deep",
    "#" * (MAX_BYTES + 1): ": is larger than 64 KiB",
    b'name: a\nbase: \xff\n': ", line 2: holds bytes that are not UTF-8; save it as UTF-8",
    b'name: a\nbase: \x00\n': ", line 2: holds a character that is not allowed (#x0000)",
}  # fmt: skip
BAD_MODELS = {  # what stands in line 5
    "value: .nan": "value is '.nan'; allowed is a number",
    "value: inf": "value is 'inf'; allowed is a number",
    "speed: 1": "'speed' is unknown here; allowed are label, series, value, base",
    "base: b": "base is 'b'; allowed are rotation-equivariant",
    "protocol: b": "protocol is 'b'; allowed are ",
    "trials_per_mille: 0": "trials_per_mille is '0'; allowed is a whole number from 1 to 1000",
    "layers: {filters: 3}": "'filters' is unknown here; allowed are filter_size, num_f",
    "layers: {num_filters: 3}": "num_filters is '3'; wanted is a list of one value a la",
    "layers: {padding: [SAME, SAME, same]}": "padding is 'same'; allowed are SAME, VALID",
    "core: {core_class: Core}": "core_class is 'Core'; allowed are StackedRotEqui",
    "core: {num_rotations: 8}": "core has the core_class StackedConv2dCore, which wants null for num_rotations",
    "core: {core: cnn-32-32-64-strided}": "core names 'cnn-32-32-64-strided', which",
    "config: paper": "config is 'paper', which is the name of another configuration",
    "trainer: {trainer: paper}": "trainer names 'paper', which stands for other values",
    "readout: {positive_feature_weights: yes}": "positive_feature_weights is 'yes'; allowed are true, false",
    "readout:\n      readout_class: SpatialXFeatureSeparateL1Readout": "readout leaves readout_sparsity of the readout",
    "readout: {k_transfer: 2}": "readout has k_transfer 2 with SpatialXFeatureJointL1R",
    "regularization: {readout_sparsity: -1}": "readout_sparsity is '-1'; allowed is a number of at least 0",
    "regularization: {conv_smooth_weight: null}": "conv_smooth_weight is nothing; all",
    "regularization: {conv_smooth_weight: '0.1'}": "conv_smooth_weight is '0.1'; allowed",
    "bounds: {feature_l2: [0.1, 1]}": "feature_l2 are the bounds of a weight that this",
    "bounds: {readout_sparsity: [2, 1]}": "readout_sparsity has the bounds [2.0, 1.0]",
    "trainer: {learning_rate: 0}": "learning_rate is '0'; allowed is a number above 0",
    "trainer: {map_dropout: 1}": "map_dropout is '1'; allowed is a number of at least 0 and below 1",
    "trainer: {optimizer: sgd}": "optimizer is 'sgd'; allowed are adam, adamw",
    "trainer: {weight_decay: 0.1}": "trainer has a weight_decay with the optimizer adam",
    "trainer: {schedule: cosine, max_iter: null}": "trainer has the schedule cosine",
}  # fmt: skip
BAD = BAD_FILES | {f"{HEAD}  - label: a\n    {text}\n": f", line 5: {said}" for text, said in BAD_MODELS.items()}


@pytest.mark.parametrize("content", BAD, ids=lambda content: repr(content)[-40:])
def test_bad_files(command, tiny, quick, written, content):
    path = written(content)
    code, out, err = command("declare", path, "--dataset", tiny)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith(f"hypercolumn: {path}{BAD[content]}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            HEAD + "  - {label: a, series: s}\n  - {label: a, series: t}\n",
            "'a' and 'a' of experiment 'own' are one",
        ),
        (HEAD + "  - label: a\n  - label: b\n", "'a' and 'b' of experiment 'own' are one and the same training"),
        (HEAD + "  - label: a\n    trials_per_mille: 100\n", "'tiny@100' has 6 training images, fewer than one batch"),
        (
            HEAD
            + "  - label: a\n    layers: {filter_size: [17, 3, 3], padding: [VALID, SAME, SAME], stride: [1, 1, 1]}\n",
            "'a': layer 1 of 'quick-",
        ),
    ],
)
def test_what_only_the_recording_tells(refused, tiny, quick, written, text, expected):
    assert expected in refused("declare", written(text), "--dataset", tiny)


def test_a_folder_is_no_file(refused, tiny, tmp_path):
    folder = tmp_path / "own.yaml"
    folder.mkdir()
    assert refused("declare", folder, "--dataset", tiny) == (
        f"hypercolumn: {folder}: Is a directory; check the path and its permissions"
    )


def test_the_example_of_the_documentation(written):
    """The page's own file is an experiment, and its table tells every built-in one."""
    page = DOCS.read_text(encoding="utf-8")
    request = find(str(written(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])))
    assert len(request.design.families["own"]) > 3
    assert all(f"`{name}`" in page for name in BUILT_IN)
