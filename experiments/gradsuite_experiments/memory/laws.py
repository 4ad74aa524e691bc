"""What memory should be: bytes per step that backward has to read, what checkpoints must save, and metric names."""

from typing import TYPE_CHECKING, Any

from gradsuite.claims import Resolution, Source

from gradsuite_experiments.common.sweep import BYTES

if TYPE_CHECKING:
    import pandas as pd

MEMORY, MEMORY_CHECKPOINT = "memory", "memory_checkpoint"
SECONDS, SECONDS_CHECKPOINT = "seconds", "seconds_checkpoint"
DIFFERENCE = "difference"

# Numbers per step and unit that backward reads: h; for lstm also i f g o and c; for gru also r z n and W_hn h.
KEPT = {"rnn": 1, "lstm": 6, "gru": 5}

LARGEST_SHARE = 0.1  # of the memory without checkpoints
SAVED = "Checkpoints need at most a tenth of the memory."
CHEN_2016 = Source("Chen, Xu, Zhang & Guestrin 2016, arXiv:1604.06174, sec. 4.3; a tenth is the suite's demand")

SAME = "Gradients with checkpoints are those of the pass that keeps all states."
EXACT = Source("exact")


def needed_per_step(settings: "pd.Series[Any]") -> float:
    """Return the bytes per step that backward has to read."""
    numbers = KEPT[settings["cell"]] * settings["batch_size"] * settings["hidden_size"]
    return float(numbers * BYTES[settings["dtype"]])


def difference_tolerance(dtype: str) -> float:
    """Return the relative error allowed between gradients with and without checkpoints.

    They are sums of the same terms, in another order where segments meet: in float64 each rounds to 1e-16, and some
    cancel. Float32 rounds 2^29 times more coarsely.
    """
    return 1e-12 * (1 if dtype == "float64" else 2.0**29)


def saved_resolution(settings: "pd.Series[Any]") -> Resolution:
    """Return that of the share: segments so long that one of them, k of T steps, is twice the largest share.

    One segment's states are kept at a time; the states between segments, T / k of T, are few beside them.
    """
    size = 2.0 * LARGEST_SHARE * settings["length"] / settings["checkpoint"] - 1.0
    return Resolution(size, "the length of a segment")
