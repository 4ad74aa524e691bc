"""Answer 6: what helps most, in words."""

import numpy as np
from gradsuite.diagnosis.answers import remedies
from gradsuite.diagnosis.flow import Flow
from gradsuite.diagnosis.remedies import Tried


def test_what_helps_most_keeps_its_name():
    before = Flow("all layers", 0.5 ** np.arange(31.0)[:, np.newaxis], 1)
    tried = [Tried("PyTorch's default", 20.0, 19.0, 21.0, 0.001, "stable", True, "", "")]
    said = "What helps most: PyTorch's default: the horizon is 20 steps (19.0 to 21) over 5 seeds instead of 10.0"
    assert remedies.advice(remedies.ranked(tried, before), 30).startswith(said)
