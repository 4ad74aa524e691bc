"""Figures as files, PNG and SVG, and as drawings of the page, where they take the colours of light or dark mode."""

import json
import re
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.text import Text

from gradsuite.experiment import Figure
from gradsuite.report.drawing import slim
from gradsuite.report.picture import Picture
from gradsuite.report.style import TITLE
from gradsuite.runs.drafts import drafted

DPI = 150  # of the PNG: sharp in print at the width of a text column
# Text stays text, to be searched and read aloud; a line may be off by as much as nobody sees, in pixels.
LINK = re.compile(r"</?a\b[^>]*>")  # Matplotlib escapes what is in an attribute: no other > comes before its end
RC: dict[Any, Any] = {"svg.fonttype": "none", "path.simplify_threshold": 0.2}


def save(figure: Figure, folder: Path, name: str) -> Picture:
    """Write NAME.svg and NAME.png into a folder, and return the picture for the page."""
    drawing = figure.figure
    svg, image = vector(drawing), BytesIO()
    picture = Picture(
        name, " ".join(drawing.get_suptitle().split()), figure.caption, inline(svg, drawing), view(drawing)
    )
    drawing.set_layout_engine("none")  # it is laid out: a second time would change nothing
    drawing.set_dpi(DPI)
    FigureCanvasAgg(drawing).print_png(image)  # type: ignore[no-untyped-call]
    for ending, content in (("svg", svg.encode(errors="replace")), ("png", image.getvalue())):
        with drafted(folder / f"{name}.{ending}") as output:
            output.write(content)
    return picture


def vector(drawing: MatplotlibFigure) -> str:
    """Return a figure as Matplotlib writes it in SVG, without links, each pair of axes a group with an id of ours."""
    for number, axes in enumerate(drawing.axes):
        axes.set_gid(f"axes-{number}")
    text = StringIO()
    # Canvases draw once where savefig draws twice: half of the time that a report takes.
    with mpl.rc_context(RC):
        FigureCanvasSVG(drawing).print_svg(text, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return LINK.sub("", text.getvalue())


def inline(svg: str, drawing: MatplotlibFigure) -> str:
    """Return what is in the SVG as the page has it, with what its axes measure, and without the title: a text there."""
    return slim(svg, {str(axes.get_gid()): json.dumps(measures(axes)) for axes in drawing.axes}, without=TITLE)


def view(drawing: MatplotlibFigure) -> str:
    """Return the view box of a figure, in points, below its title."""
    width, height = (72 * inches for inches in drawing.get_size_inches())
    top = title_height(drawing) * height
    return f"0 {top:.1f} {width:.1f} {height - top:.1f}"


def title_height(drawing: MatplotlibFigure) -> float:
    """Return which part of the figure, from its top, the title takes."""
    titles = [artist for artist in drawing.texts if isinstance(artist, Text) and artist.get_gid() == TITLE]
    if not titles:
        return 0.0
    return float(1.0 - titles[0].get_window_extent().transformed(drawing.transFigure.inverted()).y0)


def measures(axes: Axes) -> list[dict[str, Any]]:
    """Return what the page must know to read a value off: x and y, each from one point of the drawing to another."""
    height = 72 * float(axes.get_figure(root=True).get_figheight())  # type: ignore[union-attr]
    dpi = float(axes.get_figure(root=True).get_dpi())  # type: ignore[union-attr]
    box = axes.get_window_extent()
    x0, x1, y0, y1 = (72 * float(pixels) / dpi for pixels in (box.x0, box.x1, box.y0, box.y1))
    return [
        measure(axes.xaxis, axes.get_xlim(), (x0, x1)),
        measure(axes.yaxis, axes.get_ylim(), (height - y0, height - y1)),
    ]


def measure(axis: Axis, limits: tuple[float, float], ends: tuple[float, float]) -> dict[str, Any]:
    """Return an axis: its label, its scale, its limits and where in the drawing they are."""
    return {
        "label": axis.get_label_text(),
        "scale": axis.get_scale(),
        "limits": [float(f"{limit:.6g}") for limit in limits],
        "ends": [round(end, 2) for end in ends],
    }
