"""What a check says of each wrong backend of the table of mutants."""

import pytest
from gradsuite.conformance import CHECKS, Subject, run
from gradsuite.conformance.case import Case
from gradsuite.model import Model

from tests.mutants import arithmetic, conduct  # noqa: F401  importing them fills the table
from tests.mutants.reference import ReferenceBackend
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
