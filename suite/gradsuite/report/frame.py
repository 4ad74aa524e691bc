"""The frame of every page: one file that needs no other, with its style sheet and script, and that loads nothing."""

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from typing import Any

import jinja2
import pandas as pd
from jinja2.bccache import Bucket
from markupsafe import Markup

from gradsuite.report import facts
from gradsuite.report.palette import THEME
from gradsuite.report.picture import Picture
from gradsuite.report.sheet import Sheet
from gradsuite.report.verdicts import expectation, measurement

WORDS = ("vanishing", "stable", "exploding", "holds", "fails")  # what a table says in a colour


class Frame:
    """What a page is put into; its drawings share one style sheet."""

    def __init__(self, backends: Iterable[str]) -> None:
        """Take the backends that the page tells of."""
        self.sheet = Sheet(backends)

    def dressed(self, picture: Picture) -> Picture:
        """Return a picture in this page's style."""
        return replace(picture, svg=Markup(self.sheet.dress(picture.svg)))

    def page(self, template: str, **known: Any) -> str:
        """Return a page, whose content is this template; `known` has a `title` and the `version` that made it.

        Pictures on it are `dressed`. The page forbids itself whatever is not in it.
        """
        content = Markup(self.environment.get_template(template).render(known))
        style = Markup(self.environment.get_template("page.css").render(theme=THEME, rules=Markup(self.sheet.rules)))
        script = Markup(self.environment.get_template("page.js").render())
        return self.environment.get_template("frame.html").render(
            known,
            content=content,
            style=style,
            script=script,
            groups=Markup(json.dumps(self.sheet.groups).replace("<", "\\u003c")),
            policy=policy(style, script),
        )

    @cached_property
    def environment(self) -> jinja2.Environment:
        """What pages are made by: their templates, and what these call."""
        made = jinja2.Environment(
            loader=jinja2.PackageLoader("gradsuite.report"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
            bytecode_cache=COMPILED,
        )
        made.filters |= {
            "table": table_entries,
            "backend": self.mark,
            "numeric": numeric_columns,
            "machine": facts.machine,
            "expectation": expectation,
            "measurement": measurement,
        }
        return made

    def mark(self, name: str) -> Markup:
        """Return a backend's name with its colour, as figures have it."""
        return Markup('<span class="backend" data-group="{0}"><i class="{0}"></i>{1}</span>').format(
            self.sheet.backends.get(name, ""), name
        )


class Compiled(jinja2.BytecodeCache):
    """Templates compiled by this process, by their names and the digests of their sources: for all of its pages."""

    def __init__(self) -> None:
        """Begin with none."""
        self.codes: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill a bucket with what was compiled of the same source."""
        code = self.codes.get((bucket.key, bucket.checksum))
        if code is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self.codes[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


COMPILED = Compiled()


def policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that allows this style sheet, this script and pictures inside the page."""
    hashes = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (style, script)]
    return (
        f"default-src 'none'; style-src {hashes[0]}; script-src {hashes[1]}; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def table_entries(rows: pd.DataFrame) -> list[list[tuple[str, str]]]:
    """Return a table's entries as (class, text): numbers to the right, verdicts in their colour."""
    return [[table_entry(value) for value in row] for row in rows.itertuples(index=False)]


def numeric_columns(entries: list[list[tuple[str, str]]]) -> set[int]:
    """Return which columns have numbers alone."""
    columns = enumerate(zip(*entries, strict=True))
    return {number for number, column in columns if all(kind == "number" for kind, _ in column)}


def table_entry(value: Any) -> tuple[str, str]:
    """Return one entry as (class, text)."""
    if isinstance(value, str):
        first = value.split(",")[0]
        return (first if first in WORDS else "", value)
    if pd.isna(value):
        return ("number", "-")
    return ("number", f"{value:.4g}" if isinstance(value, float) else str(value))
