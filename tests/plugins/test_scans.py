"""Linear recurrences by every scan: any number of steps, in a stack, with lengths, states, masks and directions."""

from dataclasses import replace

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.cells import Linear, installed
from gradsuite.conformance.case import Case, expected_of
from gradsuite.conformance.checks.sequences import in_padding
from gradsuite.conformance.finding import all_close
from gradsuite.conformance.subject import Subject
from gradsuite.errors import Unsupported, UserError
from gradsuite.model import Model
from gradsuite.parameters import initialise
from gradsuite.schedule import SCANS, Schedule
from gradsuite.worker.loading import load_backend

from tests.plugins.conftest import load
from tests.plugins.passes import TOLERANCE, assert_same, oracle, random_batch, run, stack

LINEAR = [name for name, cell in installed().items() if isinstance(cell, Linear)]
EXTRAS = {
    "lengths": {"lengths": (4, 6, 1, 3)},
    "state": {"carried": True},
    "masks": {"masks": 6},
    "all": {"lengths": (4, 6, 1, 3), "carried": True, "masks": 6},
}


def model_of(cell, **changes):
    return replace(Model(cell, 3, 4, 2, readout="all"), **changes)


@pytest.fixture(scope="module", params=["numpy", "torch"])
def eager(request):
    return load(request.param)


@pytest.fixture(scope="module", params=["torch", "jax"])
def scanning(request):
    return load(request.param)


@pytest.mark.parametrize("kind", SCANS)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 9, 31])
def test_any_number_of_steps(eager, kind, steps):
    for cell in LINEAR:
        model = model_of(cell)
        parameters, batch = initialise(model, seed=1), random_batch(model, steps, 3)
        found = run(eager, model, parameters, batch, schedule=Schedule(scan=kind))
        assert_same(found, oracle(model, parameters, batch))


@pytest.mark.parametrize("kind", ["serial", "parallel"])
def test_two_layers_of_which_the_last_step_is_read(scanning, kind):
    model = model_of("lru", num_layers=2, readout="last")
    parameters, batch = initialise(model, seed=1), random_batch(model, 7, 3)
    found = run(scanning, model, parameters, batch, schedule=Schedule(scan=kind))
    assert_same(found, oracle(model, parameters, batch))


@pytest.mark.parametrize("cell", ["lru", "mingru"])
@pytest.mark.parametrize("apart", [True, False])
def test_a_stack_is_its_networks_one_by_one(eager, cell, apart):
    model = model_of(cell)
    members = [initialise(model, seed=seed) for seed in range(3)]
    batches = [random_batch(model, 11, 3, seed if apart else 0) for seed in range(3)]
    together = Batch(*(np.stack([getattr(b, part) for b in batches]) for part in ("inputs", "targets")))
    for kind in ("serial", "parallel"):
        found = run(eager, model, stack(members), together if apart else batches[0], schedule=Schedule(scan=kind))
        for s, (member, batch) in enumerate(zip(members, batches, strict=True)):
            assert_same({name: array[s] for name, array in found.items()}, oracle(model, member, batch))


def assert_right(backend, model, kind, **extras):
    case, subject = Case(model, 6, 4, **extras), Subject(backend, "cpu", "float64")
    found = subject.find(case, Schedule(scan=kind))
    findings = [*all_close(str(case), found, expected_of(case.answer("float64")), TOLERANCE), *in_padding(case, found)]
    assert len(findings) >= 10
    assert not [str(finding) for finding in findings if not finding.error <= finding.bound]


@pytest.mark.parametrize("kind", SCANS)
@pytest.mark.parametrize("extras", EXTRAS)
@pytest.mark.parametrize("readout", ["last", "all"])
def test_they_take_whatever_a_batch_has(eager, kind, extras, readout):
    for cell in ("lru", "mingru"):
        for both in (False, True):
            model = model_of(cell, num_layers=2, loss="cross_entropy", readout=readout, bidirectional=both)
            assert_right(eager, model, kind, **EXTRAS[extras])


@pytest.mark.parametrize("kind", SCANS)
@pytest.mark.parametrize("readout", ["last", "all"])
def test_jax_takes_whatever_a_batch_has(kind, readout):
    model = model_of("lru", num_layers=2, loss="cross_entropy", readout=readout, bidirectional=True)
    assert_right(load("jax"), model, kind, **EXTRAS["all"])


