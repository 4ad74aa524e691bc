"""A check: one promise of the interface, as a sentence and a measurement; and the verdict on one backend."""

import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from gradsuite.conformance.finding import Finding
from gradsuite.conformance.hints import hint
from gradsuite.conformance.subject import Subject
from gradsuite.errors import one_line
from gradsuite.precision import UNIT_ROUNDOFF

VERDICTS = ("passed", "failed", "unsupported", "xfailed", "xpassed")
FAILURES = ("failed", "xpassed")  # an unexpected pass is one too: the list of expected failures is not true any more
DETAILS = ("findings", "traceback", "printed")
Measure = Callable[[Subject], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One promise. `measure` yields findings; with none the verdict is `unsupported`, and `otherwise` says why.

    `cell` is the one cell that it is about, if there is one; a `thorough` check is run only when its cell is asked for.
    """

    name: str
    sentence: str
    measure: Measure
    dtypes: tuple[str, ...] = tuple(UNIT_ROUNDOFF)
    once: bool = False
    otherwise: str = "not claimed"
    cell: str = ""
    thorough: bool = False

    def concerns(self, dtype: str, *, finest: bool, cell: str = "") -> bool:
        """Whether this is checked in this dtype; checks that do not depend on it run in the finest only.

        With a `cell`, only checks that are about it.
        """
        about = self.cell == cell if cell else not self.thorough
        return about and dtype in self.dtypes and (finest or not self.once)


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict of one check on one backend: `passed`, `failed` or `unsupported`.

    Of a check that was expected to fail it is `xfailed`, or `xpassed` if it did not.
    `error` and `bound` are those of the worst finding; `what` says where it was, or what went wrong. If the check
    failed, `findings` holds all that it found, and `hint` says what their pattern tells of the fault; `traceback` is
    that of what the backend raised, and `printed` the end of what it wrote meanwhile, if it has a worker.
    """

    check: str
    sentence: str
    device: str
    dtype: str
    verdict: str
    error: float | None = None
    bound: float | None = None
    what: str = ""
    hint: str = ""
    findings: tuple[Finding, ...] = ()
    traceback: str = ""
    printed: str = ""

    @property
    def failure(self) -> bool:
        """Whether this keeps a backend from passing."""
        return self.verdict in FAILURES

    @property
    def record(self) -> dict[str, Any]:
        """The verdict by name, without the details of a failure: findings, traceback and what was printed."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in DETAILS}

    def __str__(self) -> str:
        """Return one line: verdict, device, dtype, name, error, bound, the sentence, and what is wrong.

        The hint of a failure is a second line, indented; a failure that was expected needs none.
        """
        measured = ""
        if self.error is not None and self.bound is not None:
            relation = "<=" if self.verdict in ("passed", "xpassed") else "> "
            measured = f"{self.error:.1e} {relation} {self.bound:.1e}" if self.error or self.bound else "exact"
        text = self.sentence if self.verdict == "passed" else f"{self.sentence} -- {self.what}"
        line = f"{self.verdict:<11}  {self.device} {self.dtype:<8}  {self.check:<24}  {measured:<18}  {text}"
        return f"{line}\n    hint: {self.hint}" if self.hint and self.verdict == "failed" else line


def row(result: Result) -> dict[str, str | float | None]:
    """Return a result for JSON, which has no infinity: a non-finite error becomes None, and `what` says why."""
    return result.record | {"error": result.error if np.isfinite(result.error or 0.0) else None}


def check(name: str, sentence: str, **about: Any) -> Callable[[Measure], Check]:
    """Make a Check from the function that measures it; `about` holds its other fields."""
    return lambda measure: Check(name, sentence, measure, **about)


def run(one: Check, subject: Subject) -> Result:
    """Return the verdict of one check; a backend that raises, or tries to exit, has failed it."""
    try:
        # Overflow and NaN are data here: backends need not silence NumPy's warnings about them.
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            findings = list(one.measure(subject))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  whatever a backend raises is its verdict, SystemExit included
        return raised(one, subject.device, subject.dtype, error)
    about = (one.name, one.sentence, subject.device, subject.dtype)
    if not findings:
        return Result(*about, "unsupported", what=one.otherwise)
    worst = max(findings, key=lambda finding: finding.badness)
    what = f"{worst.what}: {worst.note}" if worst.note else worst.what
    measured = (worst.error, worst.bound, what)
    if all(finding.passed for finding in findings):
        return Result(*about, "passed", *measured)
    return Result(*about, "failed", *measured, _hint(findings, subject.dtype), tuple(findings))


def _hint(findings: list[Finding], dtype: str) -> str:
    """Return what the findings tell of the fault; a verdict stands whatever becomes of its hint."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return hint(findings, dtype)
    except Exception as error:  # noqa: BLE001
        return f"none, for finding one failed: {type(error).__name__}: {' '.join(str(error).split())}"


def raised(one: Check, device: str, dtype: str, error: BaseException) -> Result:
    """Return the verdict on a backend that raised this: failed, and where it was, in one line and in a traceback."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    reason = f"{one_line(error)} ({Path(frame.filename).name}:{frame.lineno})"
    trace = "".join(traceback.format_exception(error))
    return Result(one.name, one.sentence, device, dtype, "failed", what=reason, traceback=trace)
