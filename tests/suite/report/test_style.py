"""Drawing: labels that do not overlap, regions where they belong, axes in real units."""

import numpy as np
import pandas as pd
import pytest
from gradsuite.report import style
from gradsuite.report.palette import KNOWN, THEME, backend_colour
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex


def drawn(rows=1, columns=1, **look):
    with style.context():
        figure, panels = style.figure(rows, columns, **look)
    return figure, panels[0, 0]


def words(axes):
    return {text.get_text(): text.get_position() for text in axes.texts}


@settings(max_examples=30)
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=9))
def test_names_at_the_ends_do_not_overlap_and_keep_their_order(ends):
    figure, axes = drawn(height=3.6)
    axes.set_yscale("log")
    axes.set_ylim(1e-3, 1e3)
    style.label_ends(axes, [(y, f"{k}") for k, y in enumerate(ends)])
    heights = [axes.texts[k].get_position()[1] for k in range(len(ends))]
    least = style.LABEL_SIZE / 72 / (0.65 * figure.get_figheight())
    assert heights == sorted(heights)
    assert all(np.diff(heights) >= least)
    assert [ends[int(text.get_text())] for text in axes.texts] == sorted(ends)
    if len(ends) * 1.25 * least < 1:
        assert heights[0] >= 0
        assert heights[-1] <= 1 + 1e-12


def test_a_lone_name_is_where_its_line_ends():
    _, axes = drawn()
    axes.set_ylim(0, 4)
    style.label_ends(axes, [(3.0, "here"), (np.nan, "nowhere")])
    (text,) = axes.texts
    assert text.get_position() == (1.015, pytest.approx(0.75))
    assert text.arrow_patch is None


def test_regions_name_and_shade_what_is_below_between_and_above():
    _, axes = drawn()
    axes.set_yscale("log")
    axes.set_ylim(1e-4, 1e4)
    style.regions(axes, (0.01, 100))
    spans = [(patch.get_y(), patch.get_y() + patch.get_height()) for patch in axes.patches]
    np.testing.assert_allclose(spans, [(1e-4, 0.01), (0.01, 100), (100, 1e4)])
    assert set(words(axes)) == {"vanishing", "stable", "exploding"}
    assert axes.get_ylim() == (1e-4, 1e4)


def test_a_region_out_of_sight_is_neither_shaded_nor_named():
    _, axes = drawn()
    axes.set_ylim(-3, -1)
    style.regions(axes, (-0.5, 0.5))
    assert set(words(axes)) == {"vanishing"}
    assert len(axes.patches) == 1


def test_regions_along_x():
    _, axes = drawn()
    axes.set_xlim(0, 10)
    style.regions(axes, (4, 6), along="x")
    places = {word: at[0] for word, at in words(axes).items()}
    assert places == pytest.approx({"vanishing": 0.2, "stable": 0.5, "exploding": 0.8})


def test_units_have_prefixes():
    figure, axes = drawn()
    axes.set_ylim(5e-5, 2e-2)
    style.unit_axis(axes, "y", "a step", "s")
    figure.canvas.draw()
    shown = {tick.get_text().replace("\N{MICRO SIGN}", "µ") for tick in axes.get_yticklabels()}
    assert {"100 µs", "1 ms", "10 ms"} <= shown


def test_values_axis_has_the_values_and_no_others():
    figure, axes = drawn()
    style.log_axis(axes, "x", "gain")
    axes.set_xlim(0.4, 7)
    style.values_axis(axes, "x", [6, 0.5, 0.5, 1.5])
    figure.canvas.draw()
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.5", "1.5", "6"]
    assert len(axes.get_xticks(minor=True)) == 0


def test_theory_is_a_line_in_ink():
    _, axes = drawn()
    style.theory(axes, [1, 2], [3, 4])
    assert axes.lines[0].get_color() == THEME["ink"]


def test_legend_has_each_backend_once_in_order():
    figure, _ = drawn()
    style.backend_legend(figure, ["jax", "numpy", "jax"], extra=[style.line_key("theory")])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["numpy", "jax", "theory"]


def test_long_titles_are_wrapped_inside_the_figure():
    figure, _ = drawn()
    style.title(figure, "a finding that " * 20)
    figure.canvas.draw()
    (title,) = [text for text in figure.texts if text.get_gid() == style.TITLE]
    assert title.get_window_extent().x1 <= figure.bbox.x1


