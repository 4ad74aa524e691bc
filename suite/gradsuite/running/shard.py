"""A part of a run's trials, for several machines that know nothing of each other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from gradsuite.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `number` (from 1) of `count`: every `count`-th group of trials, so that parts are of equal weight.

    Those of one setting on all backends, which are timed against each other, stay together. Two machines that are asked
    for the same have the same plan, and all parts are together what one run would measure.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the shard that `3/16` names. Raises UserError if it is none."""
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UserError(f"a shard is I/N with I from 1 to N, such as 3/16, not {text[:80]!r}")
        return cls(int(found[1]), int(found[2]))

    def of(self, groups: Sequence[T]) -> Sequence[T]:
        """Return the groups of this part."""
        return groups[self.number - 1 :: self.count]
