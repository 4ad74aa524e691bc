"""Before a backend's first trial: one small network of each cell that it claims, against the oracle."""

import warnings

import numpy as np

from gradsuite.backend import Backend
from gradsuite.conformance.finding import Finding
from gradsuite.conformance.gradients import case_of
from gradsuite.conformance.subject import Subject
from gradsuite.errors import one_line
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
    return "; ".join(filter(None, (wrong(subject, cell) for cell in CELLS if cell in info.cells)))


def wrong(subject: Subject, cell: str) -> str:
    """Return what is wrong with one cell: the array that is furthest off, and how far."""
    case = case_of(cell)
    if not subject.claims(case.model):
        return ""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            findings = list(subject.against_oracle(case))
    except Exception as error:  # noqa: BLE001  whatever a backend raises here, its trials would raise too
        return f"{cell}: {one_line(error)}"
    worst: Finding = max(findings, key=lambda finding: finding.badness)
    if worst.passed:
        return ""
    return f"{worst.what}: {worst.note or f'error {worst.error:.1e}, at most {worst.bound:.1e} by rounding'}"
