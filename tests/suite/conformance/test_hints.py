"""Each hint, word by word, on a fault planted in the reference; and none where there is no fault or no proof."""

import numpy as np
import pytest
from gradsuite.conformance import CHECKS, Subject, run
from gradsuite.conformance.case import Case
from gradsuite.conformance.check import Check
from gradsuite.conformance.finding import Finding, all_close, close
from gradsuite.conformance.gradients import cases
from gradsuite.conformance.hints import hint
from gradsuite.model import GATES, Model
from gradsuite.precision import rounded

from tests.mutants import arithmetic, conduct  # noqa: F401  importing them fills the table
from tests.mutants.arithmetic import after, finish
from tests.mutants.reference import Reference, ReferenceBackend
from tests.mutants.table import MUTANTS

LARGE = Case(Model("lstm", 70, 300, 20, 2), 60, 32)
BY_NAME = {check.name: check for check in CHECKS}

# Faults of the table of mutants: the check that is run, and what it says.
OF_MUTANTS = {
    # One factor.
    "1/B missing": ("gradients-lstm", "a factor of exactly B in every gradient: the mean over the batch is missing"),
    "1/T missing": ("gradients-gru", "a factor of exactly T in every gradient: the mean over time is missing"),
    "mse not averaged over outputs": (
        "gradients-lstm",
        "a factor of exactly O in every gradient: the mean over the outputs is missing "
        "(mse averages over every element)",
    ),
    "factor 2 of mse missing": (
        "gradients-mlp-tanh",
        "a factor of exactly 1/2 in every gradient: mse is (y - t)^2, so that its slope is 2 (y - t)",
    ),
    "sign flipped": ("gradients-rnn-tanh", "a factor of exactly -1 in weight_hh_l0: the sign is flipped"),
    "sign of state gradients flipped": ("gradients-gru", "a factor of exactly -1 in dL/dh: the sign is flipped"),
    "loss summed": ("gradients-lstm", "a factor of 3 in the loss"),
    "finite differences' accuracy": ("gradients-gru", "a factor of 1 + 1e-08 everywhere in every gradient"),
    # Zeros.
    "readout bias gradient missing": ("gradients-mlp-tanh", "zero everywhere: readout.bias"),
    "bias_hh gradient missing": ("gradients-lstm", "zero everywhere: bias_hh_l0"),
    "last step's state gradient missing": ("gradients-lstm", "zero everywhere: dL/dh at t = T"),
    "first step's state gradient missing": ("gradients-gru", "zero everywhere: dL/dh at t = 1"),
    "only the upper layer's state gradients": ("gradients-gru", "zero everywhere: dL/dh in layer 0"),
    "carried state missing in GRU": ("gru-without-recurrence", "zero everywhere: dL/dh before t = T"),
    # Another network.
    "forget and input gate swapped": (
        "gradients-lstm",
        "right with gates i and f swapped: the backend reads them in the order f i g o, not i f g o",
    ),
    "LSTM gates i f o g": (
        "gradients-lstm",
        "right with gates g and o swapped: the backend reads them in the order i f o g, not i f g o",
    ),
    "GRU gates z r n": (
        "gradients-gru",
        "right with gates r and z swapped: the backend reads them in the order z r n, not r z n",
    ),
    "reset gate before the product": (
        "gradients-gru",
        "right if the reset gate multiplies h before the product with W_hn (Cho et al.), not after it (PyTorch)",
    ),
    "bias left out": ("gradients-rnn-tanh", "right without any bias: they are left out"),
    "time runs backwards": ("gradients-lstm", "right for inputs reversed in time"),
    "every activation is tanh": ("gradients-mlp-sigmoid", "right for activation tanh instead of sigmoid"),
    # Another derivative.
    "gate gradients joined in another order": ("gradients-lstm", "right with gates in the order o g f i in dL/dz"),
    "forget gate missing in backward": (
        "gradients-lstm",
        "right without a factor that is missing: f in dL/dc_(t-1) = f dL/dc_t",
    ),
    "output gate's path to c missing": (
        "gradients-lstm",
        "right without a path that is missing: from h_t to c_t, through h = o tanh(c)",
    ),
    "immediate state gradients only": (
        "gradients-gru",
        "right without a path that is missing: from h_t to h_(t-1), through W_hh",
    ),
    "reset gate missing in backward": (
        "gradients-gru",
        "right without a factor that is missing: r in the gradient of W_hn h + b_hn",
    ),
    "tanh' for sigmoid'": ("gradients-lstm", "right with tanh's slope 1 - s^2 for sigmoid's, s (1 - s)"),
    "sigmoid' for tanh'": ("gradients-rnn-tanh", "right with sigmoid's slope s (1 - s) for tanh's, 1 - s^2"),
    "off by one in time": (
        "gradients-lstm",
        "right with h_t in place of h_(t-1) in dL/dW_hh = sum over t of dz_t h_(t-1)^T",
    ),
    "recurrent weight transposed": (
        "gradients-rnn-tanh",
        "right with W_hh transposed on the way from h_t to h_(t-1): it is dz W_hh",
    ),
    "relu'(0) = 1": ("relu", "relu's derivative at 0 is not 0: it is 1 where h > 0, and 0 where h = 0"),
    # Order and precision.
    "state gradients reversed in time": ("gradients-lstm", "reversed in time: dL/dh"),
    "float32 inside float64": (
        "gradients-lstm",
        "float32's precision inside float64: the numbers in every gradient are those of float32",
    ),
    "float32 on the way to the device": (
        "gradients-lstm",
        "float32's precision inside float64: the errors of everything are of the size of its rounding",
    ),
    # Only where.
    "gradients accumulate": (
        "gradients-rnn-tanh",
        "doubled on a network's second call: the call before is added to it, in every gradient",
    ),
    "one tape a network": ("tapes-apart", ""),
    "relu leaks": (
        "gradients-rnn-relu",
        "dL/dh is right at t = T and wrong from t = T-1 back: the step back from h_t to h_(t-1)",
    ),
    "state starts at one": ("gradients-lstm", "outputs are wrong already: look at forward first"),
    "cross-entropy slope without the target": (
        "gradients-gru",
        "outputs are right and the loss is not: look at the loss first; "
        "every case with loss cross_entropy fails, and no other",
    ),
}


