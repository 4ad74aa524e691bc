"""JAX networks: gradients by the carry of each step, held to a loop that takes them one by one."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")

import jax.numpy as jnp  # noqa: E402
from gradsuite.diagnosis.call import find_patients  # noqa: E402
from gradsuite.diagnosis.patient import Question  # noqa: E402
from gradsuite.errors import UserError  # noqa: E402
from gradsuite.plugins import load  # noqa: E402

STEPS, SIZE, INPUTS, UNITS = 7, 3, 2, 4
# Of float32: sums of some ten products, over seven steps.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def plugins():
    return load()


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def step(params, carry, x):
    h = jnp.tanh(x @ params["w"] + carry @ params["u"])
    return h, h @ params["v"]


PARAMS = {"w": draw(INPUTS, UNITS), "u": draw(UNITS, UNITS, seed=1), "v": draw(UNITS, 1, seed=2)}
START = jnp.zeros((SIZE, UNITS))
BOTH = {"params": PARAMS, "carry": START}


def carries(plugins, network, batch, loss, **more):
    return find_patients(Question(network, batch, loss, title="net", **more), plugins)


def test_a_step_with_an_explicit_carry(plugins):
    """The reference begins anew at each step: the loss as a function of the carry that is handed on there."""
    x, target = draw(STEPS, SIZE, INPUTS, seed=3), draw(STEPS, SIZE, 1, seed=4)
    (found,) = carries(plugins, step, (x, target), "mse", **BOTH)

    def from_carry(h, begin):
        """The part of the loss that depends on the carry after step `begin`: what is put out from there on."""
        outputs = []
        for now in range(begin + 1, STEPS):
            h, y = step(PARAMS, h, x[now])
            outputs.append(y - target[now])
        return jnp.square(jnp.stack(outputs)).sum() / target.size if outputs else 0.0 * h.sum()

    h, wanted, states = START, [], []
    for now in range(STEPS):
        h, _ = step(PARAMS, h, x[now])
        states.append(np.linalg.norm(h, axis=-1))
        wanted.append(np.linalg.norm(jax.grad(from_carry)(h, now), axis=-1))
    assert found.axis == "time step"
    assert found.places == tuple(map(str, range(STEPS)))
    np.testing.assert_allclose(found.states, states, rtol=TOLERANCE)
    np.testing.assert_allclose(found.gradients, wanted, rtol=TOLERANCE, atol=1e-8)
    assert found.trouble is None
    assert (found.dtype, len(found.losses)) == ("float32", 1)


def test_what_is_put_out_of_the_carry_counts(plugins):
    """A step that puts its carry out: the gradient by it is by both, as by a hidden state."""

    def plain(params, h, x):
        h = jnp.tanh(x @ params["w"] + h @ params["u"])
        return h, h

    x = draw(STEPS, SIZE, INPUTS, seed=3)
    (found,) = carries(plugins, plain, x, lambda y, batch: y[-1].sum(), **BOTH)
    np.testing.assert_allclose(found.gradients[-1], np.full(SIZE, UNITS**0.5), rtol=TOLERANCE)
    assert (found.gradients[0] > 0).all()


class Net(nnx.Module):
    def __init__(self, cell, **options):
        rngs = nnx.Rngs(0)
        self.rnn = nnx.RNN(cell(INPUTS, UNITS, rngs=rngs), rngs=rngs, **options)
        self.head = nnx.Linear(UNITS, 1, rngs=rngs)

    def __call__(self, x):
        return self.head(self.rnn(x))


@pytest.mark.parametrize("cell", [nnx.SimpleCell, nnx.GRUCell, nnx.LSTMCell, nnx.OptimizedLSTMCell])
def test_a_flax_module_is_seen_step_by_step(plugins, cell):
    """Against the cell called in a loop, with the gradient by the whole carry of each step."""
    module = Net(cell)
    x, target = draw(SIZE, STEPS, INPUTS, seed=3), draw(SIZE, STEPS, 1, seed=4)
    before = jax.tree.map(np.asarray, nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.RngKey))))
    (found,) = carries(plugins, module, (x, target), "mse")
    assert found.title == "rnn of net"
    jax.tree.map(np.testing.assert_array_equal, before, nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.RngKey))))
    assert type(module.rnn) is nnx.RNN

    def loss(nudges):
        carry = module.rnn.cell.initialize_carry((SIZE, INPUTS), nnx.Rngs(0).carry)
        total = 0.0
        for now in range(STEPS):
            carry, y = module.rnn.cell(carry, x[:, now])
            moved = jax.tree.map(jnp.add, carry, nudges[now])
            y = next(b for a, b in zip(jax.tree.leaves(carry), jax.tree.leaves(moved), strict=True) if a is y)
            carry = moved
            total += jnp.square(module.head(y) - target[:, now]).sum()
        return total / target.size

    shape = module.rnn.cell.initialize_carry((SIZE, INPUTS), nnx.Rngs(0).carry)
    wanted = jax.grad(loss)([jax.tree.map(jnp.zeros_like, shape)] * STEPS)
    for now, one in enumerate(wanted):
        norms = np.sqrt(sum(np.square(np.asarray(leaf)).sum(-1) for leaf in jax.tree.leaves(one)))
        np.testing.assert_allclose(found.gradients[now], norms, rtol=TOLERANCE)


@pytest.mark.parametrize("options", [{"reverse": True, "keep_order": True}, {"reverse": True}])
def test_a_reversed_flax_module_vanishes_forward(plugins, options):
    """Its first step is the last in time: what the loss reads of it last is step 0."""
    (found,) = carries(plugins, Net(nnx.GRUCell, **options), draw(SIZE, STEPS, INPUTS), lambda y, batch: y.sum())
    assert found.gradients.shape == (STEPS, SIZE)
    assert np.isfinite(found.gradients).all()


def test_trouble_in_jax(plugins):
    x = draw(STEPS, SIZE, INPUTS, seed=3)

    def asked(batch, loss):
        return carries(plugins, step, batch, loss, **BOTH)[0].trouble

    broken = asked(x.at[4, 1, 0].set(jnp.nan), lambda y, batch: y.sum())
    assert (broken.stage, broken.step) == ("data", 4)
    mask = jnp.ones((STEPS, 1, 1)).at[5].set(0.0)
    found = asked(x, lambda y, batch: -jnp.log(jax.nn.sigmoid(y) * mask).mean())
    assert (found.stage, found.step) == ("loss", 5)
    found = asked(x, lambda y, batch: jnp.sqrt(jnp.square(y) * mask).mean())
    assert (found.stage, found.step) == ("backward", 5)
    assert asked(x, lambda y, batch: y.sum()) is None


@pytest.mark.parametrize(
    ("network", "batch", "more", "said"),
    [
        (step, (draw(STEPS, SIZE, INPUTS), draw(1)), {"params": PARAMS}, "needs both: params and its first carry"),
        (step, (draw(STEPS, SIZE, INPUTS), draw(1)), BOTH, "needs targets of their shape"),
        (step, draw(STEPS, SIZE, INPUTS), BOTH, "needs a target"),
        (step, (draw(STEPS, SIZE, 9), draw(1)), BOTH, "cannot be computed on this batch"),
        (nnx.Linear(2, 3, rngs=nnx.Rngs(0)), (draw(3, 2), draw(3, 3)), {}, "has no flax.nnx.RNN"),
    ],
)
def test_what_cannot_be_computed_is_one_line(plugins, network, batch, more, said):
    with pytest.raises(UserError, match=said) as raised:
        carries(plugins, network, batch, "mse", **more)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) <= 300
