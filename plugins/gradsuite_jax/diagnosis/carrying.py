"""A function with an explicit carry, `step(params, carry, x) -> (carry, y)`, over the steps of a batch."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from gradsuite.diagnosis.patient import Question, Traced
from gradsuite.errors import UserError, one_line
from jax import Array, lax

from gradsuite_jax.diagnosis.asking import given_of, loss_of
from gradsuite_jax.diagnosis.norms import Seen, traced
from gradsuite_jax.diagnosis.nudging import inexact, nudged
from gradsuite_jax.diagnosis.trouble import find_trouble


def patients(question: Question) -> Sequence[Traced]:
    """Return the carry of a step as traced: gradients are by what each step hands on, and puts out of it.

    Inputs are (T, B, ...); the loss is of all outputs, with the steps in front. Raises UserError for what cannot be
    computed.
    """
    seen = []
    for batch in question.batches():
        try:
            seen.append(_look(question, batch))
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{question.title} cannot be computed on this batch: {one_line(error)[:180]}") from error
    return [traced(f"carry of {question.title}", seen)]


def _look(question: Question, batch: Any) -> Seen:
    inputs = jax.tree.map(jnp.asarray, given_of(batch, question)[0])
    steps = len(jax.tree.leaves(inputs)[0])
    carry = jax.tree.map(jnp.asarray, question.carry)
    nudges = [jnp.zeros((steps, *leaf.shape), leaf.dtype) for leaf in inexact(carry)]

    def unrolled(params: Any, nudges: list[Array]) -> tuple[Any, list[Array]]:
        def step(carry: Any, at: Any) -> Any:
            x, nudge = at
            carry, y = question.network(params, carry, x)
            carry, y = nudged(carry, y, nudge)
            return carry, (y, inexact(carry))

        return lax.scan(step, carry, (inputs, nudges))[1]

    def value(params: Any, nudges: list[Array], shift: Any) -> tuple[Array, Any]:
        output, states = unrolled(params, nudges)
        return loss_of(jax.tree.map(jnp.add, output, shift), batch, question), states

    output = jax.eval_shape(unrolled, question.params, nudges)[0]
    shift = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), output)
    run = jax.jit(jax.value_and_grad(value, argnums=(0, 1, 2), has_aux=True))
    (loss, states), (by_params, by_carry, by_output) = run(question.params, nudges, shift)
    size = jax.tree.leaves(inputs)[0].shape[1] if jax.tree.leaves(inputs)[0].ndim > 2 else 1
    seen = Seen.of(states, by_carry, by_params, float(loss), size)
    trouble = find_trouble(batch, seen.states, seen.loss, seen.gradients, by_output)
    return seen.with_trouble(trouble)


def is_step(question: Question) -> bool:
    """Whether a question is about a function with a carry. Raises UserError for one without params or carry."""
    if not callable(question.network) or isinstance(question.network, type):
        return False
    if question.params is None and question.carry is None:
        return False
    if question.params is None or question.carry is None:
        raise UserError("a function step(params, carry, x) needs both: params and its first carry")
    return np.size(jax.tree.leaves(question.carry)[0]) > 0
