"""What a step may do with its states: anything that would make a gradient zero without a word is refused."""

from types import MappingProxyType

import numpy as np
import pytest
from gradsuite.backend import Batch
from gradsuite.cells import RNN, find, installed
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.oracle import differentiate
from gradsuite.parameters import initialise
from gradsuite.plugins import Plugins, hookspecs


def cell(step, *names):
    """Return a cell with the parameters of rnn, and this step."""
    return type("Mine", (RNN,), {"name": "mine", "states": names or ("h",), "step": step})()


@pytest.fixture
def answer(monkeypatch):
    """Return a function that differentiates a network of a cell that no plugin has."""

    def answer(one):
        with_mine = MappingProxyType({**installed(), "mine": one})
        monkeypatch.setattr("gradsuite.cells.installed", lambda: with_mine)
        model = Model("mine", 2, 3, 1)
        return differentiate(model, initialise(model), Batch(np.ones((4, 5, 2)), np.zeros((5, 1))))

    return answer


def new(self, xp, p, x, h):
    return xp.tanh(xp.linear(x, p.weight_ih, p.bias_ih) + xp.linear(h, p.weight_hh, p.bias_hh))


def sound(self, xp, p, x, h):
    return (xp.state("h", new(self, xp, p, x, h)),)


def unmarked(self, xp, p, x, h):
    return (new(self, xp, p, x, h),)


def marked_aside(self, xp, p, x, h):
    h = new(self, xp, p, x, h)
    xp.state("h", h)
    return (h,)


def changed_after(self, xp, p, x, h):
    return (2 * xp.state("h", new(self, xp, p, x, h)),)


def second_unmarked(self, xp, p, x, h, c):
    return (*sound(self, xp, p, x, h), c)


def twice(self, xp, p, x, h):
    return (xp.state("h", xp.state("h", new(self, xp, p, x, h))),)


def misnamed(self, xp, p, x, h):
    return (xp.state("g", new(self, xp, p, x, h)),)


def too_many(self, xp, p, x, h):
    return (*sound(self, xp, p, x, h), h)


def too_few(self, xp, p, x, h, c):
    return sound(self, xp, p, x, h)


def test_a_sound_step_has_gradients_by_its_states(answer):
    assert answer(cell(sound)).states.any(axis=(-1, -2)).all()


@pytest.mark.parametrize(
    ("step", "names", "message"),
    [
        (unmarked, ("h",), r"cell 'mine' must return its state 'h' as xp.state\('h', ...\) gave it"),
        (marked_aside, ("h",), r"cell 'mine' must return its state 'h' as xp.state\('h', ...\) gave it"),
        (changed_after, ("h",), r"cell 'mine' must return its state 'h' as xp.state\('h', ...\) gave it"),
        (second_unmarked, ("h", "c"), r"cell 'mine' must return its state 'c' as xp.state\('c', ...\) gave it"),
        (twice, ("h",), "cell 'mine' must give its state 'h' to xp.state once a step, not twice"),
        (misnamed, ("h",), r"unknown state of cell mine 'g' \(allowed: h\)"),
        (too_many, ("h",), r"the states that a step of cell 'mine' returns must be 1 \(h\), not 2"),
        (too_few, ("h", "c"), r"the states that a step of cell 'mine' returns must be 2 \(h, c\), not 1"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_step_whose_state_gradients_would_be_wrong_is_refused(answer, step, names, message):
    with pytest.raises(UserError, match=message) as caught:
        answer(cell(step, *names))
    assert "\n" not in str(caught.value)


def test_a_misspelled_cell_is_told_the_nearest():
    with pytest.raises(UserError, match="unknown cell 'lrx'; did you mean 'lru'") as caught:
        find("lrx")
    assert all(name in str(caught.value) for name in installed())
    with pytest.raises(UserError, match="did you mean 'peephole'"):
        Model("peephol", 2, 3, 1)


def test_a_plugin_registers_a_cell():
    class Mine:
        @hookspecs.hookimpl
        def register_cells(self, register):
            register(type(cell(sound)))

    (registered,) = Plugins({"one": Mine()}).get_all("cell")
    assert registered.name == "mine"


@pytest.mark.parametrize("name", installed())
def test_every_cell_says_what_it_is(name):
    one = find(name)
    assert one.name == name
    assert one.source
    assert 1 <= len(one.states) <= 2
    assert set(one.activations) <= {"tanh", "relu", "sigmoid", "identity"}
    assert type(one).__doc__
    assert one.parameters(2, 3).keys() == one.parameters(3, 3).keys()
