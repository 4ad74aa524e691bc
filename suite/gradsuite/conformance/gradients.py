"""Every gradient array of every claimed cell, activation, readout, loss and number of layers is the oracle's."""

from collections.abc import Iterator

from gradsuite.conformance.case import Case
from gradsuite.conformance.check import Check, check
from gradsuite.conformance.finding import Finding
from gradsuite.conformance.subject import Subject
from gradsuite.model import ACTIVATIONS, LOSSES, READOUTS, Model
from gradsuite.precision import PRECISE, UNIT_ROUNDOFF

Sizes = tuple[int, int, int, int, int]  # T, B, I, H, O
ODD: Sizes = (7, 3, 2, 5, 3)
WIDE: Sizes = (4, 2, 6, 4, 5)
ONES: tuple[Sizes, ...] = ((1, 1, 1, 1, 1), (5, 1, 1, 3, 1), (1, 4, 3, 1, 2))
THIRDS = {"lstm": (0, 1), "gru": (0, 2)}
SEEDS = (
    6,
    12,
    6,
    2,
    4,
    1,
    15,
    7,
    6,
)  # of the nine cases, chosen so that no gradient amplifies rounding errors more than 6 times


def cases(cell: str, activation: str) -> list[Case]:
    """Return the cases of a cell with an activation.

    Readout, loss and number of layers form a Latin square of nine cases, in which every pair of values of two of them
    occurs once. In each third of it every value, and every kind of sizes, occurs once; the activations of a cell share
    the thirds.
    """
    readouts = READOUTS if cell != "mlp" else ("last", "none", "last")
    square: list[Case] = []
    for third in THIRDS.get(cell) or [ACTIVATIONS[cell].index(activation) % 3]:
        for row in (third, (third + 1) % 3, (third + 2) % 3):
            sizes = (ODD, WIDE, ONES[third])[(row + min(third, 1)) % 3]
            loss, layers = LOSSES[(row + third) % 3], 1 + (row - third + 1) % 3
            model = _model(cell, activation, readouts[row], loss, layers, sizes)
            square.append(Case(model, *sizes[:2], seed=SEEDS[3 * third + row]))
    return square


def asked(subject: Subject, cell: str, activation: str) -> list[Case]:
    """Return the cases run on a subject: all in its finest dtype, fewer in other precise ones, one in half types.

    Backends that compile need most of a second per case.
    """
    every_case = cases(cell, activation)
    if subject.finest:
        return every_case
    return every_case[: len(every_case) // 2 if subject.dtype in PRECISE else 1]


def asked_plain(subject: Subject, cell: str, activation: str) -> int:
    """Return how many of these cases, from the first, are also run without state gradients.

    A third of them for the first activation of a cell, in which every readout, loss and number of layers occurs; one
    for its other activations.
    """
    first = activation == ACTIVATIONS[cell][0]
    if subject.finest:
        return 3 if first else 1
    return int(first and subject.dtype in PRECISE)


def case_of(cell: str, **wanted: str) -> Case:
    """Return the first case of a cell whose model has these values; checks share it, so that it compiles once."""
    return next(
        case
        for activation in ACTIVATIONS[cell]
        for case in cases(cell, activation)
        if all(getattr(case.model, name) == value for name, value in wanted.items())
    )


def _model(cell: str, activation: str, readout: str, loss: str, layers: int, sizes: Sizes) -> Model:
    _, _, inputs, hidden, outputs = sizes
    return Model(cell, inputs, hidden, 0 if readout == "none" else outputs, layers, activation, readout, loss)


def gradients(cell: str, activation: str) -> Check:
    """Return the check of one cell with one activation."""
    kind = f"{cell}-{activation}" if len(ACTIVATIONS[cell]) > 1 else cell
    # Half types run every cell, and every activation of mlp.
    dtypes = tuple(UNIT_ROUNDOFF) if cell == "mlp" or activation == ACTIVATIONS[cell][0] else PRECISE
    sentence = f"Loss, outputs and every gradient of {cell} ({activation}) are the oracle's."

    @check(f"gradients-{kind}", sentence, dtypes=dtypes, cell=cell)
    def measure(subject: Subject) -> Iterator[Finding]:
        plain = asked_plain(subject, cell, activation)
        for number, case in enumerate(asked(subject, cell, activation)):
            if subject.claims(case.model):
                yield from subject.against_oracle(case, plain=number < plain)

    return measure


CHECKS = tuple(gradients(cell, activation) for cell, activations in ACTIVATIONS.items() for activation in activations)
