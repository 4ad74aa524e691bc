"""The reach of norms that fall by a known factor."""

import math

import numpy as np
import pytest
from gradsuite.diagnosis.watching import reach


def test_a_geometric_fall_has_its_horizon_and_rate():
    found = reach(3e-20 * 0.5 ** np.arange(30))
    assert found.horizon == pytest.approx(math.log(1000) / math.log(2), rel=1e-12)
    assert found.rate == pytest.approx(math.log(0.5), rel=1e-12)
    assert found.longest == 29


def test_a_gradient_that_reaches_the_first_step_has_the_longest_lag():
    assert reach(0.99 ** np.arange(30)).horizon == 29
    assert reach(1.1 ** np.arange(30)).rate == pytest.approx(math.log(1.1), rel=1e-12)


def test_a_gradient_that_ends_at_once():
    found = reach(np.array([1.0, 0.0, 0.0]))
    assert (found.horizon, found.rate) == (1.0, -math.inf)


@pytest.mark.parametrize("norms", [[0.0, 0.0], [1.0, math.nan], [math.inf, 1.0], [1.0]])
def test_no_reach_where_nothing_can_be_said(norms):
    assert math.isnan(reach(np.array(norms)).horizon)
