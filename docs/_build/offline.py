"""Check that a built site is whole by itself: `python docs/_build/offline.py site`.

No page and no style sheet may fetch a script, a style, a font, an image or a frame from elsewhere. Links that a reader
follows may lead anywhere.
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
FETCHED |= {"embed": "src", "object": "data", "input": "src", "use": "href", "image": "href"}
ATTRIBUTES = ("srcset", "poster", "xlink:href")
LOADING = {"stylesheet", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "icon", "manifest"}
OUTSIDE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
STYLE = re.compile(r"""(?:url\(\s*['"]?|@import\s+['"])\s*(?P<target>(?:https?:)?//[^'")\s]+)""", re.IGNORECASE)


class Page(HTMLParser):
    """Collects what a page fetches from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        self.style = tag == "style"
        values = {name: value or "" for name, value in attrs}
        names = {FETCHED[tag]} if tag in FETCHED else set()
        if tag == "link" and LOADING & set(values.get("rel", "").lower().split()):
            names.add("href")
        for name in names | {name for name in ATTRIBUTES if name in values}:
            parts = values.get(name, "").split(",") if name == "srcset" else [values.get(name, "")]
            self.found += [f"<{tag} {name}> {part.strip()}" for part in parts if OUTSIDE.match(part)]
        self.found += [f"<{tag} style> {target}" for target in styled(values.get("style", ""))]

    def handle_endtag(self, tag: str) -> None:
        """Leave a style sheet."""
        if tag == "style":
            self.style = False

    def handle_data(self, data: str) -> None:
        """Look at a style sheet within the page."""
        if self.style:
            self.found += [f"<style> {target}" for target in styled(data)]


def styled(text: str) -> list[str]:
    """Return what a style sheet fetches from elsewhere."""
    return [match["target"] for match in STYLE.finditer(text)]


def fetched(file: Path) -> list[str]:
    """Return what one file of the site fetches from elsewhere."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".css":
        return styled(text)
    page = Page()
    page.feed(text)
    return page.found


def faults(site: Path) -> Iterator[str]:
    """Yield a line for everything that a page of the site fetches from elsewhere."""
    for file in sorted(site.rglob("*")):
        if file.suffix in (".html", ".css", ".svg"):
            yield from (f"{file.relative_to(site)}: {what}" for what in fetched(file))


def main(site: Path) -> int:
    """Print every fault, and how many pages were read; a site without pages is a fault too."""
    pages = len(list(site.rglob("*.html")))
    found = list(faults(site))
    for line in found:
        print(line)
    print(f"{pages} pages, {len(found)} references to elsewhere")
    return 1 if found or not pages else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
