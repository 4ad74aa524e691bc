"""What is known of each data set: published scores, and how far chance moves a score on a test of its size."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from gradsuite.claims import Resolution, Source

TEST = "test_score"
BASELINE = "baseline"  # its note says whose
EXPLAINED = "explained"  # share of the variance of the test that a forecast explains: R^2
LOW, HIGH = "explained_low", "explained_high"  # ends of its 95% interval

OWN = Source("the bound is this project's own, from three seeds of a GRU")
GREYDANUS = Source("Greydanus 2020, Scaling down deep learning, table: GRU .91; within 3 points of it", checked=False)
COUNTS = Source("a count model of order 3 on the same split (Witten & Bell 1991, method C)")
SCORE = "the score on the test"


@dataclass(frozen=True, slots=True)
class Bound:
    """What a mean score is claimed to reach."""

    score: float
    source: Source
    sentence: str


BOUNDS: Mapping[str, Bound] = {
    "digits": Bound(0.97, OWN, "Digits read by rows are told apart in at least 97% of a test (mean over seeds)."),
    "digits-pixels": Bound(0.92, OWN, "Digits read by pixels, 64 steps, are told apart in at least 92% of a test."),
    "mnist1d": Bound(0.88, GREYDANUS, "On MNIST-1D a GRU is within 3 points of its published accuracy, .91."),
    "japanese-vowels": Bound(0.94, OWN, "Nine speakers are told apart by two vowels in at least 94% of a test."),
}
LANGUAGE = "A language model with carried states spends fewer bits per character than counts of three characters."


def at_least(bound: float, seen: float) -> Resolution:
    """Return that of a claim that a score is at least this, from the score that was measured."""
    return Resolution(max(seen - bound, 0.0) / max(seen, 1e-9), SCORE)


def at_most(bound: float, seen: float) -> Resolution:
    """Return that of a claim that a score is at most this, from the score that was measured."""
    return Resolution(max(bound - seen, 0.0) / max(seen, 1e-9), SCORE)


def explained(forecasts: np.ndarray, targets: np.ndarray, mean: np.ndarray) -> tuple[float, float, float]:
    """Return R^2 of forecasts (N, O) over the training mean, and its 95% interval.

    1 - sum e^2 / sum d^2 with errors e and deviations d from the mean known beforehand; its standard error by the delta
    method for a ratio of means, which takes the days to be independent.
    """
    e, d = np.square(forecasts - targets).sum(axis=-1), np.square(targets - mean).sum(axis=-1)
    ratio = e.mean() / d.mean()
    error = np.std(e - ratio * d, ddof=1) / d.mean() / np.sqrt(len(e))
    return 1.0 - ratio, 1.0 - ratio - 1.96 * error, 1.0 - ratio + 1.96 * error
