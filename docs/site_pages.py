"""A hook of mkdocs: pages of the site whose text is elsewhere in the repository.

Methods come from the README of each capability, the reference from the docstrings of each package.
A link that leaves `docs/` becomes a link to such a page, or the path as text.
"""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

import jieba
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "libs"
PROJECT = {
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "security.md": "SECURITY.md",
}
LINK = re.compile(r"\[([^\]]*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def method_pages() -> dict[str, str]:
    """Pages of the site, each with the README that holds its text."""
    readmes = sorted((LIBRARY / "clarion").rglob("README.md"))
    folders = {readme: readme.parent.relative_to(LIBRARY / "clarion").parts for readme in readmes}
    return {
        f"methods/{'-'.join(parts)}.md": readme.relative_to(ROOT).as_posix()
        for readme, parts in folders.items()
    }


def reference_pages() -> dict[str, str]:
    """Pages of the site, each with the text that asks for a package's docstrings."""
    pages = {}
    for package in sorted(path.parent for path in (LIBRARY / "clarion").rglob("__init__.py")):
        name = ".".join(package.relative_to(LIBRARY).parts)
        modules = sorted(path.stem for path in package.glob("*.py") if path.stem[0] != "_")
        if modules:
            blocks = [f"# {name}", f"::: {name}", *(f"::: {name}.{module}" for module in modules)]
            pages[f"api/{name}.md"] = "\n\n".join(blocks) + "\n"
    return pages


def source_of(page: str) -> str:
    """Where in the repository the text of a page is."""
    return (method_pages() | PROJECT).get(page, f"docs/{page}")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put all pages of a folder where the navigation names the folder."""
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    pages = written | set(method_pages()) | set(reference_pages())

    def expanded(item: dict[str, Any]) -> dict[str, Any]:
        ((title, target),) = item.items()
        if not isinstance(target, str) or not target.endswith("/"):
            return item
        own = sorted(page for page in pages if page.startswith(target))
        return {title: sorted(own, key=lambda page: not page.endswith("README.md"))}

    jieba.setLogLevel(logging.WARNING)  # the search plugin takes Chinese words apart with it
    config.nav = [expanded(item) for item in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages whose text is elsewhere."""
    for page, source in (method_pages() | PROJECT).items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    for page, text in reference_pages().items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Turn links that leave `docs/` into links within the site, or into text."""
    here = page.file.src_uri
    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else site_links(part, here) for part in parts)


def site_links(text: str, here: str) -> str:
    """The text of a page with its links as the site needs them."""
    pages = {source: name for name, source in (method_pages() | PROJECT).items()}
    folder = posixpath.dirname(source_of(here))

    def replacement(match: re.Match[str]) -> str:
        label, link = match.groups()
        path, _, anchor = link.partition("#")
        if not path or "://" in link or link.startswith("mailto:"):
            return match.group()
        target = posixpath.normpath(posixpath.join(folder, path))
        if target == "docs" or target.startswith("docs/"):
            inside = posixpath.relpath(target, "docs")
            inside = f"{inside}/README.md" if (ROOT / target).is_dir() else inside
        elif target in pages:
            inside = pages[target]
        elif f"{target}/README.md" in pages:
            inside = pages[f"{target}/README.md"]
        elif "`" in label or label.endswith(target):
            return label
        else:
            return f"{label} (`{target}`)"
        near = posixpath.relpath(inside, posixpath.dirname(here) or ".")
        return f"[{label}]({near}{'#' + anchor if anchor else ''})"

    return LINK.sub(replacement, text)
