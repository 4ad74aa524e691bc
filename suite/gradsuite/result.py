"""What became of one cell: a status, its measurements, and why it has none."""

from dataclasses import dataclass

from gradsuite.experiment import Measurement


@dataclass(frozen=True, slots=True)
class Result:
    """One finished cell: `status` is one of STATUSES, `seconds` the wall time of all its rounds.

    A cell that is not `ok` has a reason and no measurements. `stderr` is the tail of what its worker wrote there.
    """

    status: str
    measurements: tuple[Measurement, ...] = ()
    reason: str = ""
    stderr: str = ""
    seconds: float = 0.0
