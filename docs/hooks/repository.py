"""Links from pages to files outside of `docs/`, and the pages that lie there: changelog, contributing, security.

On GitHub such links work as they are. On the site they lead to `repo_url` where mkdocs.yml has one, otherwise only the
file's path is shown. One to a file that is not there is a warning, and so an error of a strict build.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

log = logging.getLogger("mkdocs.hooks.repository")
LINK = re.compile(r"\[([^\]\n]*(?:\n[^\]\n]*)?)\]\(([^)#:\s]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
PAGES = {"CONTRIBUTING.md": "Contributing", "SECURITY.md": "Security", "CHANGELOG.md": "Changelog"}


def on_config(config: Any) -> Any:
    config.nav.append({"Project": [{title: _uri(name)} for name, title in PAGES.items() if _is_there(config, name)]})
    return config


def on_files(files: Any, config: Any) -> Any:
    for name in PAGES:
        if _is_there(config, name):
            files.append(File.generated(config, _uri(name), abs_src_path=str(_root(config) / name)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    root, docs = _root(config), Path(config.docs_dir)
    from_root = page.file.src_uri in map(_uri, PAGES)
    source = root if from_root else (docs / page.file.src_uri).parent
    place = (docs / page.file.src_uri).parent  # on the site

    def followed(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        path = Path(os.path.normpath(source / target))
        if path.is_relative_to(docs):  # whether it is there, MkDocs itself says
            return f"[{text}]({Path(os.path.relpath(path, place)).as_posix()}{anchor})" if from_root else found[0]
        if not path.exists():
            log.warning("%s: %s is not there", page.file.src_uri, target)
        name = path.relative_to(root).as_posix()
        if name in PAGES:
            return f"[{text}]({Path(os.path.relpath(docs / _uri(name), place)).as_posix()}{anchor})"
        if config.repo_url:
            return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{name}{anchor})"
        return f"`{name}`" if "`" in text else f"{text} (`{name}`)"

    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(followed, part) for part in parts)


def _root(config: Any) -> Path:
    return Path(config.docs_dir).parent


def _is_there(config: Any, name: str) -> bool:
    return (_root(config) / name).exists()


def _uri(name: str) -> str:
    return name.lower()
