"""Arrays that are off by one factor: what it is, and what was forgotten."""

from collections.abc import Iterator, Sequence

import numpy as np

from gradsuite.conformance.hints.evidence import Evidence, listed

MEANINGS = {
    "B": "the mean over the batch is missing",
    "1/B": "the mean over the batch is taken twice",
    "T": "the mean over time is missing",
    "1/T": "a mean over time too many",
    "O": "the mean over the outputs is missing (mse averages over every element)",
    "1/O": "a mean over the outputs too many (only mse averages over them)",
    "T B": "the mean over time and batch is missing",
    "1/(T B)": "the mean over time and batch is taken twice",
    "B O": "the mean over batch and outputs is missing",
    "T B O": "the mean over time, batch and outputs is missing",
    "-1": "the sign is flipped",
    "2": "",
    "1/2": "",
}
HALF = "mse is (y - t)^2, so that its slope is 2 (y - t)"


def zero(cases: Sequence[Evidence]) -> Iterator[str]:
    """Yield which arrays are zero, if all that are wrong are."""
    first = cases[0]
    if all(not case.value(name).any() for case in cases for name in case.wrong):
        yield f"zero everywhere: {listed(first, first.wrong)}"


def accumulated(cases: Sequence[Evidence], others: Sequence[Evidence]) -> Iterator[str]:
    """Yield the hint of gradients added to those of the call before.

    Cases without state gradients are run in the network that has just run the same batch with them.
    """
    before = {other.case for other in others if other.where.endswith(", with states")}
    second = all(case.case in before and not case.where.endswith(", with states") for case in cases)
    if second and all(factor(case) is not None and _is(2.0, case) for case in cases):
        arrays = listed(cases[0], cases[0].wrong)
        yield f"doubled on a network's second call: the call before is added to it, in {arrays}"


def constant(cases: Sequence[Evidence]) -> Iterator[str]:
    """Yield the factor by which every wrong array of every case is off, by name if it is a size."""
    found = [factor(case) for case in cases]
    numbers = max(sum(case.value(name).size for name in case.wrong) for case in cases)
    # A single number is always off by some factor: one more case must agree.
    if None in found or (numbers == 1 and len(cases) == 1):
        return
    first, c = cases[0], found[0]
    assert c is not None
    arrays = listed(first, first.wrong)
    names = set.intersection(*({name for name, size in sizes(case).items() if _is(size, case)} for case in cases))
    if names:
        name = next(name for name in MEANINGS if name in names)
        half = name == "1/2" and all(case.case is not None and case.case.model.loss == "mse" for case in cases)
        meaning = HALF if half else MEANINGS[name]
        choice = " or ".join(sorted(names, key=list(MEANINGS).index))
        text = f"a factor of exactly {choice} in {arrays}"
        yield f"{text}: {meaning}" if meaning and len(names) == 1 else text
    elif all(_is(c, case) for case in cases):
        yield f"a factor of {_number(c)}{' everywhere' * (numbers > 1)} in {arrays}"


def factor(case: Evidence) -> float | None:
    """Return c with value = c expected in every wrong array, or None."""
    name = max(case.wrong, key=lambda name: case.value(name).size)
    value, expected = case.value(name), case.expected(name)
    largest = np.argmax(np.abs(expected))
    if not expected.flat[largest] or not value.flat[largest]:
        return None
    c = float(np.vdot(value, expected) / np.vdot(expected, expected))
    return c if c and _is(c, case) else None


def sizes(case: Evidence) -> dict[str, float]:
    """Return the factors that have a name in a case, without those that are 1 there."""
    known = {"-1": -1.0, "2": 2.0, "1/2": 0.5}
    if case.case is not None:
        m = case.case.model
        t, b, o = case.case.steps if m.recurrent else 1, case.case.size, m.output_width
        whole = {"B": b, "T": t, "O": o}
        known |= {name: float(size) for name, size in whole.items() if size > 1}
        known |= {f"1/{name}": 1.0 / size for name, size in whole.items() if size > 1}
        if t > 1 and b > 1:
            known |= {"T B": float(t * b), "1/(T B)": 1.0 / (t * b)}
        if b > 1 and o > 1:
            known |= {"B O": float(b * o)} | ({"T B O": float(t * b * o)} if t > 1 else {})
    return known


def _is(c: float, case: Evidence) -> bool:
    """Whether every wrong array is c times what it should be, within its bound."""
    return all(case.matches(name, case.value(name) / c) for name in case.wrong)


def _number(c: float) -> str:
    return f"{c:.6g}" if abs(c - 1) > 1e-4 else f"1 {'+' if c > 1 else '-'} {abs(c - 1):.2g}"
