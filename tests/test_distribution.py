"""Wheel and archive of the sources hold what they need, and no more; version and date are those of the changelog."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "pipeline", "schemas")
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CITATION.cff", "LICENSE")
BESIDE = (*PAGES, "setup.py", "pyproject.toml", "MANIFEST.in")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Both, built from a checkout of their own, with its commit."""
    checkout = tmp_path_factory.mktemp("checkout")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, checkout / package, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    for name in (*BESIDE, ".gitignore"):
        shutil.copy(ROOT / name, checkout)
    git = ["git", "-C", str(checkout), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "All of it"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    # The wheel comes from the archive, as users of the archive make it.
    build = [sys.executable, "-m", "build", "--no-isolation", str(checkout)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return next((checkout / "dist").glob("*.whl")), next((checkout / "dist").glob("*.tar.gz")), commit


def test_a_wheel(built):
    wheel, _, commit = built
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert json.loads(archive.read("schemas/commit.json")) == {"commit": commit, "dirty": False}
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()]
    ours = {path.relative_to(ROOT).as_posix() for path in files if path.suffix != ".pyc"}
    assert names == ours | {"schemas/commit.json"}
    assert {"pipeline/report/templates/report.html", "pipeline/schedulers/templates/slurm.sh"} <= names


def test_an_archive_of_the_sources(built):
    _, sources, _ = built
    with tarfile.open(sources) as archive:
        names = {PurePosixPath(name).relative_to(sources.name.removesuffix(".tar.gz")) for name in archive.getnames()}
    top = {name.parts[0] for name in names if name.parts}
    made = {"PKG-INFO", "setup.cfg", "hypercolumn.egg-info"}
    assert top - made == {*PACKAGES, *BESIDE}


def test_one_version():
    newest, date = re.findall(r"^## (\S+), (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[
        0
    ]
    assert re.search(r'version="(.*)"', (ROOT / "setup.py").read_text(encoding="utf-8"))[1] == newest
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["date-released"]) == date
    assert "version" not in citation, "it stands in setup.py"
