"""What is claimed of a backend timed against itself, and how far a share of trials may be off."""

import math

from gradsuite.claims import Resolution, Source

DEMAND = Source("what this suite demands of its timings")
COVERS = "A 95% interval of a backend's ratio to itself covers 1."
NARROW = "Half of these intervals reach at most 2% to either side."
CONFIDENCE, REST = 0.95, 0.05
HALF_WIDTH = 0.02
# Where intervals are narrow, half of them reach less than 2% from a median that is itself at most that far off.
COVERS_RESOLUTION = Resolution(2.0 * HALF_WIDTH, "the time of one of the two workers")


def allowed(comparisons: int) -> float:
    """Return by how much the share of intervals that cover 1 may fall short.

    2.3 standard deviations of a share of this many comparisons: of 100, at least 90 are to cover 1.
    """
    return 2.3 * math.sqrt(CONFIDENCE * REST / comparisons)


def narrow_resolution(half_width: float) -> Resolution:
    """Return that of a width: intervals are as wide as times are spread, to the next order of the half-width."""
    size = HALF_WIDTH * (1.0 + HALF_WIDTH) / half_width - 1.0
    return Resolution(max(size, 0.0), "the spread of the times")
