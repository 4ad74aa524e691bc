"""The program of one step, repeated: against autograd through every step, and steps that have none."""

from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
from gradsuite.cells import RNN, Linear, installed
from gradsuite.conformance import CHECKS, Subject, run
from gradsuite.model import Model
from gradsuite.parameters import initialise
from hypothesis import given
from hypothesis import strategies as st

from tests.plugins.passes import random_batch, stack
from tests.plugins.sequences import assert_right, equipped, expected, one_pass, problems

torch = pytest.importorskip("torch")

from gradsuite_torch import autodiff, program, steps  # noqa: E402
from gradsuite_torch.autodiff import Autodiff  # noqa: E402
from gradsuite_torch.backend import TorchBackend  # noqa: E402
from gradsuite_torch.recorder import Recorder, Unrepeatable, behind, constant, function_of  # noqa: E402

from tests.mutants.steps import MUTANTS  # noqa: E402

BY_NAME = {check.name: check for check in CHECKS}
CELLS = [name for name, cell in installed().items() if cell.recurrent]


class Equations(TorchBackend):
    """The torch backend with every cell by its equations, step by step."""

    def build(self, model, parameters, *, device="cpu", dtype, schedule):
        on_device = {name: torch.tensor(p, dtype=getattr(torch, dtype)) for name, p in parameters.items()}
        return Autodiff(model, on_device, device=device, dtype=dtype, scan="loop")


class Branching(RNN):
    """What it does depends on the numbers."""

    name = "branching"

    def step(self, xp, p, x, h):
        z = xp.linear(x, p.weight_ih, p.bias_ih) + xp.linear(h, p.weight_hh, p.bias_hh)
        return (xp.state("h", xp.tanh(z) if bool(z[0, 0] > 0) else xp.tanh(2 * z)),)


class Overwriting(RNN):
    """It changes what it has computed."""

    name = "overwriting"

    def step(self, xp, p, x, h):
        z = xp.linear(x, p.weight_ih, p.bias_ih)
        z = z + xp.linear(h, p.weight_hh, p.bias_hh)
        z *= 2
        return (xp.state("h", xp.tanh(z)),)


class FromElsewhere(RNN):
    """It reads a tensor that is no input of the step."""

    name = "from-elsewhere"
    factor = torch.tensor(2.0, dtype=torch.float64)

    def step(self, xp, p, x, h):
        z = xp.linear(x, p.weight_ih, p.bias_ih) + xp.linear(h, p.weight_hh, p.bias_hh)
        return (xp.state("h", xp.tanh(z * self.factor)),)


class Forgetful(RNN):
    """Its state depends on no state before."""

    name = "forgetful"

    def step(self, xp, p, x, h):
        return (xp.state("h", xp.tanh(xp.linear(x, p.weight_ih, p.bias_ih) * xp.linear(x, p.weight_hh, p.bias_hh))),)


def program_of_cell(cell, *, padded=False):
    p = {name: torch.full(one.shape, 0.1, dtype=torch.float64) for name, one in cell.parameters(3, 3).items()}
    x = torch.zeros(4, 3, dtype=torch.float64)
    return program.program_of(cell, cell.activations[0], SimpleNamespace(**p), x, [x] * len(cell.states), padded=padded)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_has_a_program(cell, padded):
    assert program_of_cell(installed()[cell], padded=padded) is not None


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("features", [(), ("lengths",), ("state", "lengths", "masks")])
def test_repeated_it_gives_what_autograd_gives_through_every_step(cell, features):
    for readout, bidirectional in (("all", False), ("last", True)):
        activation = installed()[cell].activations[0]
        model = Model(cell, 3, 4, 2, 2, activation, readout, "mse", bidirectional=bidirectional)
        parameters, batch = initialise(model, seed=5), equipped(model, random_batch(model, 9, 4), features)
        repeated = one_pass(Equations(), model, parameters, batch)
        with patch.object(autodiff, "program_of", return_value=None), patch.object(steps, "run", None):
            by_autograd = one_pass(Equations(), model, parameters, batch)
        # The same operations on the same numbers; weights' gradients of nine steps are added in another order.
        assert_right(repeated, by_autograd, 1e-14)


@pytest.mark.parametrize("cell", CELLS)
def test_a_stack_is_its_networks_one_by_one(cell):
    model = Model(cell, 3, 4, 2, 2, installed()[cell].activations[0], "all")
    members, batch = [initialise(model, seed=seed) for seed in range(3)], random_batch(model, 6, 2)
    with patch.object(Autodiff, "by_loop", None):
        together = one_pass(Equations(), model, stack(members), batch)
    for s, member in enumerate(members):
        assert_right({name: array[s] for name, array in together.items()}, expected(model, member, batch))


@given(problems())
def test_cells_written_by_hand_elsewhere_are_the_oracles(problem):
    model, parameters, batch = problem
    with patch.object(Autodiff, "by_loop", None):  # all by programs
        assert_right(one_pass(Equations(), model, parameters, batch), expected(model, parameters, batch))


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_repetition_is_caught(name):
    where, what, wrong, caught_by = MUTANTS[name]
    subject = Subject(TorchBackend(), "cpu", "float64")
    assert run(BY_NAME[caught_by], subject).verdict == "passed"
    with patch.object(where, what, wrong):
        result = run(BY_NAME[caught_by], subject)
    assert result.verdict == "failed"
    assert not result.traceback  # a wrong number, not an exception


