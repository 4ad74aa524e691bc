"""What a check says of backends that misread what a batch brings: its lengths, states and masks."""

import pytest
from gradsuite.conformance import CHECKS, Subject, run

from tests.mutants import sequences  # noqa: F401  importing it fills the table
from tests.mutants.table import MUTANTS

BY_NAME = {check.name: check for check in CHECKS}
OF_MUTANTS = {
    "length-one-less": "right for lengths that are one less",
    "outputs-nan-in-the-padding": "NaN stands in the padding alone: what is past a length is read, and reaches outputs",
    "state-left-out": "right for states of zeros before the first step: the batch's are left out",
    "state-left-out-backward": (
        "outputs are right, and what is wrong is right for states of zeros before the first step: "
        "the batch's are left out"
    ),
    "layers-of-a-state-swapped": "right for the states before the first step with layers in reverse order",
    "h-and-c-of-a-state-swapped": "right for h and c before the first step swapped",
    "no-gradient-by-the-state": "zero everywhere: initial_states[layer 0]",
    "mask-left-out": "right without the masks: they are left out",
    "mask-forward-only": "outputs are right, and what is wrong is right without the masks: they are left out",
    "mask-not-scaled": "right for masks of ones and zeros: masks are to be multiplied by",
    "first-mask-at-every-step": "right for the first step's mask at every step",
    "mean-of-means": "outputs are right and the loss is not: look at the loss first",
    "directions-swapped": "outputs are wrong already: look at forward first",
    "backward-states-in-their-own-time": "reversed in time: dL/dh",
}


@pytest.mark.parametrize("name", OF_MUTANTS)
def test_the_hint_says_what_was_misread(name):
    backend, caught_by = MUTANTS[name]
    result = run(BY_NAME[caught_by], Subject(backend(), "cpu", "float64"))
    assert result.verdict == "failed"
    assert result.hint == OF_MUTANTS[name]