def subject(backend=ReferenceBackend, dtype="float64"):
    return Subject(backend(), "cpu", dtype)


@pytest.mark.parametrize("name", OF_MUTANTS)
def test_hint_of_a_mutant(name):
    check, said = OF_MUTANTS[name]
    assert run(BY_NAME[check], subject(MUTANTS[name][0])).hint == said


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
        "loss and outputs are right: the fault is in backward",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_hint_of_a_planted_fault(fault):
    methods, check, said = PLANTED[fault]
    assert run(BY_NAME[check], subject(lambda: planted(**methods))).hint == said


def planted(**methods):
    network = type("Wrong", (Reference,), methods)
    return type("WrongBackend", (ReferenceBackend,), {"network": network})()


@pytest.mark.parametrize("name", [name for name in BY_NAME if name.startswith("gradients-") or name == "batch-mean"])
def test_a_right_backend_gets_no_hint(name):
    result = run(BY_NAME[name], subject())
    assert (result.verdict, result.hint, result.findings) == ("passed", "", ())


def test_half_types_are_too_coarse_for_proofs():
    """A bound of .1 or more lets a factor of 1.05 pass for any other."""
    case = cases("lstm", "tanh")[0]
    right = {"loss": np.ones(()), "outputs": np.ones(3), "weight_hh_l0": np.ones((2, 2))}
    wrong = right | {"weight_hh_l0": 3.5 * right["weight_hh_l0"]}
    found = list(all_close(str(case), wrong, right, 0.1, case=case))
    assert hint(found, "float16") == "loss and outputs are right: the fault is in backward"
    found = list(all_close(str(case), wrong, right, 1e-12, case=case))
    assert hint(found, "float64") == "a factor of 3.5 everywhere in weight_hh_l0"


def test_what_came_back_in_another_shape_is_recognised_when_transposed():
    case = cases("lstm", "tanh")[0]
    right = {"weight_ih_l0": np.arange(6.0).reshape(2, 3), "loss": np.ones(()), "outputs": np.ones(1)}
    found = list(all_close(str(case), right | {"weight_ih_l0": right["weight_ih_l0"].T}, right, 1e-12, case=case))
    assert hint(found, "float64") == "transposed: weight_ih_l0"


