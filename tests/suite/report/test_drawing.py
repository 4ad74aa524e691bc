"""Drawings for the page: as Matplotlib drew them to a hundredth of a point, in less."""

import re
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from gradsuite.report import style
from gradsuite.report.outline import Outline
from gradsuite.report.pictures import inline, measures, vector
from gradsuite.report.sheet import Sheet

SIZES = {"M": 2, "l": 2, "h": 1, "v": 1, "c": 6, "q": 4, "z": 0}


def ends(d):
    """Where each command of an outline ends, read as SVG says: a plain twin of what wrote it."""
    x = y = 0.0
    found, start, letter = [], (0.0, 0.0), ""
    tokens = re.findall(r"[a-zA-Z]|-?(?:\d+\.?\d*|\.\d+)", d)
    while tokens:
        if tokens[0].isalpha():
            letter = tokens.pop(0)
        numbers, tokens = [float(token) for token in tokens[: SIZES[letter]]], tokens[SIZES[letter] :]
        if letter == "M":
            x, y = start = tuple(numbers)
        elif letter == "z":
            x, y = start
        else:
            x += 0.0 if letter == "v" else numbers[0 if letter == "h" else -2]
            y += 0.0 if letter == "h" else numbers[-1]
        found.append((x, y))
    return found


def test_an_outline_is_where_it_was_to_half_a_hundredth():
    points = np.random.default_rng(0).normal(0.0, 30.0, (500, 2))
    d = f"M {points[0][0]} {points[0][1]} " + " ".join(f"L {x} {y}" for x, y in points[1:])
    # Each point is rounded by itself, to .005 at the most; the rest is the rounding of 500 sums in float64.
    np.testing.assert_allclose(ends(Outline.parse(d).text()), points, rtol=0, atol=0.005 + 1e-9)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("M 0.5 1 L 3.001 1 L 3.001 -2", "M.5 1h2.5v-3"),
        ("M 1 1 L 1.001 1.002", "M1 1h0"),
        ("M 0 0 L 1 2 L 3 5 z", "M0 0l1 2 2 3z"),
        ("M 0 0 C 1 0 2 1 2 2 z", "M0 0c1 0 2 1 2 2z"),
    ],
)
def test_an_outline_is_short(given, written):
    assert Outline.parse(given).text() == written


def test_a_path_that_matplotlib_does_not_write_is_an_error():
    with pytest.raises(ValueError, match="not understood"):
        Outline.parse("M 0 0 1")


@pytest.fixture(scope="module")
def drawn():
    with style.context():
        canvas, panels = style.figure(1, 1)
        axes = panels[0, 0]
        axes.plot(range(9), [10.0**k for k in range(9)], "o", color="#1780c4", label="<numpy> & co")
        axes.set(yscale="log", xlabel="step & <lag>", ylabel="norm", xlim=(0, 8), ylim=(1, 1e8))
        axes.legend()
        return canvas, inline(vector(canvas), canvas)


def test_it_is_smaller_by_far_and_well_formed(drawn):
    canvas, svg = drawn
    assert len(svg) < len(vector(canvas)) / 2
    fromstring(f"<svg>{svg}</svg>")


def test_text_is_text_whatever_is_in_it(drawn):
    texts = [element.text for element in fromstring(f"<svg>{drawn[1]}</svg>").iter("text")]
    assert "step & <lag>" in texts
    assert "<numpy> & co" in texts


def test_a_value_can_be_read_off_its_place(drawn):
    canvas, svg = drawn
    horizontal, vertical = measures(canvas.axes[0])
    marks = [use for use in fromstring(f"<svg>{svg}</svg>").iter("use") if "#1780c4" in use.get("style", "")][:9]
    for axis, name, values in ((horizontal, "x", range(9)), (vertical, "y", range(9))):
        low, high = axis["ends"]
        places = [8 * (float(mark.get(name)) - low) / (high - low) for mark in marks]
        # Marks, and both ends, are rounded to .005 of more than 100 points that 8 units take.
        np.testing.assert_allclose(places, values, atol=8 * 3 * 0.005 / 100)
    assert (horizontal["scale"], vertical["scale"]) == ("linear", "log")


def test_drawings_of_one_page_share_looks_and_no_ids(drawn):
    sheet = Sheet(["numpy", "numpy@tuned", "torch"])
    first, second = sheet.dress(drawn[1]), sheet.dress(drawn[1])
    ids = [re.findall(r'id="([^"]*)"', svg) for svg in (first, second)]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])
    assert re.findall(r'class="[^"]*"', first) == re.findall(r'class="[^"]*"', second)
    assert "style=" not in first
    assert sheet.groups == {"b0": ["numpy", "numpy@tuned"], "b1": ["torch"]}
    assert len(re.findall(r"<use[^>]* class=\"s\d+ b0\"", first)) >= 9
