"""Colours: one for each backend whatever else there is, and all of them to be seen on white and on dark paper."""

import re
from pathlib import Path

import gradsuite.report
import pytest
from gradsuite.report.palette import KNOWN, ORDERED, OTHERS, THEME, backend_colour, backend_marker, backend_order
from hypothesis import given
from hypothesis import strategies as st

CSS = (Path(gradsuite.report.__file__).parent / "templates" / "page.css").read_text()
DARK_PAPER = re.search(r"set dark.*?--paper: (#\w{6})", CSS, re.DOTALL)[1]


def luminance(colour):
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("paper", [THEME["paper"], DARK_PAPER])
@pytest.mark.parametrize("colour", [*(colour for colour, _ in KNOWN.values()), *OTHERS, *ORDERED])
def test_data_stand_out_from_light_and_dark_paper(colour, paper):
    assert contrast(colour, paper) >= 3  # WCAG 2.2, success criterion 1.4.11: graphical objects


def test_text_is_legible_in_both_modes():
    dark = dict(re.findall(r"--(\w+): (#\w{6})", CSS[CSS.index("set dark") : CSS.index("endset")]))
    for name in ("ink", "muted"):
        assert contrast(THEME[name], THEME["paper"]) >= 4.5  # WCAG 2.2, success criterion 1.4.3
        assert contrast(dark[name], dark["paper"]) >= 4.5
    assert set(THEME) <= set(dark)


def test_known_backends_have_looks_of_their_own():
    assert len(set(KNOWN.values())) == len(KNOWN)
    assert len({colour for colour, _ in KNOWN.values()}) == len(KNOWN)
    assert len({marker for _, marker in KNOWN.values()}) == len(KNOWN)
    assert not {colour for colour, _ in KNOWN.values()} & set(OTHERS)


def test_a_tuned_worker_has_its_backends_colour_and_a_marker_of_its_own():
    tuned = [f"{name}@tuned" for name in KNOWN]
    assert [backend_colour(name) for name in tuned] == [colour for colour, _ in KNOWN.values()]
    markers = [*map(backend_marker, tuned), *(marker for _, marker in KNOWN.values())]
    assert len(set(markers)) == 2 * len(KNOWN)
    assert backend_colour("mine@tuned") in OTHERS
    assert backend_order(["jax@tuned", "numpy@tuned", "mine", "torch", "numpy"]) == [
        "numpy", "numpy@tuned", "torch", "jax@tuned", "mine",
    ]  # fmt: skip


def test_an_unknown_name_has_a_colour_that_never_changes():
    assert (backend_colour("mine"), backend_marker("mine")) == ("#5f7f95", "X")
    assert backend_colour("mine-too") in OTHERS


@given(st.lists(st.text(min_size=1), max_size=8))
def test_the_order_is_the_same_whatever_the_order(names):
    assert backend_order(names) == backend_order(names[::-1])
    assert sorted(backend_order(names)) == sorted(set(names))


def test_three_backends_come_first_and_the_rest_by_name_whoever_wrote_them():
    assert backend_order(["mine", "jax", "numpy", "a", "torch", "jax"]) == ["numpy", "torch", "jax", "a", "mine"]
    assert backend_order(["torch-nn", "torch-fast", "flax", "mine"]) == ["flax", "mine", "torch-fast", "torch-nn"]


def test_second_names_are_beside_the_first():
    names = ["mine@tuned", "mine-too", "mine", "numpy@2", "torch", "numpy"]
    assert backend_order(names) == ["numpy", "numpy@2", "torch", "mine", "mine@tuned", "mine-too"]


def test_theme_colours_are_told_apart_by_the_page():
    # The page replaces them by their text: no backend may have one, or it would change its colour in dark mode.
    used = [*(colour for colour, _ in KNOWN.values()), *OTHERS, *ORDERED]
    assert not set(THEME.values()) & set(used)
    assert len(set(THEME.values())) == len(THEME)
