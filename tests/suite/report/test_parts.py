"""Pages of parts: whatever a name is, it is text in a terminal, in Markdown and in HTML."""

from html.parser import HTMLParser

import pytest
from gradsuite.report.parts import Part, as_html, as_markdown, as_text, plain
from markdown_it import MarkdownIt

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    "\"quoted\" 'twice' & more",
    "two\nlines",
    "\x1b[31mred\x1b[0m\x07",
    "half \ud800 of a pair",
    "`code` *bold* _x_ [link](http://a.b) # + - ~~no~~ \\",
    "\u202egnp.exe",
]


class Text(HTMLParser):
    """Collects the text and the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)


def read(page: str) -> Text:
    found = Text()
    found.feed(page)
    return found


def parts(name: str) -> list[Part]:
    return [Part(f"About {name}", [f"Of {name}."], ("who", "what"), [(name, "1"), ("other", name)])]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_in_html(name):
    text = as_html(name, parts(name))
    page = read(text)
    assert plain(name).strip() in page.texts
    assert not page.tags & {"b", "em", "code", "a"}
    assert "<script>alert" not in text  # the page has a script of its own


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_in_markdown(name):
    page = read(MarkdownIt("gfm-like", {"linkify": False}).render(as_markdown(name, parts(name))))
    assert page.tags == {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert "".join(page.texts).count(plain(name).strip()) == 5


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_does_nothing_in_a_terminal(name):
    text = as_text(name, parts(name))
    text.encode()
    assert text.replace("\n", "").isprintable()
    assert len(text.splitlines()) == 7


def test_what_is_too_long_is_cut():
    assert len(plain("x" * 5000)) == 1003


def test_numbers_stand_to_the_right():
    part = Part("T", columns=("who", "ratio", "p"), rows=[("a", "1.20", "0.5"), ("b", "-3", "then 2")])
    assert part.numeric == {1}
    assert as_html("T", [part]).count('class="number"') == 3  # the head and two entries
    assert "| --- | ---: | --- |" in as_markdown("T", [part])
