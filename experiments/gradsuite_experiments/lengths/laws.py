"""What must hold of lengths: the same gradients in buckets, zero past the length; metrics, targets, what others say."""

from collections.abc import Mapping

from gradsuite.claims import Resolution, Source
from gradsuite.precision import UNIT_ROUNDOFF, bound
from gradsuite.settings import Settings

from gradsuite_experiments.lengths.batches import INPUTS

# Seconds of loss and all parameter gradients, `index` the round; `note` says what disturbed a sample.
PADDED, LENGTHS, BUCKETED = WAYS = ("padded", "lengths", "bucketed")
FIRST = {way: f"{way}_first" for way in WAYS}  # seconds of the first call
# Steps that count, and steps of all buckets, over those of the whole batch: T B.
VALID, COMPUTED = "valid_share", "bucketed_share"
DIFFERENCE = "difference"  # of one parameter's gradients, the largest
BEYOND = "beyond"  # the largest state gradient past a length, over the largest of all

SAME = "Gradients of buckets, weighted by their share in the loss, are those of one batch with lengths."
ZERO = "Past its length a sequence's state gradients are exactly 0."
EXACT = Source("exact: the loss averages over the steps that count, in whichever batch they are")
MEANING = Source("exact: by what lengths mean, which is what a packed sequence means in PyTorch")

MOST = 1.1  # times padded: what lengths are to cost where all sequences are equally long
DEMANDED = ("numpy", "torch", "jax")  # of whom

PACKING = "torch-nn"  # whose lengths are torch.nn.utils.rnn.pack_padded_sequence
# Times as long as padded, by T, forward and backward: the table in the description of PyTorch's issue 149194
# (2025-03-14), two layers of torch.nn.LSTM, lengths evenly from 1 to T. It is said to be so on CPU and GPU; of which of
# the two the table is, is not said.
ISSUE = "PyTorch issue 149194"
REPORTED: Mapping[int, tuple[float, float]] = {
    10: (5.27, 2.77),
    20: (7.40, 4.61),
    50: (11.6, 3.82),
    100: (15.1, 3.96),
    200: (23.0, 5.91),
    500: (59.7, 17.2),
    1000: (95.8, 27.9),
    2000: (110.0, 52.4),
    4000: (114.0, 80.9),
}


def same_bound(settings: Settings) -> float:
    """Return the relative difference that rounding leaves between two gradients of one parameter.

    Each sums T B products after T steps of every layer, each step a sum of at most I + H + 2 terms with the biases.
    Weights as they are drawn here shrink what came before, so rounding is not amplified.
    """
    layers, T, H = settings["num_layers"], settings["length"], settings["hidden_size"]
    operations = T * (settings["batch_size"] + layers * (max(INPUTS, H) + H + 2))
    return 2.0 * bound(settings["dtype"], operations)


def same_resolution(allowed: float) -> Resolution:
    """Return that of gradients in buckets."""
    return Resolution.linear(0.0, allowed, "one parameter's gradient in buckets")


def zero_resolution(dtype: str) -> Resolution:
    """Return that of zeros: whatever is not zero is noticed; it is planted as a part of the largest gradient."""
    return Resolution(2.0 * UNIT_ROUNDOFF[dtype], "the largest state gradient, past a length")


def reported(steps: int) -> tuple[int, float, float]:
    """Return the T of the issue's table nearest by ratio, and its least and largest times as long."""
    nearest = min(REPORTED, key=lambda T: max(T / steps, steps / T))
    return nearest, min(REPORTED[nearest]), max(REPORTED[nearest])
