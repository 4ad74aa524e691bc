"""Shades of vanishing and exploding, which the page may lay on dark paper."""

import numpy as np
from gradsuite.report import style
from gradsuite.report.palette import EXPLODING, VANISHING
from matplotlib.colors import to_hex


def test_shades_are_the_regions_colours_and_grow_more_opaque_to_either_side():
    colours = style.shades(5)(np.linspace(0.0, 1.0, 11))
    assert [to_hex(colour) for colour in colours] == [VANISHING] * 5 + [EXPLODING] * 6
    np.testing.assert_allclose(colours[:, 3], [1.0, 0.8, 0.6, 0.4, 0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
