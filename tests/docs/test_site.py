"""The site is built without a warning: every page, every link and anchor, every docstring that a page asks for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from declared_tables import declared_tables
from documents import PAGES, ROOT
from pipeline.cli import cli


def build(site: Path, docs: Path = ROOT / "docs") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    if docs.parent != ROOT:
        command += ["--config-file", str(docs.parent / "mkdocs.yml")]
    return subprocess.run(command, cwd=docs.parent, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there(site):
    pages = {page.relative_to(ROOT / "docs") for page in PAGES if page.is_relative_to(ROOT / "docs")}
    pages |= {Path(page.name.lower()) for page in PAGES if page.parent == ROOT and page.name != "README.md"}
    assert {page.with_suffix(".html") for page in pages} <= {page.relative_to(site) for page in site.rglob("*.html")}


def test_every_table_and_command_is_listed(site):
    tables, commands = (read(site / "reference" / f"{name}.html") for name in ("tables", "commands"))
    listed = dict(re.findall(r'<h3 id="table-([\w-]+)">(.*?)</tbody>', tables, re.DOTALL))
    declared = set(declared_tables())
    assert len(listed) == len(declared) > 40
    for table in declared:
        shown = listed[table.__qualname__.lower().replace(".", "-")]
        names = re.findall(r"^ *(\w+)[^:#\n]*:", re.sub(r"^ *(#|->).*$", "", table.definition, flags=re.M), re.M)
        assert re.findall(r"<td><code>(\w+)</code></td>\n<td><code>", shown) == names, table
    assert "hypercolumn_training.__trained_model__neuron" in listed["trainedmodel-neuron"]  # as in how-to/queries.md
    assert "Poisson loss of the validation set, per image" in listed["trainedmodel"]
    for name, command in cli.commands.items():
        assert f'id="hypercolumn-{name}"' in commands
        assert all(option in commands for parameter in command.params for option in parameter.opts if "--" in option)


def test_nothing_is_loaded_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = read(page)
        assert not re.findall(r'<(?:script|img|iframe)[^>]*src="(?:https?:)?//', text), page
        assert not re.findall(r'<link[^>]*rel="(?:stylesheet|preload|preconnect|icon)"[^>]*href="(?:https?:)?//', text)
        assert "```" not in re.sub(r"<pre.*?</pre>|<code.*?</code>", "", text, flags=re.DOTALL), page
    assert read(site / "background" / "model.html").count("<math") > 20
    assert read(site / "architecture.html").count("<svg id=") == 2


def test_a_link_that_leads_nowhere_is_an_error(tmp_path):
    """On a site of two pages, with this project's hook and checks."""
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    kept = {name: settings[name] for name in ("site_name", "validation")}
    kept |= {"hooks": [str(ROOT / settings["hooks"][0])], "nav": ["index.md", "tutorial.md"], "theme": "mkdocs"}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(kept | {"plugins": []}))
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "tutorial.md").write_text("# Tutorial\n")
    (docs / "index.md").write_text("# Start\n\n[there](tutorial.md#tutorial) and [here](../mkdocs.yml)\n")
    assert build(tmp_path / "site", docs).returncode == 0
    (docs / "index.md").write_text("# Start\n\n[a](nowhere.md) [b](tutorial.md#nowhere) [c](../nowhere.py)\n")
    done = build(tmp_path / "site", docs)
    assert done.returncode == 1
    assert [word in done.stderr for word in ("'nowhere.md'", "#nowhere", "../nowhere.py")] == [True] * 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_as_they_are_on_github(page):
    """Relative ones lead to a file, and to a heading of it; of others only the form is looked at."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)|<(https?:[^>\s]+)>", text):
        link = urlsplit(target[0] or target[1])
        if link.scheme:
            assert link.scheme in ("https", "http"), target
            assert re.fullmatch(r"[\w.-]+\.\w+|127\.0\.0\.1", link.hostname or ""), target
            continue
        found = (page.parent / link.path).resolve() if link.path else page
        assert found.exists(), target
        if link.fragment and found.suffix == ".md" and not link.fragment.startswith("table-"):  # which are made
            assert link.fragment in headings(found), target


def headings(page: Path) -> set[str]:
    """Anchors of a page's headings, by GitHub's rule."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")