def test_the_style_ends_with_its_context():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with style.context():
        assert mpl.rcParams["text.color"] == THEME["ink"]
    assert dict(mpl.rcParams) == before


def test_a_legend_of_two_rows_has_no_row_of_one():
    with style.context():
        drawn, _ = style.figure()
        style.backend_legend(drawn, ["numpy", "torch", "jax"], extra=[style.line_key("x" * 14)] * 4)
        drawn.draw_without_rendering()
        (legend,) = drawn.legends
        heights = [round(text.get_window_extent().y0) for text in legend.get_texts()]
    assert sorted(map(heights.count, set(heights))) == [3, 4]


@pytest.mark.parametrize("suffix", ["", "@tuned", "@tuned-with-a-name-that-is-long"])
def test_a_legend_lies_within_the_figure(suffix):
    with style.context():
        drawn, _ = style.figure()
        style.backend_legend(drawn, [f"{name}{suffix}" for name in KNOWN])
        drawn.draw_without_rendering()
        (legend,) = drawn.legends
        box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= drawn.bbox.width


def rows(**columns):
    return pd.DataFrame(columns)


def test_points_have_the_colour_and_shape_of_their_backend():
    with style.context():
        _, axes = drawn()
        axes.set_xlabel("lag")
        frame = rows(backend=["numpy", "torch", "numpy"], x=[0, 1, 2], y=[1.0, 2.0, 3.0], low=[0.5] * 3, high=[4.0] * 3)
        style.points(axes, frame, "x", "y", low="low", high="high")
    dots, bars = axes.collections
    np.testing.assert_array_equal(dots.get_offsets(), [(0, 1), (1, 2), (2, 3)])
    assert [to_hex(colour) for colour in dots.get_facecolors()] == [
        backend_colour(name) for name in ("numpy", "torch", "numpy")
    ]
    first, second, third = dots.get_paths()
    assert first == third
    assert len(first) != len(second)
    np.testing.assert_array_equal([line[:, 1] for line in bars.get_segments()], [(0.5, 4.0)] * 3)
    assert axes.get_xlabel() == "lag"
    assert axes.get_ylabel() == ""


def test_hollow_points_have_their_colour_at_the_edge():
    _, axes = drawn()
    style.points(axes, rows(backend=["jax"], x=[0], y=[1.0]), "x", "y", hollow=True)
    (dots,) = axes.collections
    assert len(dots.get_facecolors()) == 0 or dots.get_facecolors()[0][3] == 0
    assert to_hex(dots.get_edgecolors()[0]) == backend_colour("jax")


def test_no_rows_draw_nothing(recwarn):
    _, axes = drawn()
    style.points(axes, rows(backend=[], x=[], y=[]), "x", "y", hollow=True)
    assert len(axes.collections) == 0
    assert not recwarn.list


def test_axes_keep_their_labels_and_whether_they_are_seen():
    _, axes = style.figure(2, 1, sharex=True)
    upper = axes[0, 0]
    upper.set_ylabel("seconds")
    style.points(upper, pd.DataFrame({"backend": ["numpy"], "lag": [1], "value": [0.5]}), "lag", "value")
    assert (upper.get_xlabel(), upper.get_ylabel()) == ("", "seconds")
    assert upper.xaxis.label.get_visible()


def test_points_that_are_dodged_are_centred_on_where_they_were():
    frame = rows(backend=["numpy", "torch", "jax"], x=[2.0, 2.0, 2.0])
    assert style.dodged(frame, "x", step=0.5)["x"].tolist() == [1.5, 2.0, 2.5]
    assert style.dodged(frame, "x", factor=2.0)["x"].tolist() == [1.0, 2.0, 4.0]
    assert frame["x"].tolist() == [2.0, 2.0, 2.0]


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 3))
def test_thinned_points_of_one_curve_lie_apart(length, shown, count):
    names = ["numpy", "torch", "jax"][:count]
    frame = pd.concat(rows(backend=name, gain=gain, x=np.arange(length)) for name in names for gain in (0.5, 2.0))
    few = style.thinned(frame, "x", curve=["gain"], shown=shown)
    for _, curve in few.groupby("gain"):
        assert curve["x"].is_unique  # no backend hides another
    for name in names:
        assert len(few[(few["backend"] == name) & (few["gain"] == 2.0)]) <= 2 * shown
    assert set(few["backend"]) <= set(names)
    assert "numpy" in set(few["backend"])
