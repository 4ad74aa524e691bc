"""A figure that a notebook shows, as the last line of a cell, though pyplot knows nothing of it."""

from io import BytesIO

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """Matplotlib's figure; a notebook shows those of pyplot alone unless they say themselves how they look."""

    def _repr_png_(self) -> bytes:
        drawn = BytesIO()
        self.savefig(drawn, format="png")
        return drawn.getvalue()
