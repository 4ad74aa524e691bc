"""What a check says of planted faults, one for each pattern that is recognised."""

import numpy as np
import pytest
from gradsuite.conformance import CHECKS, Subject, run
from gradsuite.conformance.case import Case
from gradsuite.model import GATES, Model
from gradsuite.precision import rounded

from tests.mutants import arithmetic, conduct  # noqa: F401  importing them fills the table
from tests.mutants.arithmetic import after, finish
from tests.mutants.reference import Reference, ReferenceBackend

LARGE = Case(Model("lstm", 70, 300, 20, 2), 60, 32)
BY_NAME = {check.name: check for check in CHECKS}


def subject(backend=ReferenceBackend, dtype="float64"):
    return Subject(backend(), "cpu", dtype)


def by_gates(change):
    """Return a `finish` that changes the blocks of rows of every gradient of the cell's parameters."""

    def method(self, name, gradient):
        if not name.startswith(("weight_", "bias_")):
            return gradient
        return np.concatenate(change(np.split(gradient, GATES[self.model.cell])))

    return method


def sums_of(*names, part):
    """Return an `add` that sums only a part of dz and x in the gradients of these kinds."""

    def add(self, gradients, weight, bias, dz, x):
        whole = {name: g.copy() for name, g in gradients.items()}
        Reference.add(self, whole, weight, bias, dz, x)
        Reference.add(self, gradients, weight, bias, *part(dz, x))
        gradients |= {name: whole[name] for name in (weight, bias) if not name.startswith(names)}

    return add


def only_last_written(self, gradients, weight, bias, dz, x):
    """The gradients of one step, in place of their sum with those before."""
    if weight != "readout.weight":
        gradients |= {name: np.zeros_like(gradients[name]) for name in (weight, bias)}
    Reference.add(self, gradients, weight, bias, dz, x)


def only_first_written(self, gradients, weight, bias, dz, x):
    if weight == "readout.weight" or not gradients[bias].any():
        Reference.add(self, gradients, weight, bias, dz, x)


def in_tf32(self, x, weight, bias):
    """An affine map whose factors keep ten bits behind the point, as in a tensor core."""

    def tf32(a):
        mantissa, exponent = np.frexp(a)
        return np.ldexp(np.round(mantissa * 2**11) / 2**11, exponent).astype(a.dtype)

    return tf32(x) @ tf32(self.parameters[weight]).T + self.parameters[bias]


def one_path_short(self, layer, dh_above, saved, gradients):
    dx, dh, dc = Reference.layer_back(self, layer, dh_above, saved, gradients)
    return 0 * dx, dh, dc


def half_the_step(self, dz, weight):
    return (dz @ weight) * np.linspace(0.5, 1.5, weight.shape[1])


def half_above(self, layer, dh_above, saved, gradients):
    dx, dh, dc = Reference.layer_back(self, layer, dh_above, saved, gradients)
    return dx * np.linspace(0.5, 1.5, dx.shape[-1]), dh, dc


def wrong_readout(self, y, targets):
    return Reference.loss_slope(self, y, targets) * np.linspace(0.5, 1.5, y.shape[-1])


