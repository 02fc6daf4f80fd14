"""What there is: recordings, and how complete the experiments are."""

from __future__ import annotations

from pipeline.figures.rows import Row
from pipeline.figures.tables import Link, Table
from pipeline.figures.words import NONE, mean, number
from pipeline.report.page import Section, Tabulated, Text


def recordings_section(recordings: list[Row], models: dict[str, list[Row]]) -> Section:
    """recordings: rows of `Dataset`. models: of each recording, by its name, those that are trained."""
    headings = ["recording", "neurons", "image", "training", "validation", "test", "repeats", "ceiling", "models"]
    rows = []
    for row in recordings:
        trained = models[row["dataset_name"]]
        size = f"{row['image_height']} x {row['image_width']}"
        images = [f"{row[f'num_{split}']:,}" for split in ("train", "validation", "test")]
        ceiling = number(mean(model["ceiling"] for model in trained))
        cells = [row["dataset_name"], f"{row['num_neurons']:,}", size, *images, str(row["num_repeats"]), ceiling]
        rows.append([*cells, str(len(trained))])
    table = Table("Recordings, their images and their mean ceiling", headings, rows, headings[1:])
    blocks = [Tabulated(table)] if rows else []
    warned = [Text(f"{row['dataset_name']}: {line}") for row in recordings for line in row["warnings"]]
    said = Text(
        "The ceiling is the best that a test correlation can be, the square root of the explainable fraction of "
        "variance; it is known where test images have repeats and a model was scored."
    )
    return Section("Recordings", "recordings", [*blocks, said, *warned])


def experiments_section(
    experiments: list[Row],
    members: dict[str, list[Row]],
    recordings: list[Row],
    anchors: dict[tuple[str, str], str],
) -> Section:
    """How many trainings of each experiment are declared and done, recording by recording.

    members: of each experiment, by its name. anchors: by recording and experiment, where on the page its section is.
    """
    rows = []
    for row in experiments:
        name = row["experiment_name"]
        for dataset in [one["dataset_name"] for one in recordings]:
            of_recording = [member for member in members[name] if member["dataset_name"] == dataset]
            if not of_recording:
                continue
            trained = sum(member["trained"] for member in of_recording)
            anchor = anchors.get((dataset, name))
            first = Link(name, anchor) if anchor else name
            done = f"{trained} of {len(of_recording)}"
            rows.append([first, dataset, row["summary"], done, f"{100 * trained / len(of_recording):.0f} %"])
        if not members[name]:
            rows.append([name, NONE, row["summary"], NONE, NONE])
    headings = ["experiment", "recording", "what it shows", "trained", "complete"]
    table = Table("Experiments and how complete they are", headings, rows, {"trained", "complete"})
    if not rows:
        return Section("Experiments", "experiments", [Text("No experiment was declared.")])
    return Section("Experiments", "experiments", [Tabulated(table)])
