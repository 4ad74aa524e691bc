"""Gradients of networks of the sizes that people train, along random directions.

Backends switch to other kernels, and cut their work into blocks, beyond some size; small cases see none of that.
"""

from collections.abc import Iterator

from gradsuite.conformance.case import Case
from gradsuite.conformance.check import Check, check
from gradsuite.conformance.finding import Finding
from gradsuite.conformance.projections import along_directions
from gradsuite.conformance.subject import Subject
from gradsuite.model import CELLS, Model
from gradsuite.precision import PRECISE

# For each recurrent cell more than 2^21 numbers in the gates of all steps, few examples, and wide products: each with
# its readout on all steps or on the last, which carry gradients back in different ways.
LONG = {
    "mlp": Case(Model("mlp", 70, 301, 20, 3, loss="cross_entropy"), 1, 130, seed=1),
    "rnn": Case(Model("rnn", 70, 301, 20, readout="all"), 220, 32, seed=9),
    "lstm": Case(Model("lstm", 70, 301, 20), 60, 32, seed=0),
    "gru": Case(Model("gru", 70, 323, 20, readout="all", loss="cross_entropy"), 70, 32, seed=3),
}
# More layers, many examples, and the other readouts and losses.
DEEP = {
    "mlp": Case(Model("mlp", 11, 72, 20, 12), 1, 97, seed=0),
    "rnn": Case(Model("rnn", 11, 72, 20, 4, loss="cross_entropy"), 22, 33, seed=56),
    "lstm": Case(Model("lstm", 11, 72, 20, 4, readout="all", loss="cross_entropy"), 22, 33, seed=16),
    "gru": Case(Model("gru", 11, 72, 0, 4, readout="none", loss="inner_product"), 22, 33, seed=38),
}


def long(cell: str) -> Check:
    """Return the check of one cell over many steps, with many units and classes.

    Also without state gradients: in the finest dtype, and in all for lstm, which frameworks have other kernels for.
    """

    @check(f"gradients-large-{cell}", f"Gradients of a long, wide {cell} are the oracle's.", dtypes=PRECISE, cell=cell)
    def measure(subject: Subject) -> Iterator[Finding]:
        if subject.claims(LONG[cell].model):
            yield from along_directions(subject, LONG[cell])
            if subject.finest or cell == "lstm":
                yield from along_directions(subject, LONG[cell], states=False)

    return measure


def deep(cell: str) -> Check:
    """Return the check of one cell with many layers, examples and classes."""
    sentence = f"Gradients of {cell} in many layers are the oracle's."

    @check(f"gradients-deep-{cell}", sentence, dtypes=PRECISE, once=True, cell=cell)
    def measure(subject: Subject) -> Iterator[Finding]:
        if subject.claims(DEEP[cell].model):
            yield from along_directions(subject, DEEP[cell])

    return measure


CHECKS = (*map(long, CELLS), *map(deep, CELLS))
