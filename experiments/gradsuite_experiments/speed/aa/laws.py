"""What is claimed of a backend timed against itself, and how far a share of trials may be off."""

import math

from gradsuite.claims import Source

DEMAND = Source("what this suite demands of its timings")
COVERS = "A 95% interval of a backend's ratio to itself covers 1."
NARROW = "Half of these intervals reach at most 2% to either side."
CONFIDENCE, REST = 0.95, 0.05
HALF_WIDTH = 0.02


def allowed(comparisons: int) -> float:
    """Return by how much the share of intervals that cover 1 may fall short.

    2.3 standard deviations of a share of this many comparisons: of 100, at least 90 are to cover 1.
    """
    return 2.3 * math.sqrt(CONFIDENCE * REST / comparisons)
