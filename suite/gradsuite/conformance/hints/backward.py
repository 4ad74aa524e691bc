"""Gradients that are right for another derivative than the one asked for: a path or a factor that was forgotten."""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from gradsuite.cells import CLASSIC
from gradsuite.conformance.case import Case, expected_of
from gradsuite.conformance.hints.derivatives import (
    Mistake,
    Wrong,
    cut,
    in_order,
    slope_of_sigmoid,
    slope_of_tanh,
    without_factor,
)
from gradsuite.conformance.hints.evidence import STATE, Evidence
from gradsuite.conformance.hints.order import NAMES, moved
from gradsuite.model import Model
from gradsuite.oracle.forward import losses

STEP = 1e-100  # the complex step, as in the oracle
DIRECTIONS = 2
# An inner product with a normal vector is as large as the norm, or a few times so.
DEVIATIONS = 6.0

GATE_FACTORS = {
    "lstm": (
        ("f of c", "c_(t-1) in dL/df = c_(t-1) dL/dc"),
        ("c of f", "f in dL/dc_(t-1) = f dL/dc_t"),
        ("i of g", "g in dL/di = g dL/dc"),
        ("g of i", "i in dL/dg = i dL/dc"),
        ("o of tanh c", "tanh(c) in dL/do = tanh(c) dL/dh"),
        ("tanh c of o", "o in dL/dc = o (1 - tanh(c)^2) dL/dh"),
        ("slope of tanh c", "1 - tanh(c)^2 in dL/dc = o (1 - tanh(c)^2) dL/dh"),
    ),
    "gru": (
        ("r of hn", "W_hn h + b_hn in dL/dr = (W_hn h + b_hn) dL/dn"),
        ("hn of r", "r in the gradient of W_hn h + b_hn"),
        ("n of z", "1 - z in dL/dn = (1 - z) dL/dh"),
        ("h of z", "z in dL/dh_(t-1) = z dL/dh_t + ..."),
    ),
    "rnn": (),
    "mlp": (),
}
PATHS = {
    "lstm": (
        ("c", "from c_t to c_(t-1), through the forget gate"),
        ("tanh c", "from h_t to c_t, through h = o tanh(c)"),
    ),
    "gru": (("h", "from h_t to h_(t-1) past the gates, z dL/dh_t"),),
    "rnn": (),
    "mlp": (),
}


def another_derivative(case: Evidence) -> Iterator[str]:
    """Yield the mistakes in a backward pass by hand that give exactly what came back, right and wrong gradients."""
    asked = case.plain
    if asked is None or asked.model.cell not in CLASSIC or not case.forward_is_right:
        return
    probe = Probe(case, asked)
    yield from (mistake.text for mistake in mistakes(asked.model) if probe.explains(mistake))


def mistakes(model: Model) -> Iterator[Mistake]:
    """Yield the mistakes that can be made in a model's backward pass."""
    letters = NAMES.get(model.cell, "")
    for place, factor in GATE_FACTORS[model.cell]:
        yield Mistake(f"right without a factor that is missing: {factor}", place, without_factor)
    for place, path in PATHS[model.cell]:
        yield Mistake(f"right without a path that is missing: {path}", place, cut)
    if model.recurrent:
        yield Mistake("right without a path that is missing: from h_t to h_(t-1), through W_hh", "recurrence", cut)
        yield Mistake(
            "right with W_hh transposed on the way from h_t to h_(t-1): it is dz W_hh", "transposed recurrence", cut
        )
        yield Mistake(
            "right with h_t in place of h_(t-1) in dL/dW_hh = sum over t of dz_t h_(t-1)^T", "off by one", cut
        )
        for one, others in (("last", "before the last step"), ("first", "after the first step")):
            yield Mistake(f"right for the {one} time step alone: the sum over t is missing", others, cut, partial=True)
    first = "right for the first sequence alone: the sum over the batch is missing"
    yield Mistake(first, "other sequences", cut, partial=True)
    if model.num_layers > 1:
        yield Mistake("right without a path that is missing: from a layer to the one below", "below", cut)
    for letter in letters:
        slope = f"{letter}^2" if letter in "gn" else letter
        formula = f"1 - {slope}" if letter in "gn" else f"{letter} (1 - {letter})"
        yield Mistake(f"right without a path that is missing: through gate {letter}", letter, cut)
        yield Mistake(f"right without the slope of gate {letter}, {formula}", f"slope of {letter}", without_factor)
    for order in list(permutations(range(len(letters))))[1:]:
        yield Mistake(f"right with {moved(letters, order)} in dL/dz", "gates", in_order(order))
    yield from _slopes(model, letters)