PLANTED = {
    "gates of the gradients swapped": (
        {"finish": by_gates(lambda g: [g[1], g[0], *g[2:]])},
        "gradients-lstm",
        "right with gates i and f swapped, in weight_ih_l0, weight_hh_l0, bias_ih_l0 and bias_hh_l0",
    ),
    "transposed in one array": (
        {"finish": finish(lambda n, g: g.T if n == "weight_ih_l0" else None)},
        "gradients-gru",
        "transposed: weight_ih_l0",
    ),
    "transposed gate by gate": (
        {"finish": lambda s, n, g: by_gates(lambda b: [a.T for a in b])(s, n, g) if n == "weight_hh_l0" else g},
        "gradients-lstm",
        "transposed, each gate by itself: weight_hh_l0",
    ),
    "sequences of the state gradients reversed": (
        {"finish": finish(lambda n, g: g[..., ::-1, :] if n == "states" else None)},
        "gradients-lstm",
        "the sequences of the batch are in reverse order, in dL/dh",
    ),
    "sequences of the batch reversed": (
        {"read": lambda self, batch: batch.inputs[..., ::-1, :]},
        "gradients-lstm",
        "right for the sequences of the batch in reverse order",
    ),
    "1.01 in one array": (
        {"finish": finish(lambda n, g: 1.01 * g if n == "weight_hh_l0" else None)},
        "gradients-lstm",
        "a factor of 1.01 everywhere in weight_hh_l0",
    ),
    "1/B twice": (
        {"loss_slope": after("loss_slope", lambda self, d: d / d.shape[-2])},
        "gradients-lstm",
        "a factor of exactly 1/B in every gradient: the mean over the batch is taken twice",
    ),
    "bias of the first sequence": (
        {"add": sums_of("bias_ih", part=lambda dz, x: (dz[..., :1, :], x[..., :1, :]))},
        "gradients-lstm",
        "right for the first sequence alone: the sum over the batch is missing",
    ),
    "= for +=": (
        {"add": only_last_written},
        "gradients-lstm",
        "right for the first time step alone: the sum over t is missing",
    ),
    "the last step's part": (
        {"add": only_first_written},
        "gradients-gru",
        "right for the last time step alone: the sum over t is missing",
    ),
    "layers apart": (
        {"layer_back": one_path_short},
        "gradients-lstm",
        "right without a path that is missing: from a layer to the one below",
    ),
    "a wrong step back": (
        {"through_recurrence": half_the_step},
        "gradients-lstm",
        "dL/dh is right at t = T and wrong from t = T-1 back: the step back from h_t to h_(t-1)",
    ),
    "a wrong way to the layer below": (
        {"layer_back": half_above},
        "gradients-gru",
        "dL/dh is right in the top layer and wrong below it: what a layer sends to the one below",
    ),
    "a wrong slope of the loss": (
        {"loss_slope": wrong_readout},
        "gradients-lstm",
        "dL/dh is wrong at t = T already: the slope of the loss, or the readout's W^T",
    ),
    "a wrong sum": (
        {"recurrent_input": lambda self, before, after: before**2},
        "gradients-lstm",
        "dL/dh is right at every step: the fault is in the product of dz_t with h_(t-1), in weight_hh_l0",
    ),
    "1 at relu's kink": (
        {"relu_slope": lambda self, h: (h > 0) | (not h.any())},
        "relu",
        "relu's derivative at 0 is not 0: it is 1 where h > 0, and 0 where h = 0",
    ),
    "relu's slope everywhere 1": (
        {"relu_slope": lambda self, h: h >= 0},
        "gradients-rnn-relu",
        "right with relu's slope 1 everywhere: it is 0 where h = 0",
    ),
    "no hint but the side": (
        {"finish": lambda self, n, g: g * np.linspace(1, 2, g.size).reshape(g.shape)},
        "gradients-mlp-tanh",
        "loss and outputs are right: the fault is in backward; every case with B > 1 fails, and no other",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_hint_of_a_planted_fault(fault):
    methods, check, said = PLANTED[fault]
    assert run(BY_NAME[check], subject(lambda: planted(**methods))).hint == said


def planted(**methods):
    network = type("Wrong", (Reference,), methods)
    return type("WrongBackend", (ReferenceBackend,), {"network": network})()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_hint_of_half_types_inside_float32(dtype):
    def halved(self, name, gradient):
        return rounded(gradient, dtype).astype(gradient.dtype)

    result = run(BY_NAME["gradients-rnn-tanh"], subject(lambda: planted(finish=halved), "float32"))
    assert result.hint == f"{dtype}'s precision inside float32: the numbers in every gradient are those of {dtype}"


def test_hint_of_tensor_cores():
    result = run(BY_NAME["gradients-rnn-tanh"], subject(lambda: planted(affine=in_tf32), "float32"))
    assert result.hint == "TF32's precision inside float32: the errors of everything are of the size of its rounding"
