"""Where a vanishing gradient becomes zero and an exploding one infinite, by precision; and what loss scaling moves."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gradsuite.backend import Backend, Batch
from gradsuite.claims import Claim
from gradsuite.errors import UserError
from gradsuite.experiment import Experiment, Figure
from gradsuite.model import Model
from gradsuite.parameters import Initialisation, initialise
from gradsuite.report import style
from gradsuite.report.palette import EXPLODING, MUTED, VANISHING, backend_colour
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, Presets, Setting, Settings

from gradsuite_experiments.common.frames import by_backend, levels, places, tally, trials, value, values, where
from gradsuite_experiments.common.sweep import sweep

# Exponents: of the smallest normal number, of the smallest subnormal one, and of the first power that overflows.
LIMITS = {
    "float64": (-1022, -1074, 1024),
    "float32": (-126, -149, 128),
    "bfloat16": (-126, -133, 128),
    "float16": (-14, -24, 16),
}
IEEE = "IEEE 754-2019, table 3.5 (from the literature by memory); bfloat16 has the exponents of float32"
SIGNS = {"halved": -1, "doubled": 1}  # of the exponent that a step adds
SHOWN = 24  # points along a curve


class Precision(Experiment):
    """One linear unit whose gradient is halved or doubled in every step, exactly, until no number is left for it."""

    name = "precision"
    question = "At which lag does a gradient underflow to zero or overflow, and does scaling the loss help?"
    settings = (
        DTYPE,
        Setting("loss_scale", int, "exponent of the power of two that the loss is multiplied by", minimum=0),
    )
    presets: ClassVar[Presets] = {
        preset: {"dtype": dtypes, "loss_scale": [0, 10]}
        for preset, dtypes in (
            ("quick", ["float32", "float16"]),
            ("standard", list(LIMITS)),
            ("full", list(LIMITS)),
        )
    }

    def measure(self, backend: Backend, device: str, settings: Settings) -> Iterator[list[Measurement]]:
        """Measure the gradient by lag, and the last lag at which it is the power of two that it should be.

        Raises UserError for a loss scale that is itself infinite in this precision.
        """
        dtype, scale = str(settings["dtype"]), int(settings["loss_scale"])
        _, subnormal, over = LIMITS[dtype]
        if scale >= over:
            raise UserError(f"loss_scale must be less than {over}, for 2^{over} is infinite in {dtype}, not {scale}")
        T = -subnormal + 16 * (scale // 16 + 1)  # past every end, and one length for all usual scales to compile
        model = Model("rnn", 1, 1, activation="identity", readout="none", loss="inner_product")
        networks = [initialise(model, Initialisation("identity", gain=2.0**sign)) for sign in SIGNS.values()]
        batch = Batch(np.zeros((T, 1, 1)), np.full((1, 1), 2.0**scale))
        found = []
        for name, flow in zip(SIGNS, sweep(backend, model, networks, batch, device=device, dtype=dtype), strict=True):
            # frexp: a power of two has the mantissa 1/2, zero and infinity have not.
            mantissa, exponent = np.frexp(flow.states[::-1, 0, 0, 0].astype(np.float64))
            exponent -= 1
            exact = (mantissa == 0.5) & (exponent == scale + SIGNS[name] * np.arange(T))
            last = int(np.argmin(exact)) - 1
            found.append(Measurement(f"last_lag_{name}", last, "steps"))
            shown = sorted({round(max(last, 0) * k / SHOWN) for k in range(SHOWN + 1)})
            found += [Measurement(f"log2_gradient_{name}", exponent[k], index=k) for k in shown]
        yield found

    def claims(self, rows: pd.DataFrame) -> Iterator[Claim]:
        """Yield the last lag of each precision, exact to the step, and that scaling the loss moves it."""
        for backend, at, cell in trials(rows):
            dtype, scale = at["dtype"], at["loss_scale"]
            scaled = f" with the loss scaled by 2^{scale}" if scale else ""
            last = value(cell, "last_lag_halved")
            flushed, kept = ends("halved", dtype, scale)
            # Whether subnormal numbers are kept or flushed to zero is the backend's choice; between them is neither.
            expected = min(flushed, kept, key=lambda end: abs(last - end))
            sentence = (
                f"{dtype}: a gradient halved in every step is exact{scaled} for {flushed} steps, or for {kept} with"
            )
            yield Claim(self.name, backend, f"{sentence} subnormal numbers.", IEEE, expected, last, 0.0)
            (expected,) = ends("doubled", dtype, scale)
            sentence = f"{dtype}: a gradient doubled in every step is exact{scaled} for {expected} steps."
            yield Claim(self.name, backend, sentence, IEEE, expected, value(cell, "last_lag_doubled"), 0.0)

    def findings(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[str]:
        """Yield which backends flush subnormal numbers to zero, and what that costs."""
        for backend, own in by_backend(where(rows, loss_scale=0)):
            lost = []
            for _, at, cell in trials(own):
                flushed, kept = ends("halved", at["dtype"], 0)
                if value(cell, "last_lag_halved") == flushed:
                    lost.append(f"{kept - flushed} steps in {at['dtype']}")
            if lost:
                finding = f"{backend} flushes subnormal numbers to zero, and loses a gradient that is halved in every"
                yield f"{finding} step earlier: by {', '.join(lost)}."

    def figures(self, rows: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[Figure]:
        """Yield the gradient against the lag to the limits of every precision."""
        dtypes = [dtype for dtype in LIMITS if dtype in set(rows["dtype"])]
        drawn, axes = style.figure((len(dtypes) + 1) // 2, 2, height=3.3)
        for ax, dtype in zip(axes.flat, dtypes, strict=False):
            draw_precision(ax, dtype, where(rows, dtype=dtype))
        for ax in axes.flat[len(dtypes) :]:
            ax.set_axis_off()
        for ax in axes[-1]:
            ax.set_xlabel("lag in steps")
        for ax in axes[:, 0]:
            ax.set_ylabel("gradient")
        backends = [backend for backend, _ in by_backend(rows)]
        keys = [style.line_key(f"loss times $2^{{{s}}}$", linestyle=line_of(s)) for s in levels(rows, "loss_scale")]
        style.backend_legend(drawn, backends, extra=keys)
        finding = "Gradients end where their precision does; loss scaling moves that"
        style.title(drawn, tally(claims, finding, "A precision ends elsewhere"))
        caption = "A gradient that each step halves or doubles, by precision: lines are powers of two to the "
        caption += "precision's limits, large points the last lag at which the gradient is exactly that, for the loss "
        caption += "as it is and (hollow) scaled. Where subnormal numbers are flushed to zero the gradient ends above "
        caption += "their band."
        yield Figure("precision", caption, drawn)


def line_of(scale: int) -> str:
    """Return the line of a flow with the loss as it is, or scaled."""
    return ":" if scale else "-"


def ends(flow: str, dtype: str, scale: int) -> tuple[int, ...]:
    """Return the lag of the last gradient: the two of `halved` are with subnormal numbers flushed to zero and kept."""
    normal, subnormal, over = LIMITS[dtype]
    return (scale - normal, scale - subnormal) if flow == "halved" else (over - 1 - scale,)


def draw_precision(ax: Any, dtype: str, rows: pd.DataFrame) -> None:
    """Draw both flows with every loss scale, and shade where a precision has no number, or subnormal ones only."""
    normal, subnormal, over = LIMITS[dtype]
    backends = [backend for backend, _ in by_backend(rows)]
    for scale in levels(rows, "loss_scale"):
        for flow, sign in SIGNS.items():
            lags = np.array([0, ends(flow, dtype, scale)[-1]])
            style.theory(ax, lags, scale + sign * lags, linestyle=line_of(scale))
    for backend, at, cell in trials(rows):
        rank, count = backends.index(backend), len(backends)
        hollow = {"markerfacecolor": "none", "markeredgecolor": backend_colour(backend)} if at["loss_scale"] else {}
        ring: dict[str, Any] = {"markersize": 6 + 3.5 * (count - 1 - rank), **hollow}
        for flow in SIGNS:
            lags, exponents = (f(cell, f"log2_gradient_{flow}") for f in (places, values))
            own = slice(1 + rank, -1, count + 1)  # so that none hides another, as do rings at the end
            style.measured(ax, lags[own], exponents[own], backend, markersize=4)
            style.measured(ax, lags[-1:], exponents[-1:], backend, **ring)
    height = over - subnormal
    low, high = subnormal - 0.14 * height, over + 0.14 * height
    bands = (
        ("zero", low, subnormal, VANISHING),
        ("subnormal", subnormal, normal, MUTED),
        ("infinite", over, high, EXPLODING),
    )
    for word, start, end, colour in bands:
        ax.axhspan(start, end, color=colour, alpha=0.12, linewidth=0, zorder=0)
        ax.annotate(
            word,
            (0.01, (start + end) / 2),
            xycoords=("axes fraction", "data"),
            color=colour,
            style="italic",
            va="center",
            fontsize=9,
        )
    ax.set_ylim(low, high)
    ticks = (subnormal, 0, over) if normal - subnormal < 0.06 * height else (subnormal, normal, 0, over)
    ax.set_yticks(ticks, [f"$2^{{{tick}}}$" for tick in ticks])
    ax.set_title(dtype)
