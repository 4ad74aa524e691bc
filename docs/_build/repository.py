"""Pages of the site that stand elsewhere in the repository, and links that lead to what is not a page.

Links are written as they work in the repository: to a folder, to the changelog, to a run's report. Here they become
links within the site, and a strict build fails on any that leads nowhere.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "SECURITY.md": "reporting-a-vulnerability.md",
    "LICENSE": "licence.md",
}
FIGURES = "results/reference"  # with every figures/*.png below it
REPORTS = {path: path for path in sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / FIGURES).rglob("*.html"))}
LINK = re.compile(r"\]\((?P<target>[^()\s#:]+)(?P<anchor>#[^()\s]*)?\)")
EXAMPLE = re.compile(r"examples/[^/]+/README\.md")
LANGUAGES = {".cpp": "cpp", ".hpp": "cpp", ".py": "python", ".toml": "toml", ".txt": "text"}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages, reports and figures that stand outside the documentation's folder."""
    for source, page in PAGES.items():
        if (ROOT / source).is_file():
            text = (ROOT / source).read_text(encoding="utf-8")
            files.append(File.generated(config, page, content=text if page != "licence.md" else licence(text)))
    for source, copy in REPORTS.items():
        files.append(File.generated(config, copy, abs_src_path=str(ROOT / source)))
    for figure in sorted((ROOT / FIGURES).rglob("figures/*")):
        files.append(File.generated(config, figure.relative_to(ROOT).as_posix(), abs_src_path=str(figure)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links of the repository into links of the site; show the source of an example below its page."""
    here = page.file.src_uri
    if page.parent is None:  # the only page below its tab: what would stand beside it is its own name
        page.meta.setdefault("hide", []).append("navigation")
    source = next((source for source, copy in PAGES.items() if copy == here), f"docs/{here}")
    markdown = LINK.sub(lambda link: relink(link, source, here), markdown)
    return markdown + listing(ROOT / "docs" / here) if EXAMPLE.fullmatch(here) else markdown


def relink(link: re.Match[str], source: str, here: str) -> str:
    """Return the link as the site has it; one that needs no change is left alone."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link["target"]))
    if (ROOT / target / "README.md").is_file():
        target += "/README.md"
    known = PAGES | REPORTS
    if target not in known and not (target.startswith("docs/") and (ROOT / target).exists()):
        return link[0]
    there = known.get(target, target.removeprefix("docs/"))
    return f"]({posixpath.relpath(there, posixpath.dirname(here) or '.')}{link['anchor'] or ''})"


def licence(text: str) -> str:
    """Return the licence as a page: its text stands as it is."""
    return f"# Licence\n\n```text\n{text}```\n"


def listing(page: Path) -> str:
    """Return every source file of an example, each as a block of code."""
    files = [file for file in sorted(page.parent.rglob("*")) if file.suffix in LANGUAGES and "build" not in file.parts]
    parts = []
    for file in files:
        name = file.relative_to(page.parent).as_posix()
        text = file.read_text(encoding="utf-8")
        parts.append(f'\n## `{name}`\n\n````{LANGUAGES[file.suffix]} title="{name}"\n{text}````\n')
    return "".join(parts)
