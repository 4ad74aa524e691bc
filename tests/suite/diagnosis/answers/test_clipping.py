"""Answer 4: thresholds by hand."""

import numpy as np
import pytest
from gradsuite.diagnosis.answers import clipping


def test_thresholds_by_hand():
    found = clipping.answer([1.0, 2.0, 3.0, 14.0], np.array([3.0, 4.0]))
    shares = found.frames["clipping"].set_index("threshold")
    assert list(shares["norm"]) == [2.5, 5.0, 50.0, 1.0]
    assert list(shares["clipped"]) == [0.5, 0.25, 0.0, 0.75]
    turned = found.frames["value_clipping"].set_index("limit")
    # (3, 4) clipped at .4 is (.4, .4), whose cosine with it is 7 / (5 sqrt 2).
    assert turned.loc[0.1, "cosine"] == pytest.approx(7 / (5 * np.sqrt(2)))
    assert "2.5 to 50 here, which clips 50% to 0% of batches; the usual 1 would clip 75%." in found.sentences[1]


def test_no_finite_gradient_is_said():
    assert clipping.answer([np.nan, np.inf], None).sentences == ("No batch has a finite gradient to clip.",)
