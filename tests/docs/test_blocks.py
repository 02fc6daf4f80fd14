"""Every block of code of README and documentation runs, or says above it why it does not, or where it does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from documents import CODE, DATA, PAGES, ROOT, SHOWN, blocks, blocks_to_run
from pipeline.database.embedded import EmbeddedServer

RUNNER = Path(__file__).with_name("run_pages.py")
RUN = [page for page in PAGES if blocks_to_run(page)]
# What is deleted there, other pages would miss.
RUN.sort(key=lambda page: page.stem == "deleting")
ALL = [block for page in PAGES for block in blocks(page)]
MARKED = [block for block in ALL if block.mark is not None]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict[str, dict]:
    """What became of each block that is run, by its name."""
    folder = tmp_path_factory.mktemp("pages")
    work, home = folder / "work", folder / "home"
    work.mkdir()
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("DJ_", "HYPERCOLUMN_"))}
    paths = os.pathsep.join([str(ROOT / "tests" / "helpers"), *filter(None, [os.environ.get("PYTHONPATH")])])
    ours |= {"HYPERCOLUMN_HOME": str(home), "MPLBACKEND": "Agg", "PYTHONPATH": paths}
    command = [sys.executable, RUNNER, folder / "report", *map(name_of, RUN)]
    try:
        done = subprocess.run(command, cwd=work, env=ours, capture_output=True, text=True, check=False, timeout=600)
    finally:
        EmbeddedServer(home).stop()
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (folder / "report").read_text().splitlines()]
    return {line["block"]: line for line in lines}


def test_every_block_is_run_or_marked(report):
    fences = Counter(kind for page in PAGES for kind in re.findall(r"^ *```(\w+)", page.read_text(), re.MULTILINE))
    assert fences == Counter(block.kind for block in ALL if block.kind)  # none is overlooked
    assert set(fences) <= {*CODE, *DATA, *SHOWN}
    code = [block.name for block in ALL if block.kind in CODE]
    assert sorted(code) == sorted([*report, *(block.name for block in MARKED if block.kind in CODE)])
    assert len(report) > 35


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_page(report, page):
    for block in blocks_to_run(page):
        assert report[block.name]["error"] is None, f"{block.name}\n{report[block.name]['error']}"


@pytest.mark.parametrize("block", MARKED, ids=lambda block: block.name)
def test_mark(block):
    """A test that runs a block is there, and reads its page or has its commands; what a reason names is there."""
    kind, _, rest = block.mark.partition(": ") if block.mark.startswith("not run: ") else ("run in", "", block.mark[7:])
    for path in re.findall(r"\b(?:tests|docker)/[\w/]+\.\w+", rest):
        assert (ROOT / path).is_file(), path
    if kind == "run in":
        test = (ROOT / rest).read_text(encoding="utf-8")
        commands = {f'"{name}"' for name in re.findall(r"^hypercolumn ([\w-]+)", block.code, re.MULTILINE)}
        assert Path(block.page).name in test or (commands and all(name in test for name in commands))
    else:
        assert len(rest.split()) >= 4, rest


@pytest.mark.parametrize(
    "block", [block for block in ALL if block.kind in ("yaml", "json")], ids=lambda block: block.name
)
def test_data_can_be_read(block):
    given = f"{{{block.code}}}" if block.kind == "json" and not block.code.startswith("{") else block.code
    assert (json.loads if block.kind == "json" else yaml.safe_load)(given)
