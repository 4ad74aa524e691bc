"""Learning curves, with the baselines as lines."""

from collections.abc import Sequence

import pandas as pd
from gradsuite.claims import Claim
from gradsuite.experiment import Figure
from gradsuite.report import style
from gradsuite.report.palette import MUTED, ordered_colours
from gradsuite.tasks import score
from gradsuite.tasks.task import Task
from numpy.typing import ArrayLike

from gradsuite_experiments.common.folds import folded
from gradsuite_experiments.common.frames import by_backend, measured, tally, where
from gradsuite_experiments.common.learning import LOSS
from gradsuite_experiments.learning.networks import LEARNERS


def draw(name: str, rows: pd.DataFrame, claims: Sequence[Claim], task: Task) -> Figure:
    """Return the figure, of the longest length measured: the loss of each network against the update."""
    rows = measured(rows)
    length = int(rows["length"].max())
    rows = where(rows, length=length)
    canvas, ((axes,),) = style.figure(1, 1, height=4.8)
    losses = where(rows, metric=LOSS, member=0)
    networks = [one for one in LEARNERS if one in set(rows["network"])]
    curves: list[tuple[ArrayLike, ArrayLike, str]] = []
    for network, colour in zip(networks, ordered_colours(len(networks)), strict=True):
        of_network = where(losses, network=network)
        first = next(backend for backend, _ in by_backend(rows) if backend in set(of_network["backend"]))
        curve = where(of_network, backend=first).sort_values("index")
        axes.plot(curve["index"], curve["value"], color=colour, linewidth=1.6)
        curves.append((curve["index"], curve["value"], LEARNERS[network].title))
    style.points(axes, style.thinned(losses, "index", curve=["network"]), "index", "value", size=5)
    label = f"{score.LOSS[task.loss].name} of training batches"
    if task.solved is None:  # all that is learnt lies within a decade, where a logarithmic axis has no numbers
        axes.set(ylabel=label, ylim=(0.0, None))
    else:
        style.log_axis(axes, "y", label)
    for simple, reached in task.baselines(length=length).items():
        axes.axhline(reached, color=MUTED, linestyle=":", linewidth=1.2)
        curves.append((axes.get_xlim(), (reached, reached), simple))  # beside the axes, where no curve passes
    axes.set_xlabel("update")
    style.label_curves(axes, curves)
    style.backend_legend(
        canvas, set(rows["backend"]), extra=[style.line_key("simple answers", color=MUTED, linestyle=":")]
    )
    does = "remember something in" if task.solved is None else "learn"
    finding = f"Gated networks {does} {task.name} over {length} steps"
    plain = f"Learning {task.name} over {length} steps"
    style.title(
        canvas, tally(claims, finding, f"What is claimed of {task.name} is not what was learnt") if claims else plain
    )
    caption = (
        f"{task.summary[0].upper()}{task.summary[1:]}: {length} steps, networks of {rows['hidden_size'].max()} units, "
        "by Adam. The loss of the first network of each kind, averaged over the updates since the point before; lines "
        "are those of one backend. Dotted: what simple answers have."
    )
    return Figure(name, caption + folded(rows, "network"), canvas)
