"""Which settings a figure does not tell apart: what was varied and is shown neither by panels nor by curves."""

import json
from typing import TYPE_CHECKING, Any

from gradsuite_experiments.common.frames import listed, measured

if TYPE_CHECKING:
    import pandas as pd


def varied(rows: "pd.DataFrame") -> dict[str, list[Any]]:
    """Return the settings of the measured trials that have several values, with these in order."""
    trials = [json.loads(text) for text in measured(rows)["settings"].unique()]
    names = dict.fromkeys(name for settings in trials for name in settings)
    values = {name: list(dict.fromkeys(settings[name] for settings in trials if name in settings)) for name in names}
    return {name: sorted(several, key=order) for name, several in values.items() if len(several) > 1}


def folded(rows: "pd.DataFrame", *shown: str) -> str:
    """Return the end of a caption: the varied settings, besides those `shown`, that a figure does not tell apart.

    Empty if there are none. Settings that follow from what is shown count as shown too, if they are named.
    """
    parts = [f"{name} {listed([text(value) for value in several])}" for name, several in varied(rows).items()
             if name not in shown]  # fmt: skip
    return f" Not told apart here: {'; '.join(parts)}." if parts else ""


def order(value: Any) -> tuple[bool, Any]:
    """Return a key that sorts numbers by size, then words by letter."""
    return (True, value) if isinstance(value, str) else (False, value)


def text(value: Any) -> str:
    """Return a setting's value as a sentence has it."""
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
