"""The conformance kit: every promise of the interface, measured on one backend."""

from collections.abc import Iterable, Iterator

from gradsuite.backend import Backend
from gradsuite.conformance import arrays, claims, features, gradients, laws, laziness, purity, scales, training
from gradsuite.conformance.check import VERDICTS, Check, Result, row, run
from gradsuite.conformance.finding import Finding
from gradsuite.conformance.subject import Subject
from gradsuite.precision import UNIT_ROUNDOFF

__all__ = ["CHECKS", "VERDICTS", "Check", "Finding", "Result", "Subject", "examine", "pairs", "row", "run"]

CHECKS: tuple[Check, ...] = tuple(
    check
    for module in (claims, gradients, laws, scales, purity, arrays, laziness, training, features)
    for check in module.CHECKS
)


def pairs(backend: Backend, devices: Iterable[str] = (), dtypes: Iterable[str] = ()) -> Iterator[tuple[Check, Subject]]:
    """Yield every pair of check and subject, for each device and dtype, by default all that the backend claims."""
    info = backend.describe()
    finest_first = sorted(tuple(dtypes) or info.dtypes, key=UNIT_ROUNDOFF.__getitem__)
    for device in tuple(devices) or info.devices:
        for dtype in finest_first:
            subject = Subject(backend, device, dtype, finest=dtype == finest_first[0])
            yield from ((check, subject) for check in CHECKS if check.concerns(subject))


def examine(backend: Backend, devices: Iterable[str] = (), dtypes: Iterable[str] = ()) -> Iterator[Result]:
    """Yield the verdict of every check as soon as it is known."""
    for check, subject in pairs(backend, devices, dtypes):
        yield run(check, subject)
