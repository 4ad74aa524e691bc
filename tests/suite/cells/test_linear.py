"""Cells that are linear in their state: the step follows from the recurrence, and what is no recurrence is refused."""

import numpy as np
import pytest
from gradsuite.cells import Linear, find, installed
from gradsuite.cells.linear import times
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.oracle.forward import ACTIVATIONS, Complex
from gradsuite.parameters import initialise

LINEAR = [name for name, cell in installed().items() if isinstance(cell, Linear)]


def namespace(cell):
    return Complex(np, ACTIVATIONS, find(cell).activations[0], lambda name, value: value)


def layer(cell):
    model = Model(cell, 3, 4, readout="none")
    return model.of_layer(initialise(model, seed=1), 0, ahead=True)


def test_these_are_linear():
    assert set(LINEAR) == {"lru", "mingru", "minlstm"}


@pytest.mark.parametrize("cell", LINEAR)
def test_a_step_is_a_h_plus_b(cell):
    rng, xp, p = np.random.default_rng(0), namespace(cell), layer(cell)
    x, h = rng.standard_normal((2, 3)), tuple(rng.standard_normal((len(find(cell).states), 2, 4)))
    (a, b), after = find(cell).recurrence(xp, p, x), xp.advance(find(cell), p, x, *h)
    to_complex = (lambda parts: parts[0] + 1j * parts[1]) if len(h) > 1 else (lambda parts: parts[0])
    # A handful of products and sums, each right to 1.1e-16.
    np.testing.assert_allclose(to_complex(after), to_complex(a) * to_complex(h) + to_complex(b), rtol=1e-14)


@pytest.mark.parametrize("cell", LINEAR)
def test_the_recurrence_of_all_steps_is_that_of_each(cell):
    xp, p = namespace(cell), layer(cell)
    x = np.random.default_rng(0).standard_normal((5, 2, 3))
    together = find(cell).recurrence(xp, p, x)
    for t in range(5):
        for parts, of_step in zip(together, find(cell).recurrence(xp, p, x[t]), strict=True):
            for part, alone in zip(parts, of_step, strict=True):
                np.testing.assert_allclose(
                    np.broadcast_to(part, (5, 2, 4))[t], np.broadcast_to(alone, (2, 4)), rtol=1e-14
                )


def test_complex_numbers_are_multiplied_by_their_parts():
    a, h = 0.3 - 0.7j, -1.2 + 0.4j
    product = times((a.real, a.imag), (h.real, h.imag))
    np.testing.assert_allclose(product, ((a * h).real, (a * h).imag), rtol=1e-15)


def test_a_recurrence_without_a_part_for_each_state_is_refused():
    class Half(type(find("lru"))):
        def recurrence(self, xp, p, x):
            a, b = super().recurrence(xp, p, x)
            return a, b[:1]

    with pytest.raises(
        UserError, match=r"cell 'lru' must return a and b of its recurrence as tuples of 2 each \(h, c\)"
    ):
        Half().coefficients(namespace("lru"), layer("lru"), np.zeros((2, 3)))
