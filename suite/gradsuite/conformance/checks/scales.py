"""Tiny, huge and non-finite values: gradients keep their digits at any scale, and NaN stays NaN."""

from collections.abc import Iterator

import numpy as np

from gradsuite.backend import Batch
from gradsuite.conformance.case import Case, expected_of, named
from gradsuite.conformance.check import Check, check
from gradsuite.conformance.checks.gradients import case_of, lightened
from gradsuite.conformance.checks.laws import HIDDEN, STEPS, bare, states_of, unit_vectors, zeros
from gradsuite.conformance.finding import Finding, all_close, close, fact
from gradsuite.conformance.subject import Subject
from gradsuite.model import CELLS
from gradsuite.oracle import differentiate
from gradsuite.precision import LARGE, OVERFLOWING, PRECISE, bound


def scaled(name: str, sentence: str, sign: int) -> Check:
    """Return the check of gradients scaled from outside and of those that vanish (-1) or explode (+1) over time."""

    @check(name, sentence, dtypes=PRECISE, once=True)
    def measure(subject: Subject) -> Iterator[Finding]:
        scale = LARGE[subject.dtype] ** sign
        for cell in CELLS:
            case = case_of(cell, loss="inner_product", readout="last" if cell == "mlp" else "all")
            if subject.claims(case.model):
                yield from _linear_in_targets(subject, case, scale)
        model = bare("rnn", "identity")
        if subject.claims(model, "states"):
            # A permutation times a power of two: every product is exact, and its powers reach the scale at t = 1.
            gain = 2.0 ** round(np.log2(scale) / (STEPS - 1))
            weight = gain * np.roll(np.eye(HIDDEN), 1, axis=0)
            states = states_of(subject, model, zeros(model) | {"weight_hh_l0": weight}, unit_vectors(STEPS), "states")
            for t in range(STEPS):
                expected = np.linalg.matrix_power(weight, STEPS - 1 - t) / HIDDEN
                yield close(f"dh_T/dh_{t + 1}", states[t, 0], expected, bound(subject.dtype, STEPS))

    return measure


def _linear_in_targets(subject: Subject, case: Case, scale: float) -> Iterator[Finding]:
    """Yield findings for targets times `scale`, which multiply every gradient by `scale`."""
    batch, answer = case.batch(subject.dtype), case.answer(subject.dtype)
    arrays = subject.solve(subject.network(case), Batch(batch.inputs, batch.targets * scale))
    expected = {name: g if name == "outputs" else g * scale for name, g in subject.claimed(expected_of(answer)).items()}
    yield from all_close(f"{case}, targets times {scale:.0e}", arrays, expected, case.bound(subject.dtype))


tiny = scaled("tiny-gradients", "Gradients of 1e-30 (in float64) are right to the same relative error.", -1)
huge = scaled("huge-gradients", "Gradients of 1e+30 (in float64) are right to the same relative error.", 1)


@check("overflow", "What overflows comes back as inf or NaN: no exception is raised, and no number takes its place.")
def overflow(subject: Subject) -> Iterator[Finding]:
    """h_t = w h_(t-1) of one unit with w^2 infinite: dh_T/dh_t = 1, w, inf, inf, and inf x 0 is NaN."""
    weight = OVERFLOWING[subject.dtype]
    model, one = bare("rnn", "identity", hidden=1), np.ones((1, 1))
    if subject.claims(model, "states"):
        parameters = zeros(model) | {"weight_hh_l0": weight * one}
        arrays = subject.solve(subject.build(model, parameters), Batch(np.zeros((4, 1, 1)), one))
        for t, expected in enumerate((np.inf, np.inf, weight, 1.0)):
            yield close(f"dh_4/dh_{t + 1}", arrays[f"states[t={t + 1} layer 0]"], expected * one, 0.0)
        yield close("inf x 0 in weight_hh_l0", arrays["weight_hh_l0"], np.nan * one, 0.0)
        yield close("inf in bias_hh_l0", arrays["bias_hh_l0"], np.inf * one[0], 0.0)
    if subject.claims(model):
        parameters = zeros(model) | {"weight_hh_l0": weight * one, "weight_ih_l0": one}
        arrays = subject.solve(subject.build(model, parameters), Batch(np.ones((4, 1, 1)), one))
        yield close("outputs", arrays["outputs"], np.inf * one, 0.0)
        yield close("loss", arrays["loss"], np.array(np.inf), 0.0)


