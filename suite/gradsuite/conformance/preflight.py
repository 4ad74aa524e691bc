"""Before a backend's first trial: one small network of each cell that it claims, against the oracle."""

from gradsuite.backend import Backend
from gradsuite.conformance.check import Check, run
from gradsuite.conformance.gradients import case_of
from gradsuite.conformance.subject import Subject
from gradsuite.model import CELLS
from gradsuite.precision import UNIT_ROUNDOFF


def disagreement(backend: Backend, device: str) -> str:
    """Return in one line what is wrong with a backend's gradients on this device, or nothing if they are right.

    Each claimed cell in the finest claimed dtype; a backend that raises what it should not is wrong too. A device that
    is not claimed has no gradients to be wrong.
    """
    info = backend.describe()
    if device not in info.devices:
        return ""
    subject = Subject(backend, device, min(info.dtypes, key=UNIT_ROUNDOFF.__getitem__))
    return "; ".join(filter(None, (wrong(subject, cell) for cell in CELLS)))


def wrong(subject: Subject, cell: str) -> str:
    """Return what is wrong with one cell: the array that is furthest off, how far, and the hint; or nothing."""
    case = case_of(cell)
    if not subject.claims(case.model):
        return ""
    result = run(Check(f"preflight-{cell}", "", lambda subject: subject.against_oracle(case)), subject)
    if result.verdict != "failed":
        return ""
    size = "" if result.error is None else f", error {result.error:.1e}, at most {result.bound:.1e} by rounding"
    return f"{cell}: {result.what}{size}{f' (hint: {result.hint})' if result.hint else ''}"
