"""Names beside lines: a thin line leads to those that were moved, and clipped curves are named where they leave."""

import numpy as np
import pytest
from gradsuite.report import style


def panel():
    with style.context():
        figure, ((axes,),) = style.figure()
    axes.set(xlim=(0.0, 10.0), ylim=(0.0, 1.0))
    return figure, axes


def named(axes):
    return {text.get_text(): text for text in axes.texts}


def test_a_line_leads_from_where_a_line_ends_to_its_name_if_that_was_moved():
    _, axes = panel()
    style.label_ends(axes, [(0.5, "one"), (0.5, "other"), (0.9, "alone")])
    names = named(axes)
    for word in ("one", "other"):
        assert names[word].arrow_patch is not None
        assert names[word].xy == (1.0, pytest.approx(0.5))
    assert names["alone"].arrow_patch is None
    assert len({text.get_position()[0] for text in names.values()}) == 1  # one column of names


def test_a_curve_that_leaves_the_axes_is_named_along_itself_where_it_does():
    figure, axes = panel()
    x = np.linspace(0.0, 10.0, 21)
    axes.plot(x, 0.25 * x)  # leaves the top at 4
    axes.plot(x, 0.05 * x)  # ends at half
    style.label_curves(axes, [(x, 0.25 * x, "steep"), (x, 0.05 * x, "flat")])
    figure.draw_without_rendering()
    names = named(axes)
    assert names["flat"].get_position() == (style.BESIDE, pytest.approx(0.5))
    assert names["steep"].get_position() == (pytest.approx(0.4), 1.0)
    (start, end) = axes.transData.transform([(0.0, 0.0), (4.0, 1.0)])
    slope = np.degrees(np.arctan2(*(end - start)[::-1]))
    assert names["steep"].get_rotation() == pytest.approx(slope, abs=0.5)


def test_a_curve_that_falls_out_of_a_logarithmic_axis_is_named_there_and_zero_ends_it():
    _, axes = panel()
    axes.set_yscale("log")
    axes.set_ylim(1e-4, 1.0)
    x = np.arange(11.0)
    style.label_curves(axes, [(x, np.where(x < 9, 10.0**-x, 0.0), "falls"), (x, np.full(11, np.nan), "nothing")])
    (text,) = axes.texts
    assert text.get_text() == "falls"
    assert text.get_position() == (pytest.approx(0.4), 0.0)


def test_a_curve_that_ends_before_the_others_is_named_where_it_ends():
    _, axes = panel()
    whole, short = np.linspace(0.0, 10.0, 21), np.linspace(0.0, 6.0, 13)
    style.label_curves(axes, [(whole, 0.05 * whole, "whole"), (short, 0.05 * short, "short")])
    names = named(axes)
    assert names["short"].xy == (pytest.approx(0.6), pytest.approx(0.3))
    assert names["whole"].get_position() == (style.BESIDE, pytest.approx(0.5))


def test_curves_that_leave_at_one_place_have_a_line_of_names_each():
    _, axes = panel()
    x = np.linspace(0.0, 10.0, 21)
    style.label_curves(axes, [(x, 0.25 * x, "one"), (x, 0.26 * x, "other")])
    (text,) = axes.texts
    assert text.get_text().splitlines() == ["one", "other"]