@pytest.mark.parametrize("cell", [Branching(), Overwriting(), FromElsewhere()], ids=lambda cell: cell.name)
def test_a_step_that_may_do_something_else_each_time_has_none(cell):
    assert program_of_cell(cell) is None


def test_a_step_without_a_program_is_differentiated_each_time(monkeypatch):
    """Against autograd of the equations, written out here: of the nine steps some go either way."""
    everything = installed()
    monkeypatch.setattr("gradsuite.cells.installed", lambda: {**everything, "branching": Branching()})
    model = Model("branching", 3, 4, 0, readout="none", loss="inner_product")
    parameters, batch = initialise(model, seed=1), random_batch(model, 9, 4)
    found = one_pass(Equations(), model, parameters, batch)
    p = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    h, ways = torch.zeros(4, 4, dtype=torch.float64), set()
    for x in torch.tensor(batch.inputs):
        z = x @ p["weight_ih_l0"].T + p["bias_ih_l0"] + h @ p["weight_hh_l0"].T + p["bias_hh_l0"]
        ways.add(bool(z[0, 0] > 0))
        h = torch.tanh(z if bool(z[0, 0] > 0) else 2 * z)
    assert ways == {True, False}
    for name, gradient in zip(p, torch.autograd.grad(h, [*p.values()], torch.tensor(batch.targets)), strict=True):
        np.testing.assert_allclose(found[name], gradient.numpy() / 4, rtol=1e-12, atol=1e-14)


def test_a_state_that_depends_on_none_before_has_no_gradient_further_back(monkeypatch):
    everything = installed()
    monkeypatch.setattr("gradsuite.cells.installed", lambda: {**everything, "forgetful": Forgetful()})
    model = Model("forgetful", 4, 4, 2, readout="last")
    parameters, batch = initialise(model, seed=1), random_batch(model, 5, 3)
    found = one_pass(Equations(), model, parameters, batch)
    assert_right(found, expected(model, parameters, batch))
    assert not found["states"][:-1].any()
    assert found["states"][-1].all()


def test_networks_of_other_shapes_have_programs_of_their_own():
    model = Model("lru", 3, 4, 2)
    network = Equations().build(model, initialise(model), dtype="float64", schedule=None)
    for size in (2, 5, 2):
        for features in ((), ("lengths",)):
            batch = equipped(model, random_batch(model, 6, size), features)
            network.backward(network.forward(network.put(batch)))
    assert len(network._programs) == 4
    assert isinstance(network.cell, Linear)


def test_half_types_are_repeated_too():
    """States and their gradients are autograd's to the bit; weights' are sums of six steps in another order."""
    model = Model("ln-lstm", 3, 4, 2)
    parameters, batch = initialise(model), random_batch(model, 6, 3)
    with patch.object(Autodiff, "by_loop", None):
        found = one_pass(Equations(), model, parameters, batch, dtype="bfloat16")
    with patch.object(autodiff, "program_of", return_value=None):
        by_autograd = one_pass(Equations(), model, parameters, batch, dtype="bfloat16")
    for name, array in by_autograd.items():
        # Either side rounds seven sums, each about as large as the last one, by 2^-8 of it at most.
        bound = 2 * 7 * 2**-8 * abs(array).max() if name in parameters else 0
        assert abs(found[name] - array).max() <= bound, name


NUMBERS = st.lists(st.floats(-2, 2), min_size=3, max_size=3)


@given(NUMBERS, NUMBERS)
def test_what_is_recorded_is_computed_for_any_numbers(weights, numbers):
    """Gradients of sum exp(w x) + sum x^2 by w and x, in closed form."""
    leaves = [torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64, requires_grad=True) for _ in range(2)]
    recorder = Recorder()
    nodes = recorder.take(leaves)
    with recorder:
        w, x = leaves
        energy = torch.exp(w * x).sum() + (x * x).sum()
    by_energy = torch.ones((), dtype=torch.float64)
    (by_energy_node,) = recorder.take([by_energy])
    with recorder:
        wanted = recorder.nodes(torch.autograd.grad(energy, leaves, by_energy))
    w, x = (torch.tensor(each, dtype=torch.float64) for each in (weights, numbers))
    by_w, by_x = function_of([*nodes, by_energy_node], wanted)(w, x, by_energy)
    torch.testing.assert_close(by_w, x * torch.exp(w * x), rtol=1e-14, atol=0)
    torch.testing.assert_close(by_x, w * torch.exp(w * x) + 2 * x, rtol=1e-13, atol=1e-15)


def test_of_what_is_recorded_only_what_is_wanted_is_computed():
    one, other = torch.ones(2), torch.ones(2)
    recorder = Recorder()
    nodes = recorder.take([one, other])
    with recorder:
        doubled = one * 2
        wanted = doubled + 1
        recorder_only = other.exp().sum() + doubled.sum()
    assert recorder_only.item() == pytest.approx(2 * np.e + 4)
    between, ends = behind(recorder.nodes([wanted]), nodes)
    assert ends == nodes[:1]
    assert [node.target for node in between] == [torch.mul, torch.add]
    assert recorder.node(doubled) in constant(recorder.graph, nodes[1:])
    assert recorder.node(recorder_only) not in constant(recorder.graph, nodes[1:])


def test_a_tensor_that_is_not_known_is_refused():
    recorder = Recorder()
    recorder.take([torch.ones(2)])
    unknown = torch.ones(2)
    with recorder, pytest.raises(Unrepeatable, match="no input"):
        unknown.exp()
