"""Formulas as MathML, made when the site is built: they need no script, no font and no network to be read."""

import html
import re
from typing import Any

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError

FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)  # as pymdownx.arithmatex leaves them
OPERATOR = re.compile(r"<mo>([A-Za-z]+)</mo>")  # a name, which has the spaces below and not those of a sign
FUNCTION = r"<mi>(?:[A-Za-z]{2,})</mi>"
THIN = '<mspace width="0.167em" />'
SIMILAR = ("<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>")  # a relation, not a letter
# Bars and a leading minus sign, which browsers take for signs between two terms wherever they stand.
BAR = re.compile(r'<mo(?: stretchy="false")?>&#x0007C;</mo>')
CLOSE_BAR = '<mo stretchy="false" lspace="0" rspace="0">&#x0007C;</mo>'
MINUS = re.compile(r"(<mo[^>]*>(?:&#x00028;|&#x0005B;|\[|&#x0002C;|&#x0003D;)</mo>)<mo>&#x02212;</mo>")
# A function's name stands apart from what is before it and, unless that is a parenthesis, from what is after it.
BEFORE = re.compile(rf"(</(?:mi|mn|msub|msup|msubsup|mfrac)>)(?={FUNCTION})")
AFTER = re.compile(rf"({FUNCTION})(?=<m(?:i|n|sub|sup|subsup|frac)>|<mo stretchy=\"false\" lspace)")


def on_page_content(content: str, page: Any, config: Any, files: Any) -> str:
    """Replace each formula's TeX by MathML."""
    return FORMULA.sub(typeset, content)


def typeset(formula: re.Match[str]) -> str:
    """Return one formula, with its TeX for whoever cannot see it. One with unknown TeX fails the build."""
    tex = html.unescape(formula["tex"]).strip()
    display = "block" if formula["tag"] == "div" else "inline"
    drawn = convert(tex, display=display)
    if "\\" in drawn or "<mi>&</mi>" in drawn:
        raise PluginError(f"TeX that cannot be typeset: {tex}")
    drawn = BAR.sub(CLOSE_BAR, drawn.replace(*SIMILAR))
    drawn = MINUS.sub(r'\1<mo form="prefix">&#x02212;</mo>', drawn)
    drawn = OPERATOR.sub(r"<mi>\1</mi>", drawn)
    drawn = AFTER.sub(rf"\1{THIN}", BEFORE.sub(rf"\1{THIN}", drawn))
    drawn = drawn.replace("<math ", f'<math alttext="{html.escape(" ".join(tex.split()))}" ', 1)
    return f'<div class="formula">{drawn}</div>' if display == "block" else drawn
