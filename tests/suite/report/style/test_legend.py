"""The legend: lines of several colours are not keyed in ink."""

from gradsuite.report import style
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D


def test_an_entry_of_coloured_lines_shows_their_colours():
    with style.context():
        figure, _ = style.figure()
        style.backend_legend(figure, ["numpy"], extra=[style.lines_key("theory", ["#ff0000", "#00ff00"])])
        figure.draw_without_rendering()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["numpy", "theory"]
    lines = {to_hex(line.get_color()) for line in legend.findobj(Line2D)}
    assert {"#ff0000", "#00ff00"} <= lines
