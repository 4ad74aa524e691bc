"""Loss, horizon and gradient norm of a training, one above the other, against the update."""

import pandas as pd
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import by_backend, measured, where
from gradsuite_experiments.common.learning import LOSS, NORM
from gradsuite_experiments.gradient_during_training.experiment import HORIZON
from gradsuite_experiments.gradient_during_training.findings import GUESS, headline
from gradsuite_experiments.learning.networks import LEARNERS

PANELS = ((LOSS, "loss"), (HORIZON, "horizon in steps"), (NORM, "gradient norm"))


def draw(rows: pd.DataFrame) -> Figure:
    """Return the figure, of the longest length and the first seed: a line per network, points of every backend."""
    rows = measured(rows)
    length = int(rows["length"].max())
    rows = where(where(rows, length=length), seed=rows["seed"].min())
    canvas, axes = style.figure(len(PANELS), 1, height=2.6, sharex=True)
    networks = [name for name in LEARNERS if name in set(rows["network"])]
    for (metric, label), ax in zip(PANELS, axes[:, 0], strict=True):
        ends, of_metric = [], where(rows, metric=metric)
        for network, colour in zip(networks, ordered_colours(len(networks)), strict=True):
            of_network = where(of_metric, network=network)
            first = next(backend for backend, _ in by_backend(rows) if backend in set(of_network["backend"]))
            curve = where(of_network, backend=first).sort_values("index")
            ax.plot(curve["index"], curve["value"], color=colour, linewidth=1.5)
            ends.append((float(curve["value"].iloc[-1]), LEARNERS[network].title))
        style.points(ax, style.thinned(of_metric, "index", curve=["network"]), "index", "value", size=4)
        if metric == NORM:
            style.log_axis(ax, "y", label)
        else:
            ax.set_ylabel(label)
            ax.set_ylim(bottom=0.0)
        style.label_ends(ax, ends)
    axes[0, 0].axhline(GUESS, color=MUTED, linestyle=":", linewidth=1.2)
    axes[1, 0].axhline(length / 2, color=MUTED, linestyle=":", linewidth=1.2)
    axes[-1, 0].set_xlabel("update")
    key = style.line_key("a guess; the second symbol", color=MUTED, linestyle=":")
    style.backend_legend(canvas, set(rows["backend"]), extra=[key])
    style.title(canvas, headline(rows))
    caption = (
        f"The temporal order problem over {length} steps, networks of {rows['hidden_size'].max()} units, Adam. Above "
        "the loss, with that of a guess; in the middle how far back 1/1000 of the gradient is left, with where the "
        "second symbol stands at the earliest; below the gradient's norm before clipping. Lines are of one backend."
    )
    return Figure("gradient-during-training", caption + folded(rows, "network"), canvas)