@pytest.mark.parametrize(
    ("cell", "readout", "steps", "size"),
    [("lru", "last", 20, 64), ("lru", "all", 20, 64), ("minlstm", "last", 20, 64), ("minlstm", "all", 3, 513)],
)
def test_stretches_of_jax_are_the_loop(cell, readout, steps, size):
    """Many numbers a step: a serial scan cuts its steps into stretches, the first of them shorter, and recomputes.

    A step of 513 sequences has more numbers than a stretch is to have, and is one.
    """
    backend = load("jax")
    from gradsuite_jax.linear import NUMBERS

    model = model_of(cell, hidden_size=256, loss="cross_entropy", readout=readout, bidirectional=True)
    in_stretch = NUMBERS // (size * model.hidden_size)
    assert in_stretch < steps
    assert not in_stretch or steps % in_stretch
    lengths = tuple(1 + 7 * n % steps for n in range(size))
    case = Case(model, steps, size, lengths=lengths, carried=True, masks=steps)
    by = {kind: Subject(backend, "cpu", "float64").find(case, Schedule(scan=kind)) for kind in ("loop", "serial")}
    findings = [*all_close(str(case), by["serial"], by["loop"], TOLERANCE)]
    assert len(findings) >= 10
    assert not [str(finding) for finding in findings if not finding.error <= finding.bound]


@pytest.mark.parametrize("cell", ["peephole", "ln-rnn"])
def test_so_do_cells_that_no_scan_computes(scanning, cell):
    model = model_of(cell, input_size=4, num_layers=2, loss="cross_entropy", bidirectional=True)
    assert_right(scanning, model, None, **EXTRAS["all"])


def test_masks_are_for_cells_without_time_too(scanning):
    assert_right(scanning, Model("residual", 4, 4, 2, 2, activation="tanh"), None, masks=1)


def test_without_a_scan_a_backend_takes_the_fastest(monkeypatch):
    torch = load("torch")
    from gradsuite_torch import recurrence

    taken = []
    for kind, kernel in recurrence.KERNELS.items():

        def noted(*args, _kind=kind, _kernel=kernel, **options):
            taken.append(_kind)
            return _kernel(*args, **options)

        monkeypatch.setattr(recurrence, "KERNELS", recurrence.KERNELS | {kind: noted})
    for steps, kind in ((recurrence.MANY_STEPS - 1, "serial"), (recurrence.MANY_STEPS, "parallel")):
        taken.clear()
        model = model_of("mingru")
        run(torch, model, initialise(model), random_batch(model, steps, 2))
        assert taken == [kind, kind]
    assert recurrence.fastest(1000, recurrence.FEW_NUMBERS + 1) == "serial"
    assert recurrence.fastest(1000, recurrence.FEW_NUMBERS + 1, "cuda") == "parallel"


@pytest.mark.parametrize("cell", LINEAR)
def test_numpy_splits_the_backward_pass_too(cell):
    numpy, model = load("numpy"), model_of(cell, num_layers=2)
    parameters, batch = initialise(model, seed=1), random_batch(model, 19, 3)
    found = run(numpy, model, parameters, batch, schedule=Schedule(checkpoint=4))
    assert_same(found, oracle(model, parameters, batch))
    found = run(numpy, model, parameters, batch, schedule=Schedule(truncation=(3, 7)))
    assert_same(found, oracle(model, parameters, batch, truncation=(3, 7)))


@pytest.mark.parametrize("cell", LINEAR)
def test_numpy_stays_finite_in_float16(cell):
    model = model_of(cell)
    network = load("numpy").build(model, initialise(model), dtype="float16")
    gradients = network.fetch_gradients(network.backward(network.forward(network.put(random_batch(model, 40, 3)))))
    for array in gradients.parameters.values():
        assert array.dtype == np.float16
        assert np.isfinite(array).all()


def test_what_a_scan_cannot_do_is_refused_in_one_line(scanning):
    model = model_of("peephole")
    with pytest.raises(UserError, match=r"^scan is for cells that are linear in their state, not for peephole$"):
        scanning.build(model, initialise(model), schedule=Schedule(scan="serial"))


def test_a_backend_without_scans_refuses_them():
    pytest.importorskip("torch")
    peer, model = load_backend("torch-autograd"), model_of("lru")
    with pytest.raises(Unsupported, match=r"torch-autograd has no feature 'scan'"):
        peer.build(model, initialise(model), dtype="float64", schedule=Schedule(scan="serial"))