def _slopes(model: Model, letters: str) -> Iterator[Mistake]:
    """Yield mistakes in the slope of an activation, wherever it is used."""
    if model.activation == "relu":
        yield Mistake("right with relu's slope 1 everywhere: it is 0 where h = 0", "relu' is 1", cut)
    for name in ("tanh'", "sigmoid'") if letters else (f"{model.activation}'",):
        # The slope of relu is left out above, identity's is 1, and a GRU's only tanh is that of gate n.
        if name in ("tanh'", "sigmoid'") and (model.cell, name) != ("gru", "tanh'"):
            yield Mistake(f"right without {name}, the slope of every {name[:-1]}", name, without_factor)
        if name == "tanh'":
            yield Mistake("right with sigmoid's slope s (1 - s) for tanh's, 1 - s^2", name, slope_of_sigmoid)
        if name == "sigmoid'":
            yield Mistake("right with tanh's slope 1 - s^2 for sigmoid's, s (1 - s)", name, slope_of_tanh)


class Probe:
    """The gradients of one case along random directions: as they came back, and as a mistake would give them.

    One direction belongs to one array, so that a single forward pass gives the slopes along all of them.
    """

    def __init__(self, evidence: Evidence, case: Case) -> None:
        self.case = case
        self.batch = case.batch(evidence.dtype)
        rng = np.random.default_rng(0)
        right = expected_of(case.answer(evidence.dtype))
        names = [name for name in evidence.gradients if name in right]
        wrong = set(evidence.wrong)
        found = {name: evidence.value(name) if name in wrong else right[name] for name in names}
        directions = {name: rng.standard_normal((DIRECTIONS, *found[name].shape)) for name in names}
        self.along = np.concatenate([np.tensordot(directions[n], found[n], found[n].ndim) for n in names])
        norms = [max(np.linalg.norm(found[name]), np.linalg.norm(right[name])) for name in names]
        self.limits = DEVIATIONS * np.repeat(norms, DIRECTIONS) * case.bound(evidence.dtype)
        self.of_wrong = np.repeat([name in wrong for name in names], DIRECTIONS)
        self.variables = self._moved(evidence.dtype, directions)

    def explains(self, mistake: Mistake) -> bool:
        """Whether the mistake gives what came back, in every array; in every wrong one if it may be partial."""
        alike = np.abs(self.slopes(mistake) - self.along) <= self.limits
        return bool(alike[self.of_wrong].all() if mistake.partial else alike.all())

    def slopes(self, mistake: Mistake) -> np.ndarray:
        """Return what a backend with this mistake gives along every direction (K,)."""
        y = Wrong(self.case.model, mistake).outputs(self.variables)
        shares = losses(self.case.model, y, self.batch)
        slopes: np.ndarray = shares.imag.sum(axis=tuple(range(1, shares.ndim))) / STEP
        return slopes

    def _moved(self, dtype: str, directions: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return all variables with an axis of directions in front, each moved along those that are its own."""
        shape = self.case.model.states_shape(self.batch.inputs.shape)
        start = {**self.case.parameters(dtype), "inputs": self.batch.inputs}
        start |= {"states": np.zeros(shape), "cell_states": np.zeros(shape)}
        count = DIRECTIONS * len(directions)
        moved = {name: np.repeat(array[None].astype(complex), count, axis=0) for name, array in start.items()}
        for number, (name, along) in enumerate(directions.items()):
            rows = slice(DIRECTIONS * number, DIRECTIONS * (number + 1))
            if match := STATE.fullmatch(name):
                place = (int(match[2]) - 1, int(match[3])) if match[2] else (int(match[3]),)
                moved[match[1]][(rows, *place)] += 1j * STEP * along
            else:
                moved[name][rows] += 1j * STEP * along
        return moved
