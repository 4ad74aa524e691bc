"""Logarithmic axes: powers where several are in sight, and numbers where they are not."""

import numpy as np
import pytest
from gradsuite.report import style


def labels(low, high, *, unit=""):
    with style.context():
        figure, ((axes,),) = style.figure()
    axes.set_ylim(low, high)
    if unit:
        style.unit_axis(axes, "y", "", unit)
    else:
        style.log_axis(axes, "y", "")
    axes.set_ylim(low, high)
    figure.draw_without_rendering()
    ticks = [*axes.yaxis.get_major_ticks(), *axes.yaxis.get_minor_ticks()]
    return {tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high} - {""}


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.15, 0.7, {"0.2", "0.5"}),
        (0.3, 3.0, {"0.5", "1", "2"}),
        (0.6, 0.95, {"0.7", "0.8", "0.9"}),
        (1.5e-7, 7e-7, {r"$2\times10^{-7}$", r"$5\times10^{-7}$"}),
    ],
)
def test_an_axis_within_a_decade_has_numbers(low, high, expected):
    assert expected <= labels(low, high)


def test_an_axis_within_a_tenth_of_a_decade_has_numbers_too():
    assert len(labels(1.02, 1.08)) >= 2


def test_an_axis_over_many_decades_has_powers_alone():
    found = labels(1e-6, 1e6)
    assert 2 <= len(found) <= 7
    assert all("10^{" in label for label in found)


def test_a_unit_within_a_decade():
    found = {label.replace("\N{MICRO SIGN}", "µ") for label in labels(1.5e-4, 7e-4, unit="s")}
    assert {"200 µs", "500 µs"} <= found


def test_the_scale_can_be_told_from_any_axis():
    """Two labels at least, whatever the range: one alone does not tell how far it is to the next."""
    for decades in np.linspace(0.05, 6.0, 40):
        assert len(labels(0.37, 0.37 * 10.0**decades)) >= 2, decades


def test_labels_of_powers_and_of_numbers_between_them_stand_in_one_line():
    with style.context():
        figure, ((axes,),) = style.figure()
    axes.set_xlim(0.17, 4.5)
    style.log_axis(axes, "x", "")
    figure.draw_without_rendering()
    ticks = [*axes.xaxis.get_major_ticks(), *axes.xaxis.get_minor_ticks()]
    tops = {tick.label1.get_text(): tick.label1.get_window_extent().y1 for tick in ticks if tick.label1.get_text()}
    assert {"0.2", "0.5", "1", "2"} <= set(tops)
    assert len({round(top, 3) for top in tops.values()}) == 1
