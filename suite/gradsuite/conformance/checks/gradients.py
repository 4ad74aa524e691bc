"""Every gradient array of every claimed cell, activation, readout, loss and number of layers is the oracle's."""

from collections.abc import Iterator
from dataclasses import replace

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
MORE = {"lstm": ((1, 1), (1, 2)), "gru": ((1, 1),)}  # cases of another third, by third and row
# Of the nine cases, chosen so that no gradient amplifies rounding errors more than 6 times.
SEEDS = (6, 12, 6, 2, 4, 1, 2, 7, 6)


def cases(cell: str, activation: str) -> list[Case]:
    """Return the cases of a cell with an activation.

    Readout and loss form a Latin square of nine cases, in which every pair of them occurs once. In each third of it
    every value, and every kind of sizes, occurs once; the activations of a cell share the thirds. The case of odd sizes
    has two layers: a layer more takes as long to compile as another network.
    """
    readouts = READOUTS if cell != "mlp" else ("last", "none", "last")
    third = ACTIVATIONS[cell].index(activation) % 3
    square: list[Case] = []
    for part, row in (*((third, (third + n) % 3) for n in range(3)), *MORE.get(cell, ())):
        sizes = (ODD, WIDE, ONES[part])[(row + min(part, 1)) % 3]
        layers = 2 if sizes == ODD else 1
        model = _model(cell, activation, readouts[row], LOSSES[(row + part) % 3], layers, sizes)
        square.append(Case(model, sizes[0], sizes[1], seed=SEEDS[3 * part + row]))
    return square


def asked(subject: Subject, cell: str, activation: str) -> list[Case]:
    """Return the cases run on a subject: all in its finest dtype, one in others.

    Backends that compile need most of a second per case.
    """
    every_case = cases(cell, activation)
    return every_case if subject.finest else [lightened(subject, every_case[0])]


def lightened(subject: Subject, case: Case) -> Case:
    """Return a case, of one layer if it is recurrent and the dtype a half type that is checked next to a finer one."""
    if subject.finest or subject.dtype in PRECISE or not case.model.recurrent:
        return case
    return replace(case, model=replace(case.model, num_layers=1))


def asked_plain(subject: Subject, cell: str, activation: str) -> int:
    """Return how many of these cases, from the first, are also run without state gradients.

    Three for the first activation of a cell, in which every readout, loss and number of layers occurs; one for its
    other activations.
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
    # Half types run every cell: what the other activations add is not computed, or the gates compute it too.
    dtypes = tuple(UNIT_ROUNDOFF) if activation == ACTIVATIONS[cell][0] else PRECISE
    sentence = f"Loss, outputs and every gradient of {cell} ({activation}) are the oracle's."

    @check(f"gradients-{kind}", sentence, dtypes=dtypes, once=activation == "identity", cell=cell)
    def measure(subject: Subject) -> Iterator[Finding]:
        plain = asked_plain(subject, cell, activation)
        for number, case in enumerate(asked(subject, cell, activation)):
            if subject.claims(case.model):
                yield from subject.against_oracle(case, plain=number < plain)

    return measure


CHECKS = tuple(gradients(cell, activation) for cell, activations in ACTIVATIONS.items() for activation in activations)
