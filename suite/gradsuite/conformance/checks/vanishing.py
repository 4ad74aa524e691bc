"""State gradients of lstm that vanish faster than the forget gates alone let them, to the last digit of every step."""

from collections.abc import Iterator

from gradsuite.conformance.case import Case
from gradsuite.conformance.check import check
from gradsuite.conformance.finding import Finding
from gradsuite.conformance.subject import Subject
from gradsuite.model import Model
from gradsuite.precision import PRECISE

STEPS, BATCH = 60, 3
# Units, and the seed of PyTorch's default parameters. dL/dc falls to 5e-30 at t = 1; put together from a dL/dh rounded
# to float32 it is wrong there by 110 times its size.
UNITS, SEED = 2, 8


@check(
    "vanishing-lstm",
    "State gradients of lstm are right at each of 60 steps, where dL/dc vanishes faster than the product of f.",
    dtypes=PRECISE,
    cell="lstm",
)
def vanishing(subject: Subject) -> Iterator[Finding]:
    """dL/dh and dL/dc have to come out of one recurrence.

    A rounding error of dL/dh at step t that does not enter the step back to t-1 reaches dL/dc_(t-k) as f^k, while the
    signal itself decays as the Jacobian's powers do, which may be faster.
    """
    case = Case(Model("lstm", 2, UNITS, 2), STEPS, BATCH, SEED)
    if subject.claims(case.model, "states"):
        yield from subject.against_oracle(case)


CHECKS = (vanishing,)