@check("nan", "NaN in one sequence comes back as NaN there and in what sums over it, and nowhere else.")
def nan(subject: Subject) -> Iterator[Finding]:
    """One NaN at t = 2 of sequence 1: its states, the loss and every parameter's gradient are NaN."""
    for cell in CELLS:
        case = lightened(subject, case_of(cell))
        if not subject.claims(case.model):
            continue
        batch, answer = case.batch(subject.dtype), case.answer(subject.dtype)
        inputs = batch.inputs.copy()
        inputs[(1, 1, 0) if case.model.recurrent else (1, 0)] = np.nan
        outputs, states, cell_states = answer.outputs.copy(), answer.states.copy(), None
        outputs[1] = states[..., 1, :] = np.nan
        if answer.cell_states is not None:
            cell_states = answer.cell_states.copy()
            cell_states[..., 1, :] = np.nan
        by_parameter = {name: np.full(g.shape, np.nan) for name, g in answer.parameters.items()}
        expected = subject.claimed(named(np.array(np.nan), outputs, by_parameter, states, cell_states))
        arrays = subject.solve(subject.network(case), Batch(inputs, batch.targets))
        yield from all_close(f"{case} with a NaN", arrays, expected, case.bound(subject.dtype))
    relu = case_of("mlp", activation="relu")
    if subject.claims(relu.model):
        batch = relu.batch(subject.dtype)
        arrays = subject.solve(subject.network(relu), Batch(np.nan * batch.inputs, batch.targets))
        yield fact("outputs of relu at NaN", bool(np.isnan(arrays["outputs"]).all()), "NaN became a number")


@check("large-logits", "Cross-entropy of logits in the thousands does not overflow.", dtypes=PRECISE, once=True)
def large_logits(subject: Subject) -> Iterator[Finding]:
    """Log-sum-exp must first subtract its largest term; each p is then 0 or 1 to all digits."""
    for cell in CELLS:
        case = case_of(cell, loss="cross_entropy", readout="last" if cell == "mlp" else "all")
        if not subject.claims(case.model):
            continue
        batch = case.batch(subject.dtype)
        parameters = case.parameters(subject.dtype)
        parameters["readout.bias"] = 4096.0 * np.arange(case.model.output_size)
        expected = subject.claimed(expected_of(differentiate(case.model, parameters, batch)))
        arrays = subject.solve(subject.build(case.model, parameters), batch)
        yield from all_close(f"{case}, logits 4096 apart", arrays, expected, case.bound(subject.dtype))


@check("saturated-gates", "Gates at +-800 are open or shut: exp does not overflow on either side.", dtypes=PRECISE)
def saturated_gates(subject: Subject) -> Iterator[Finding]:
    """Two units saturate, one on each side; the others do not change."""
    for cell, activation in (("lstm", "tanh"), ("gru", "tanh"), ("mlp", "sigmoid"), ("mlp", "tanh"), ("rnn", "tanh")):
        case = case_of(cell, activation=activation)
        if not subject.claims(case.model):
            continue
        batch = case.batch(subject.dtype)
        parameters = case.parameters(subject.dtype)
        bias = parameters["bias_ih_l0" if case.model.recurrent else "layers.0.bias"]
        bias.reshape(-1, case.model.hidden_size)[:, :2] = 800, -800
        expected = subject.claimed(expected_of(differentiate(case.model, parameters, batch)))
        arrays = subject.solve(subject.build(case.model, parameters), batch)
        yield from all_close(f"{case}, saturated", arrays, expected, case.bound(subject.dtype))


# Biases of each gate of two units, with which h ends above .99 in one and below -.99 in the other.
SATURATING = {
    "mlp": ((3.5,), (-3.5,)),
    "rnn": ((3.5,), (-3.5,)),
    "lstm": ((3.0, 3.0, 3.5, 6.0), (3.0, 3.0, -3.5, 6.0)),  # c grows by almost 1 a step
    "gru": ((0.0, -5.0, 3.5), (0.0, -5.0, -3.5)),
}


@check("saturated-states", "States beyond +-.99 let through what tanh' is there, not 0 and not more.", dtypes=PRECISE)
def saturated_states(subject: Subject) -> Iterator[Finding]:
    """The other units do not saturate: their share of every norm is as large as ever, and so is the bound."""
    for cell, biases in SATURATING.items():
        case = case_of(cell, activation="tanh")
        if subject.claims(case.model):
            batch, parameters = case.batch(subject.dtype), case.parameters(subject.dtype)
            bias = parameters["bias_ih_l0" if case.model.recurrent else "layers.0.bias"]
            bias.reshape(-1, case.model.hidden_size)[:, :2] = np.transpose(biases)
            expected = subject.claimed(expected_of(differentiate(case.model, parameters, batch)))
            arrays = subject.solve(subject.build(case.model, parameters), batch)
            yield from all_close(f"{case}, saturated states", arrays, expected, case.bound(subject.dtype))


CHECKS = (tiny, huge, overflow, nan, large_logits, saturated_gates, saturated_states)
