"""Arrays that are right once their elements are put in another order: gates, axes, time, sequences."""

from collections.abc import Callable, Iterator
from itertools import permutations

import numpy as np

from gradsuite.conformance.hints.evidence import SYMBOLS, Evidence, listed
from gradsuite.model import GATES

NAMES = {"lstm": "ifgo", "gru": "rzn"}
Change = Callable[[np.ndarray], np.ndarray]


def gates_of(case: Evidence) -> str:
    """Return the letters of a case's gates, in the order of PyTorch; none for a cell without."""
    return NAMES.get(case.plain.model.cell, "") if case.plain else ""


def reordered(array: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """Return an array whose block k of rows is block order[k] of the given one."""
    return np.concatenate([np.split(array, len(order))[k] for k in order])


def moved(letters: str, order: tuple[int, ...]) -> str:
    """Return how an order of gates differs from PyTorch's: `gates i and f swapped`, or the whole order."""
    away = [letters[k] for k, place in enumerate(order) if k != place]
    if len(away) == 2:
        return f"gates {away[0]} and {away[1]} swapped"
    return f"gates in the order {' '.join(letters[k] for k in order)}"


def gates(case: Evidence) -> Iterator[str]:
    """Yield the order of gates in which every wrong gradient is right."""
    letters = gates_of(case)
    of_gates = all(name.startswith(("weight_", "bias_")) for name in case.wrong)
    if not (letters and of_gates and case.forward_is_right):
        return
    for order in permutations(range(len(letters))):
        # Block k of what came back belongs at order[k].
        back = tuple(int(k) for k in np.argsort(order))
        if all(case.matches(name, reordered(case.value(name), back)) for name in case.wrong):
            yield f"right with {moved(letters, order)}, in {listed(case, case.wrong)}"


def transposed(case: Evidence) -> Iterator[str]:
    """Yield the arrays that are right when transposed, as a whole or gate by gate."""

    def blocks(array: np.ndarray) -> np.ndarray:
        gates = GATES.get(case.case.model.cell, 1) if case.case else 1
        return np.concatenate([block.T for block in np.split(array, gates)])

    if any(case.value(name).ndim != 2 or "[" in name or name == "outputs" for name in case.wrong):
        return
    if all(case.matches(name, case.value(name).T) for name in case.wrong):
        yield f"transposed: {listed(case, case.wrong)}"
    elif all(_square_blocks(case, name) and case.matches(name, blocks(case.value(name))) for name in case.wrong):
        yield f"transposed, each gate by itself: {listed(case, case.wrong)}"


def _square_blocks(case: Evidence, name: str) -> bool:
    rows, columns = case.value(name).shape
    return case.case is not None and rows == GATES.get(case.case.model.cell, 0) * columns


def reversed_in_time(case: Evidence) -> Iterator[str]:
    """Yield that state gradients are those of the time steps counted from the other end."""
    expected = {
        (kind, t, layer): finding
        for kind in ("states", "cell_states")
        for t, layer, finding in case.states(kind)
        if not finding.passed
    }
    steps = case.case.steps if case.case else max((t for _, t, _ in expected), default=0)
    mirrored = [(finding, expected.get((kind, steps + 1 - t, layer))) for (kind, t, layer), finding in expected.items()]
    if len(expected) == len(case.wrong) and all(
        other is not None and case.matches(other.array, case.value(finding.array)) for finding, other in mirrored
    ):
        kinds = sorted({SYMBOLS[kind] for kind, _, _ in expected}, reverse=True)
        yield f"reversed in time: {' and '.join(kinds)}"


def sequences_reversed(case: Evidence) -> Iterator[str]:
    """Yield that what has an axis of sequences has them in reverse order."""
    with_axis = all(("[" in name or name == "outputs") and case.value(name).ndim > 1 for name in case.wrong)
    if with_axis and all(case.matches(name, np.flip(case.value(name), -2)) for name in case.wrong):
        yield f"the sequences of the batch are in reverse order, in {listed(case, case.wrong)}"
