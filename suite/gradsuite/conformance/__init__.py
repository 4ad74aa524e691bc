"""The conformance kit: every promise of the interface, measured on one backend."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gradsuite.backend import Backend, BackendInfo
from gradsuite.cells import CLASSIC
from gradsuite.conformance.check import VERDICTS, Check, Result, raised, row, run
from gradsuite.conformance.checks import CHECKS
from gradsuite.conformance.finding import Finding
from gradsuite.conformance.subject import Subject
from gradsuite.precision import UNIT_ROUNDOFF

__all__ = [
    "CHECKS",
    "VERDICTS",
    "Asked",
    "Check",
    "Finding",
    "Result",
    "Subject",
    "asked",
    "examine",
    "pairs",
    "raised",
    "row",
    "run",
]


class Asked(NamedTuple):
    """One check on one device in one dtype; `finest` says that no finer dtype is asked for."""

    check: Check
    device: str
    dtype: str
    finest: bool


def asked(
    info: BackendInfo, devices: Iterable[str] = (), dtypes: Iterable[str] = (), cell: str = ""
) -> Iterator[Asked]:
    """Yield what there is to check, for each device and dtype, by default all that the backend claims.

    With a `cell`, only what is about it, and thoroughly.
    """
    finest_first = sorted(tuple(dtypes) or info.dtypes, key=lambda dtype: UNIT_ROUNDOFF.get(dtype, 1.0))
    for device in tuple(devices) or info.devices:
        for dtype in finest_first:
            finest = dtype == finest_first[0]
            concerned = (one for one in CHECKS if is_asked(info, one) and one.concerns(dtype, finest=finest, cell=cell))
            yield from (Asked(one, device, dtype, finest) for one in concerned)


def is_asked(info: BackendInfo, check: Check) -> bool:
    """Whether a backend is asked this at all: that it lacks a cell which it could have by autodiff alone is no news."""
    return not check.cell or check.cell in (*CLASSIC, *info.cells) or info.differentiates(check.cell)


def pairs(backend: Backend, devices: Iterable[str] = (), dtypes: Iterable[str] = ()) -> Iterator[tuple[Check, Subject]]:
    """Yield every pair of check and subject, for each device and dtype, by default all that the backend claims."""
    for check, device, dtype, finest in asked(backend.describe(), devices, dtypes):
        yield check, Subject(backend, device, dtype, finest=finest)


def examine(backend: Backend, devices: Iterable[str] = (), dtypes: Iterable[str] = ()) -> Iterator[Result]:
    """Yield the verdict of every check as soon as it is known."""
    for check, subject in pairs(backend, devices, dtypes):
        yield run(check, subject)
