"""YAML files of experiments that are not as they should be: each is refused with its line, and says what is wanted."""

from __future__ import annotations

import pytest

from pipeline.experiments.yaml_file import MAX_BYTES

HEAD = "name: own\nbase: quick\nmodels:\n"  # the first model stands in line 4
BAD_FILES = {
    "": ": is empty; docs/how-to/experiments.md tells what it should hold",
    "# nothing\n": ": is empty",
    "- a\n": ", line 1: the file is a list; allowed are names with values: name, summary, axis, base,",
    "fig2\n": ", line 1: the file is 'fig2'; allowed are names with values",
    "name: a\n": ", line 1: the file has no base; needed are at least name, base and models",
    "name: [\n": ", line 2: is not YAML (",
    "name: a\n	base: b\n": ", line 2: is not YAML (",
    "name: a\n---\nname: b\n": ", line 2: is not YAML (",
    "name: a\nbase: quick\nname: b\n": ", line 3: name stands here a second time; leave one of them",
    "name: a\nbase: quick\ncolour: red\n": ", line 3: 'colour' is unknown here; allowed are name, summary, axis, base",
    "name: a\n[1, 2]: 3\n": ", line 2: a list is unknown here; allowed are name",
    "name: fig2\nbase: quick\nmodels: [{label: a}]\n": ", line 1: name is 'fig2', which is an experiment that comes wi",
    "name: a b\nbase: quick\nmodels: [{label: a}]\n": ", line 1: name is a name that does not do: name 'a b' is not al",
    "name:\nbase: quick\nmodels: [{label: a}]\n": ", line 1: name is nothing; allowed is a text",
    "name: a\nbase: fast\nmodels: [{label: a}]\n": ", line 2: base is 'fast'; allowed are rotation-equivariant, cnn, p",
    "name: a\nbase: quick\nmodels: {label: a}\n": ", line 3: models is a mapping; allowed is a list of models",
    "name: a\nbase: quick\nmodels: []\n": ", line 3: models is an empty list; allowed is a list of models",
    "name: a\nbase: quick\nseeds: 3\nmodels: [{label: a}]\n": ", line 3: seeds is '3'; allowed is a list of seeds",
    "name: a\nbase: quick\nseeds: [0,\n  -1]\nmodels: [{label: a}]\n": ", line 4: seeds is '-1'; allowed is a whole nu",
    "name: a\nbase: quick\nsearch: 0\nmodels: [{label: a}]\n": ", line 3: search is '0'; allowed is a whole number fro",
    HEAD + "  - value: 1\n": ", line 4: models has no label; every model needs one",
    HEAD + "  - label: a\n  - label: b\n  - label: a\n": ", line 6: models has the label 'a' in 'quick', as the model ",
    HEAD + "  - label: " + 65 * "a" + "\n": ", line 4: label is 'aaa",
    HEAD + "  - label: \"a\\nb\"\n": ", line 4: label is 'a\\nb'; allowed is one line of 1 to 64 characters",
    HEAD + "  - label: a\n    layers:\n      num_filters: [4, 4]\n": ", line 6: num_filters has 2 values; allowed are",
    HEAD + "  - label: a\n    layers:\n      num_filters:\n      - 4\n      - 4.5\n      - 4\n":
        ", line 8: num_filters is '4.5'; allowed is a whole number from 1 to 4096",
    HEAD + "  - &a {label: a}\n  - *a\n": ", line 4: anchors and aliases (& and *) are not allowed",
    HEAD + "  - !!python/object/apply:os.system [ls]\n": ", line 4: the tag 'tag:yaml.org,2002:python/object/apply:os.",
    HEAD + "  - {label: a, <<: {value: 1}}\n": ", line 4: '<<' is unknown here",
    HEAD + "  - " + 30 * "[" + 30 * "]" + "\n": ", line 4: lists and names are nested more than 20 deep",
    30000 * "[": ", line 1: lists and names are nested more than 20 deep",
    "#" * (MAX_BYTES + 1): ": is larger than any such description; allowed are 64 KiB",
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
    "layers: {num_filters: 3}": "num_filters is '3'; allowed is a list of one value a la",
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
