"""Runs the blocks of pages in a process, folder and database of their own, as somebody would who reads them.

python tests/docs/run_pages.py REPORT PAGE...: into the file REPORT a line of JSON for each block. Commands run in this
one process, since each would import PyTorch anew otherwise. What differs from a reader's machine stands here: tiny
recordings of the names that the pages use, trainings of a few steps, in-silico experiments of a few stimuli.
"""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

import pipeline
import small_configurations
from documents import ROOT, Block, blocks, blocks_to_run
from models.simulation import simulate_recording
from pipeline import cli, configs, protocols
from pipeline.experiments import BUILT_IN

STEPS = {"batch_size": 16, "val_steps": 2, "max_iter": 4}  # of every training of a named configuration
RECORDINGS = ("demo", "mouse1", "mouse2", "mouse3")
SCRIPTS = {"docs/how-to/new-core.md"}  # pages whose Python is a script of its own: it has to run before any import


def shorten() -> None:
    """A few steps and a few stimuli, under the names of the program's own settings."""
    for name, named in configs.CONFIGS.items():
        configs.CONFIGS[name] = _shortened(named)
    for name, design in BUILT_IN.items():
        families = {
            family: tuple(replace(point, named=_shortened(point.named)) for point in points)
            for family, points in design.families.items()
        }
        BUILT_IN[name] = replace(design, families=families)
    for table, settings in protocols.SETTINGS.items():
        settings["standard"] |= small_configurations.SMALL_SETTINGS.get(table, {})


def _shortened(named: configs.NamedConfig) -> configs.NamedConfig:
    return replace(named, trainer=named.trainer | STEPS)


def prepare() -> None:
    """The files and rows that pages take for granted: recordings in files and in tables, two models, an experiment."""
    from pipeline.datasets import add_recording
    from pipeline.tasks import declare_task
    from schemas.training import TrainedModel

    pipeline.connect()
    for seed, name in enumerate(RECORDINGS):
        recording = simulate_recording(num_neurons=6, num_images=60, image_size=16, num_repeats=3, seed=seed)
        recording.write(f"{name}.h5")
        add_recording(name, recording, Path(f"{name}.h5"))
    nwb, yaml = _block("docs/how-to/nwb.md", "python"), _block("docs/how-to/experiments.md", "yaml")
    exec(nwb.code, {})  # writes mouse1.nwb
    Path("kernels.yaml").write_text(yaml.code)
    both = ("rotation-equivariant", "cnn")
    TrainedModel.populate([declare_task(name, config, 0) for name in ("demo", "mouse1") for config in both])


def _block(page: str, kind: str) -> Block:
    return next(block for block in blocks(ROOT / page) if block.kind == kind)


def run_page(page: Path) -> list[dict[str, object]]:
    """Run its blocks in their order; what is pending when a page ends is asked for no more."""
    from schemas.training import TrainedModel, TrainingTask

    names: dict[str, object] = {}
    report = []
    for block in blocks_to_run(page):
        began, said = time.process_time(), io.StringIO()
        error = None
        try:
            with contextlib.redirect_stdout(said):
                if block.kind == "console":
                    _run_commands(block, names)
                elif block.page not in SCRIPTS:
                    exec(compile(block.code, block.name, "exec"), names)
        except BaseException:
            error = traceback.format_exc()
        seconds = round(time.process_time() - began, 2)
        report.append({"block": block.name, "error": error, "said": said.getvalue(), "seconds": seconds})
    if blocks_to_run(page) and blocks_to_run(page)[0].page in SCRIPTS:
        code = "".join(block.code for block in blocks_to_run(page))
        done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
        report[-1] |= {"error": done.stderr if done.returncode else None, "said": done.stdout}
    (TrainingTask - TrainedModel.proj()).delete(prompt=False, part_integrity="ignore")
    return report


def _run_commands(block: Block, names: dict[str, object]) -> None:
    """Only `hypercolumn` is run; whatever else a block needs has a mark that says why it is not run."""
    for line in block.code.replace("\\\n", " ").splitlines():
        for command in _commands(shlex.split(line, comments=True)):
            words = [_meant(word, names) for word in command]
            if words[0] != "hypercolumn":
                raise ValueError(f"{words[0]} is not run here; say above the block why, or in which test")
            sys.argv = words
            try:
                cli.main()
            except SystemExit as end:
                if end.code:
                    raise RuntimeError(f"{shlex.join(words)} ended with exit code {end.code}") from end


def _commands(words: list[str]) -> list[list[str]]:
    """The commands of a line, which semicolons part."""
    commands: list[list[str]] = [[]]
    for word in words:
        commands[-1].append(word.removesuffix(";"))
        if word.endswith(";"):
            commands.append([])
    return [command for command in commands if command]


def _meant(word: str, names: dict[str, object]) -> str:
    """Where a page names a model by an id: one of mouse1; `ID` on a whole page is what was trained last before it."""
    from pipeline.results import short_id
    from schemas.training import TrainedModel

    if word == "4c96024d":
        return short_id((TrainedModel & {"training_set": "mouse1", "config": "rotation-equivariant"}).fetch1("KEY"))
    if word == "ID":
        return str(names.setdefault("ID", short_id(TrainedModel.keys(order_by="started DESC", limit=1)[0])))
    return word


if __name__ == "__main__":
    shorten()
    prepare()
    with Path(sys.argv[1]).open("w") as report:
        for page in sys.argv[2:]:
            for line in run_page(ROOT / page):
                print(json.dumps(line), file=report, flush=True)
