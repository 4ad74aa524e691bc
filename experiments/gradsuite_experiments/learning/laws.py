"""What is claimed of learning the adding problem and copy memory, and in which protocol."""

from typing import TYPE_CHECKING, Any

from gradsuite.claims import Resolution, Source

if TYPE_CHECKING:
    import pandas as pd

TEST = "test_score"  # of the network at the end, on 10,000 sequences
BEST = "best_score"  # of the validation split, over all looks

HOCHREITER = Source("Hochreiter & Schmidhuber 1997, sec. 5.4; the bound is that of Arjovsky et al. 2016's variant")
BENGIO = Source("Bengio, Simard & Frasconi 1994: gradients vanish before they tell; the bound is this project's own")
ARJOVSKY = Source("Arjovsky, Shah & Bengio 2016, sec. 5.1: the loss of who remembers nothing; exact")

LEARNT = 0.01  # mean squared error of the adding problem
# A training stops at a validation error of GOAL, so that one on the test above LEARNT is no accident of the sequences
# drawn: an error of .0075 over 1,000 of them, whose squares have a standard deviation of up to twice their mean (1.4
# times for normal errors), is known to within 2 x .0075 / sqrt(1000) = .00047, and LEARNT is five of these away.
GOAL = 0.0075
UNLEARNT = 0.1  # and what a network has not learnt it with: more than half of the best constant's 1/6
ADDING_STEPS, ADDING_UPDATES = 100, 1000  # that the claims are made for: at least so many updates
COPY_STEPS, COPY_UPDATES = 30, 600

A = {"lstm": "An LSTM", "gru": "A GRU"}  # as a sentence begins
GATED_LEARN = "{cell} of 32 units learns the adding problem over 100 steps to a mean squared error below 0.01."
PLAIN_FAILS = "A plain tanh network of 32 units does not: its error stays above 0.1, as if it knew no number."
REMEMBERED = "{cell} remembers: on copy memory over 30 steps its loss is below that of who remembers nothing."
ERROR = "the error on the test"


def is_protocol(at: "pd.Series[Any]", steps: int, updates: int) -> bool:
    """Return whether a trial is of the claims' protocol, with any number of seeds and at least so many updates."""
    enough = at["updates"] >= updates
    return bool(enough and at["length"] == steps and at["hidden_size"] == 32 and at["batch_size"] == 32)


def at_most(bound: float, seen: float) -> Resolution:
    """Return that of a claim that an error is at most this, from the error that was measured."""
    return Resolution(max(bound / seen - 1.0, 0.0), ERROR)


def at_least(bound: float, seen: float) -> Resolution:
    """Return that of a claim that an error is at least this, from the error that was measured."""
    return Resolution(max(1.0 - bound / seen, 0.0), ERROR)
