"""Numbers in words, as all sentences of a diagnosis have them."""

import math
from collections.abc import Sequence

from gradsuite.diagnosis.flow import Flow, Rate


def number(value: float) -> str:
    """Return a number with three digits, or more where it is whole thousands."""
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.3g}"


def share(value: float) -> str:
    """Return a share as a percentage with two digits, as a power of ten where it is tiny, or how many times it is."""
    if value > 1.005:
        return f"{number(value)} times as much"
    if 0 < value < 1e-4:
        return f"{value:.1e}"
    return "100%" if value >= 0.995 else f"{100 * value:.2g}%"


def interval(rate: Rate) -> str:
    """Return a rate per step with its interval."""
    return f"{rate.value:+.3g} [{rate.low:+.3g}, {rate.high:+.3g}]"


def steps(count: float, along: str = "steps") -> str:
    """Return a number of steps, or layers: whole where it is large."""
    shown = f"{count:.0f}" if count >= 20 else f"{count:.1f}".removesuffix(".0")
    return f"{shown} {along.removesuffix('s') if shown == '1' else along}"


def horizon(flow: Flow) -> str:
    """Return a flow's horizon in words."""
    if math.isinf(flow.horizon):
        return f"it does not fall to 1/1000 anywhere in {steps(flow.longest + 1, flow.along)}"
    if flow.horizon > flow.longest:
        return f"it does not fall to 1/1000 within {steps(flow.longest + 1, flow.along)}"
    return f"1/1000 is left after {steps(flow.horizon, flow.along)}"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in words: a, b and c."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def beginning(text: str) -> str:
    """Return a text as a sentence begins."""
    return text[:1].upper() + text[1:]
