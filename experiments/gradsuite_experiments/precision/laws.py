"""Where numbers end, by precision: the lag at which a gradient that every step halves or doubles is no longer exact."""

from gradsuite.claims import Resolution, Source
from gradsuite.precision import LIMITS, UNIT_ROUNDOFF

# Metrics, each of both flows (member, its name in the note).
LAST_LAG = "last_lag"  # at which the gradient is the power of two that it should be
EXPONENT = "log2_gradient"  # by lag (index)

FLOWS = ("halved", "doubled")  # a gradient that every step back in time halves, or doubles
SIGNS = (-1, 1)  # of the exponent that a step adds

IEEE = Source("IEEE 754-2019, table 3.5; bfloat16 has the exponents of float32")


def ends(flow: str, dtype: str, scale: int) -> tuple[int, ...]:
    """Return the lag of the last gradient: the two of `halved` are with subnormal numbers flushed to zero and kept."""
    normal, subnormal, over = LIMITS[dtype]
    return (scale - normal, scale - subnormal) if flow == "halved" else (over - 1 - scale,)


def resolution(dtype: str) -> Resolution:
    """Return that of every claim here: the next number of this precision is no power of two any more."""
    return Resolution(2.0 * UNIT_ROUNDOFF[dtype], "the state gradients")
