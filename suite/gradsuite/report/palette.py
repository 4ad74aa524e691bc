"""Colours and markers: one of each per backend, the same in every figure of every run.

Chosen to be told apart by colour-blind readers (Okabe & Ito 2008, and kin), on white and on dark paper; the marker
says the same as the colour, for print without colours.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

from gradsuite.alias import is_tuned, original

# As Matplotlib has them: a name, or how many points a star has and how far it is turned.
Marker = str | tuple[int, Literal[0, 1, 2], int]

# What is not data. The report replaces these, and only these, by the colours of the reader's light or dark mode.
INK = "#1f2328"
MUTED = "#636c76"
GRID = "#d1d9e0"
PAPER = "#fefefe"

VANISHING = "#2f6fdb"
STABLE = "#2f9e44"
EXPLODING = "#e8590c"

THEME = {
    "ink": INK,
    "muted": MUTED,
    "grid": GRID,
    "paper": PAPER,
    "vanishing": VANISHING,
    "stable": STABLE,
    "exploding": EXPLODING,
}

# The backends of this project, families in one hue; a name that is not here gets a look of its own from OTHERS.
KNOWN = {
    "numpy": ("#1780c4", "o"),
    "torch": ("#d55e00", "s"),
    "jax": ("#009e73", "^"),
    "torch-nn": ("#e36f22", "D"),
    "torch-autograd": ("#a34a12", "p"),
    "torch-compile": ("#b67a4d", "h"),
    "jax-scan": ("#157a5a", "v"),
    "flax": ("#6b8e23", "<"),
    "autograd": ("#8a63d2", ">"),
}
FIRST = ("numpy", "torch", "jax")  # in every figure and table
# A tuned worker has its backend's colour and a marker of its own.
TUNED_MARKERS: dict[str, Marker] = dict(
    zip(KNOWN, ("P", "X", "d", "8", "H", "*", (4, 1, 0), (6, 1, 0), (8, 1, 0)), strict=True)
)
OTHERS = ("#cc79a7", "#a07800", "#5f7f95", "#b5179e", "#6d78ad", "#c1455d", "#11919c", "#7d6b5d")
OTHER_MARKERS = ("P", "X", "d", "*", "8")

# From low to high, for what has an order (gains, depths).
ORDERED = ("#3b68c0", "#7d63c4", "#bb5597", "#dd6b3d", "#b98a00")


def backend_colour(name: str) -> str:
    """Return the colour of a backend: a function of its name alone."""
    family = original(name) if is_tuned(name) else name
    return KNOWN[family][0] if family in KNOWN else OTHERS[_digest(name) % len(OTHERS)]


def backend_marker(name: str) -> Marker:
    """Return the marker of a backend: a function of its name alone."""
    if is_tuned(name) and original(name) in KNOWN:
        return TUNED_MARKERS[original(name)]
    return KNOWN[name][1] if name in KNOWN else OTHER_MARKERS[_digest(name) // len(OTHERS) % len(OTHER_MARKERS)]


def backend_order(names: Sequence[str]) -> list[str]:
    """Return backends, each once, in the order of every figure and table.

    FIRST come first; all others follow by name, whichever plugin they are of, and second names follow their first.
    """

    def place(name: str) -> tuple[int, str, str]:
        first = original(name)
        return FIRST.index(first) if first in FIRST else len(FIRST), first, name

    return sorted(set(names), key=place)


def ordered_colours(count: int) -> list[str]:
    """Return `count` colours from low to high."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    shades = LinearSegmentedColormap.from_list("ordered", ORDERED)
    return [to_hex(shades(k / max(count - 1, 1))) for k in range(count)]


def _digest(name: str) -> int:
    return int.from_bytes(sha256(name.encode()).digest()[:4], "big")
