"""What somebody asks: a network, batches of what it reads, and the loss it is trained on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gradsuite.errors import UserError, unknown

LOSSES = ("mse", "cross_entropy")
MOST = 8  # batches that are looked at, if there are more
INSTALL = 'python -m pip install "gradsuite[torch]"'
Loss = str | Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A network of any framework, and what it is seen on.

    `batch` is one batch as the network takes it, or several, of which the first `most` are looked at. `loss` is one of
    LOSSES, or a function of the network's output and the batch. `call(network, batch)` says what the output is, where
    that is not plain. `params` and `carry` are for a function with an explicit carry.

    Raises UserError for a loss that is neither a known name nor a function.
    """

    network: Any
    batch: Any
    loss: Loss
    call: Callable[[Any, Any], Any] | None = None
    params: Any = None
    carry: Any = None
    most: int = MOST
    title: str = ""

    def __post_init__(self) -> None:
        if not callable(self.loss) and self.loss not in LOSSES:
            raise unknown("loss", self.loss, LOSSES)
        if self.most < 1:
            raise UserError(f"batches must be at least 1, not {self.most}")

    def batches(self) -> tuple[Any, ...]:
        """Return the batches to look at: an iterator is used up. Raises UserError if there is none."""
        several = tuple(islice(self.batch, self.most)) if are_several(self.batch) else (self.batch,)
        if not several:
            raise UserError("there is no batch to diagnose the network on")
        return several


def are_several(batch: Any) -> bool:
    """Whether this is batches, as those of a DataLoader are, and not one that a network takes.

    A tuple, a mapping and an array are one; a list is one if arrays stand in it, as those of torch's `default_collate`.
    """
    if isinstance(batch, tuple | Mapping) or hasattr(batch, "shape") or not isinstance(batch, Iterable):
        return False
    return not (isinstance(batch, list) and batch and hasattr(batch[0], "shape"))
