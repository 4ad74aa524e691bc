"""How figures are drawn: theory a line, measurement points with their spread, regions shaded, titles that tell.

Points are drawn by seaborn from long-form rows: one per point, in the colour and shape of the row's `backend`.
`experiment.figures` is called, and its figures are saved, inside `style.context()`.
"""

from gradsuite.report.style.legend import Key, backend_legend, line_key, lines_key
from gradsuite.report.style.lines import band, theory
from gradsuite.report.style.look import RC, TITLE, WIDTH, context, figure, title
from gradsuite.report.style.names import BESIDE, LABEL_SIZE, label_curves, label_ends
from gradsuite.report.style.phases import regions, shades
from gradsuite.report.style.points import dodged, points, thinned
from gradsuite.report.style.scales import log_axis, unit_axis, values_axis

__all__ = [
    "BESIDE",
    "LABEL_SIZE",
    "RC",
    "TITLE",
    "WIDTH",
    "Key",
    "backend_legend",
    "band",
    "context",
    "dodged",
    "figure",
    "label_curves",
    "label_ends",
    "line_key",
    "lines_key",
    "log_axis",
    "points",
    "regions",
    "shades",
    "theory",
    "thinned",
    "title",
    "unit_axis",
    "values_axis",
]
