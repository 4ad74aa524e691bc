"""Before a backend's first trial: one small network of each cell that it claims or is to run, against the oracle."""

from collections.abc import Sequence
from functools import partial

from gradsuite.backend import Backend
from gradsuite.conformance.check import Check, run
from gradsuite.conformance.checks.cells import least
from gradsuite.conformance.checks.gradients import case_of
from gradsuite.conformance.subject import Subject
from gradsuite.model import CELLS
from gradsuite.precision import UNIT_ROUNDOFF


def disagreement(backend: Backend, device: str, cells: Sequence[str] = ()) -> str:
    """Return in one line what is wrong with a backend's gradients on this device, or nothing if they are right.

    The classic cells, and those named in `cells`, in the finest claimed dtype and as far as they are claimed. A backend
    that raises what it should not is wrong too. A device that is not claimed has no gradients to be wrong.
    """
    info = backend.describe()
    if device not in info.devices:
        return ""
    subject = Subject(backend, device, min(info.dtypes, key=UNIT_ROUNDOFF.__getitem__))
    return "; ".join(filter(None, (wrong(subject, cell) for cell in (*CELLS, *cells))))


def wrong(subject: Subject, cell: str) -> str:
    """Return what is wrong with one cell: the array that is furthest off, how far, and the hint; or nothing."""
    case, amplified = (case_of(cell), 1.0) if cell in CELLS else least(cell)
    if not subject.claims(case.model):
        return ""
    measure = partial(Subject.against_oracle, case=case, amplified=amplified)
    result = run(Check(f"preflight-{cell}", "", measure), subject)
    if result.verdict != "failed":
        return ""
    size = "" if result.error is None else f", error {result.error:.1e}, at most {result.bound:.1e} by rounding"
    return f"{cell}: {result.what}{size}{f' (hint: {result.hint})' if result.hint else ''}"
