"""The report: one file that a browser shows on a laptop and a phone, and that holds what is in the database."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipeline.errors import UserError
from pipeline.report import check_out, write_report
from programs import missing

CHROMIUM = Path("/usr/bin/chromium")
MAX_SIZE = 5_000_000  # bytes
WIDTHS = {"laptop": 1280, "phone": 360}
# What the page says about itself, asked in the browser.
HEADINGS = "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(h => Number(h.tagName[1]))"
PICTURES = "[...document.images].map(i => [i.complete ? i.naturalWidth : 0, i.naturalHeight, i.alt])"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
DEAD_LINKS = "[...document.links].map(a => a.getAttribute('href')).filter(h => !document.getElementById(h.slice(1)))"
DOUBLE_IDS = "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) != i)"
UNNAMED_TABLES = "[...document.querySelectorAll('table')].filter(t => !t.caption || !t.caption.innerText).length"
PLAIN_HEADERS = "[...document.querySelectorAll('th')].filter(th => !['col', 'row'].includes(th.scope)).length"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def report(shown, tmp_path_factory) -> Path:
    """Of all that is there."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, Console(quiet=True))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        missing(f"no {CHROMIUM}: apt install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install -e '.[test]'")
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with api.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(report, browser, width, scheme):
    page = browser.new_page(viewport={"width": WIDTHS[width], "height": 800}, color_scheme=scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else said.append(request.url))
    page.goto(report.as_uri())
    pictures, levels = page.evaluate(PICTURES), page.evaluate(HEADINGS)
    assert len(pictures) > 15
    for natural_width, natural_height, alternative in pictures:
        assert min(natural_width, natural_height) > 0, alternative
        assert len(alternative) > 20
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.evaluate(OVERFLOW) == 0
    assert page.evaluate(DEAD_LINKS) == page.evaluate(DOUBLE_IDS) == []
    assert page.evaluate(UNNAMED_TABLES) == page.evaluate(PLAIN_HEADERS) == 0
    assert (page.evaluate(BACKGROUND) == "rgb(255, 255, 255)") == (scheme == "light")
    assert (page.title(), page.get_attribute("html", "lang")) == ("Hypercolumn report", "en")
    page.close()
    assert said == []


def test_what_it_says(report, shown):
    from pipeline.results import short_id

    html = report.read_text()
    assert len(html) < MAX_SIZE
    assert "<script" not in html
    assert re.findall(r"""(?:src|href)="(?!data:|#)[^"]*""", html) == []
    assert "a &lt;b&gt;lab&#39;s&lt;/b&gt; &amp; &#34;own&#34;" in html
    assert "<b>lab" not in html
    assert f'id="model-{short_id(shown["key"])}"' in html
    text = re.sub(r"<[^>]*>", " ", re.sub(r'(?s)<style>.*?</style>|src="[^"]*"', "", html))
    assert not re.search(r"\b(nan|None|null)\b", text)
    for title in (
        "Recording shown",
        "Recording alone",
        "Feature weights",
        "Optimal Gabor patches",
        "Clusters of neurons",
    ):
        assert title in text
    assert "Recording bare" not in text  # of which nothing is trained, but the list of recordings
    assert "1 of 6 trainings are not done yet" in text
    assert "0 of 2" in text
    assert "Published values are of other data. Source: Ecker et al., ICLR 2019" in text


def test_parts_of_it(shown, command, tmp_path):
    path = tmp_path / "part.html"
    code, out, _ = command("report", "--out", path, "--dataset", "alone")
    assert code == 0
    assert "alone: models and neurons" in out
    assert "figures" in out.splitlines()[-1]
    assert "Recording shown" not in path.read_text()
    assert command("report", "--out", path, "--experiment", "halves-like").code == 0
    html = path.read_text()
    assert "Recording shown" in html
    assert "fig3-like" not in html
    assert "Optimal Gabor" not in html  # of a model that does not belong to it
    assert list(tmp_path.iterdir()) == [path]


def test_a_recording_without_a_model(shown, tmp_path):
    path = tmp_path / "report.html"
    write_report(path, Console(quiet=True), "bare")
    assert "No model is trained yet" in path.read_text()


def test_unknown_names_are_refused(shown, refused, tmp_path):
    path = tmp_path / "report.html"
    assert "there is no recording 'nowhere' (there are: " in refused("report", "--out", path, "--dataset", "nowhere")
    assert "there is no experiment 'none'" in refused("report", "--out", path, "--experiment", "none")
    assert list(tmp_path.iterdir()) == []


def test_paths_that_cannot_be_written_are_refused(connection, refused, tmp_path):
    assert "is a folder" in refused("report", "--out", tmp_path)
    assert "there is no folder" in refused("report", "--out", tmp_path / "missing" / "report.html")
    assert "is no ordinary file" in refused("report", "--out", "/dev/null")
    with pytest.raises(UserError, match=r"cannot be written \(File name too long\)"):
        check_out(tmp_path / f"{'x' * 250}.html")


def test_what_is_no_report_is_not_overwritten(refused, shown, tmp_path):
    path = tmp_path / "recording.h5"
    path.write_bytes(b"\x89HDF")
    assert "is there already and is no page of HTML" in refused("report", "--out", path)
    assert path.read_bytes() == b"\x89HDF"


def test_a_failure_leaves_the_report_of_before(shown, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("<!DOCTYPE html>before")
    monkeypatch.setattr("pipeline.report.write.render", lambda page: "x\ud800")  # which cannot be encoded
    with pytest.raises(UnicodeEncodeError):
        write_report(path, Console(quiet=True), "bare")
    assert path.read_text() == "<!DOCTYPE html>before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_database(hypercolumn, tmp_path):
    from pipeline.database.embedded import EmbeddedServer

    home = Path(tempfile.mkdtemp(prefix="hypercolumn-"))  # of a short name, as a socket needs
    path = tmp_path / "report.html"
    try:
        done = hypercolumn("report", "--out", path, HYPERCOLUMN_HOME=str(home), DJ_HOST=None, DJ_STORES=None)
    finally:
        EmbeddedServer(home).stop()
        shutil.rmtree(home)
    assert done.code == 0, done.err
    assert "<code>hypercolumn demo</code>" in path.read_text()
