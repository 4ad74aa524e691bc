"""Figures as files, PNG and SVG, and as SVG inside the page, where they take the colours of light or dark mode."""

import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.text import Text

from gradsuite.experiment import Figure
from gradsuite.report.palette import THEME
from gradsuite.report.style import TITLE

DPI = 150  # of the PNG: sharp in print at the width of a text column


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as the page has it: the title and caption as text, the drawing below them as SVG."""

    name: str
    title: str
    caption: str
    svg: str


def save(figure: Figure, folder: Path, name: str) -> Picture:
    """Write NAME.svg and NAME.png into a folder, and return the picture for the page."""
    drawing, text = figure.figure, StringIO()
    # Canvases draw once where savefig draws twice: half of the time that a report takes.
    FigureCanvasSVG(drawing).print_svg(text, metadata={"Date": None})  # type: ignore[no-untyped-call]
    (folder / f"{name}.svg").write_text(text.getvalue(), encoding="utf-8")
    drawing.set_layout_engine("none")  # it is laid out: a second time would change nothing
    drawing.set_dpi(DPI)
    FigureCanvasAgg(drawing).print_png(folder / f"{name}.png")  # type: ignore[no-untyped-call]
    return Picture(
        name, " ".join(drawing.get_suptitle().split()), figure.caption, inline(text.getvalue(), drawing, name)
    )


def inline(svg: str, drawing: MatplotlibFigure, name: str) -> str:
    """Return the SVG as an element of a page: its own ids, the page's colours, and no title, which is text there."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    for role, colour in THEME.items():
        svg = svg.replace(colour, f"var(--{role})")
    width, height = (72 * inches for inches in drawing.get_size_inches())
    top = title_height(drawing) * height
    view = f'<svg role="img" aria-labelledby="{name}" viewBox="0 {top:.1f} {width:.1f} {height - top:.1f}"'
    return re.sub(r'<svg [^>]*?viewBox="[^"]*"', view, svg, count=1)


def title_height(drawing: MatplotlibFigure) -> float:
    """Return which part of the figure, from its top, the title takes."""
    titles = [artist for artist in drawing.texts if isinstance(artist, Text) and artist.get_gid() == TITLE]
    if not titles:
        return 0.0
    return float(1.0 - titles[0].get_window_extent().transformed(drawing.transFigure.inverted()).y0)