@pytest.mark.parametrize("bad", [np.full(3, np.nan), np.array([1.0, np.inf, 0.0]), np.ones(4), np.ones(())])
def test_what_is_no_array_of_numbers_of_the_right_shape_proves_nothing(bad):
    right = {"loss": np.ones(()), "outputs": np.ones(1), "readout.bias": np.arange(3.0)}
    case = cases("lstm", "tanh")[0]
    found = list(all_close(str(case), right | {"readout.bias": bad}, right, 1e-12, case=case))
    assert hint(found, "float64") == "loss and outputs are right: the fault is in backward"


@pytest.mark.parametrize("given", [None, LARGE], ids=["without a case", "of a large case"])
def test_of_products_with_random_directions_only_a_factor_is_recognised(given):
    """There are no arrays of the model's shapes, and a large network would take the oracle hours."""
    names = ("weight_hh_l0", "bias_ih_l0", "states[layer 0]", "states[layer 1]")
    right = {name: np.arange(1.0, 4 + k) for k, name in enumerate(names)} | {"loss": np.ones(())}
    outputs = {"outputs": np.ones((3, 2))}
    for name in names:
        found = list(all_close("x", right | outputs | {name: 1.01 * right[name]}, right | outputs, 1e-9, case=given))
        word = {"states[layer 0]": "dL/dh in layer 0", "states[layer 1]": "dL/dh in layer 1"}.get(name, name)
        assert hint(found, "float64") == f"a factor of 1.01 everywhere in {word}"
        found = list(all_close("x", right | outputs | {name: right[name] ** 2}, right | outputs, 1e-9, case=given))
        assert not hint(found, "float64").startswith(("none", "right"))
        found = list(all_close("x", right | {"outputs": np.ones((3, 2)) / 3}, right | outputs, 1e-9, case=given))
        assert not hint(found, "float64").startswith(("none", "right"))


def test_a_missing_array_has_a_hint_too():
    right = {"loss": np.ones(()), "outputs": np.ones(1), "readout.bias": np.arange(3.0)}
    given = {name: right[name] for name in ("loss", "outputs")}
    found = list(all_close("x", given, right, 1e-12, case=cases("lstm", "tanh")[0]))
    assert hint(found, "float64") == "loss and outputs are right: the fault is in backward"


def test_what_has_no_name_has_no_hint():
    assert hint([close("x", np.ones(2), np.zeros(2), 1e-12)], "float64") == ""


def test_a_single_number_is_off_by_some_factor_and_that_proves_nothing():
    right = {"loss": np.array(2.0), "outputs": np.ones(1)}
    case = cases("lstm", "tanh")[0]
    found = list(all_close(str(case), right | {"loss": np.array(2.5)}, right, 1e-12, case=case))
    assert hint(found, "float64") == "outputs are right and the loss is not: look at the loss first"


def test_a_hint_that_fails_does_not_hide_the_verdict(monkeypatch):
    def broken(findings, dtype):
        raise RuntimeError("no hint")

    monkeypatch.setattr("gradsuite.conformance.check.hint", broken)
    result = run(Check("c", "S.", lambda s: iter([Finding("x", 3.0, 2.0)])), subject())
    assert result.verdict == "failed"
    assert result.what == "x"
    assert result.hint == "none, for finding one failed: RuntimeError: no hint"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_hint_of_half_types_inside_float32(dtype):
    def halved(self, name, gradient):
        return rounded(gradient, dtype).astype(gradient.dtype)

    result = run(BY_NAME["gradients-rnn-tanh"], subject(lambda: planted(finish=halved), "float32"))
    assert result.hint == f"{dtype}'s precision inside float32: the numbers in every gradient are those of {dtype}"


def test_hint_of_tensor_cores():
    result = run(BY_NAME["gradients-lstm"], subject(lambda: planted(affine=in_tf32), "float32"))
    assert result.hint == "TF32's precision inside float32: the errors of everything are of the size of its rounding"
