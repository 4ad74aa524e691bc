"""A flax.nnx module: its RNNs are replaced, on a copy, by ones that nudge their carries."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from gradsuite.diagnosis.patient import Question, Traced
from gradsuite.errors import UserError, one_line
from jax import Array

from gradsuite_jax.diagnosis.asking import given_of, loss_of
from gradsuite_jax.diagnosis.norms import Seen, traced
from gradsuite_jax.diagnosis.nudging import inexact, nudged, widths
from gradsuite_jax.diagnosis.trouble import find_trouble


class Desk:
    """What goes to and from one RNN beside its arguments, while a loss is computed: zeros (T, B, W), and carries."""

    def __init__(self) -> None:
        self.nudges: Array | None = None  # in the order of the steps, in time
        self.carries: Array | None = None
        self.time_major = False


class NudgedCell(nnx.Module):
    """A cell whose inputs have the nudges beside them, and whose outputs have the carry, side by side."""

    def __init__(self, cell: Any) -> None:
        self.cell = cell

    def __call__(self, carry: Any, x: Array) -> tuple[Any, Array]:
        """Take a step, from an input with the nudges beside it."""
        sizes = widths(carry)
        x, nudges = x[..., : -sum(sizes)], x[..., -sum(sizes) :]
        carry, y = self.cell(carry, x)
        pieces = [nudges[..., sum(sizes[:place]) : sum(sizes[: place + 1])] for place in range(len(sizes))]
        carry, y = nudged(carry, y, pieces)
        return carry, jnp.concatenate([y, *inexact(carry)], axis=-1)

    def initialize_carry(self, shape: tuple[int, ...], *args: Any, **kwargs: Any) -> Any:
        """Return the cell's own first carry: what an RNN asks for has the nudges' width in it."""
        return self.cell.initialize_carry((*shape[:-1], self.cell.in_features), *args, **kwargs)

    @property
    def num_feature_axes(self) -> int:
        """Axes of one input."""
        return int(self.cell.num_feature_axes)


class NudgedRNN(nnx.Module):
    """An RNN that takes nudges from its desk, and leaves its carries there."""

    def __init__(self, rnn: Any, desk: Desk) -> None:
        self.rnn, self.desk = rnn, desk
        rngs = nnx.Rngs(0).carry if rnn.rngs is None else rnn.rngs
        self.width = sum(widths(rnn.cell.initialize_carry((1, rnn.cell.in_features), rngs)))
        rnn.cell = NudgedCell(rnn.cell)

    def __call__(self, inputs: Array, **asked: Any) -> Any:
        """Run the RNN as it is asked to, with the nudges."""
        desk, time_major = self.desk, asked.get("time_major")
        desk.time_major = self.rnn.time_major if time_major is None else bool(time_major)
        if desk.nudges is None:
            desk.nudges = jnp.zeros((*inputs.shape[:-1], self.width), inputs.dtype)
        found = self.rnn(jnp.concatenate([inputs, desk.nudges], axis=-1), **asked)
        carry, outputs = found if isinstance(found, tuple) else (None, found)
        outputs, desk.carries = outputs[..., : -self.width], outputs[..., -self.width :]
        return (carry, outputs) if isinstance(found, tuple) else outputs


def patients(question: Question) -> Sequence[Traced]:
    """Return the carries of a module's RNNs as traced; the module is left as it is.

    Raises UserError where there is no nnx.RNN, and for what cannot be computed.
    """
    found: dict[str, list[Seen]] = {}
    for batch in question.batches():
        try:
            for name, seen in _look(question, batch).items():
                found.setdefault(name, []).append(seen)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{question.title} cannot be computed on this batch: {one_line(error)[:180]}") from error
    return [traced(f"{name or 'RNN'} of {question.title}", seen) for name, seen in found.items()]


def _look(question: Question, batch: Any) -> dict[str, Seen]:
    module, desks = _replaced(nnx.clone(question.network))
    if not desks:
        raise UserError(f"{question.title} has no flax.nnx.RNN: give its step(params, carry, x), params and carry")
    graph, parameters, *rest = nnx.split(module, nnx.Param, ...)

    def value(parameters: Any, nudges: dict[str, Array], shift: Any) -> tuple[Array, Any]:
        for name, nudge in nudges.items():
            desks[name].nudges = nudge
        module = nnx.merge(graph, parameters, *jax.tree.map(lambda leaf: leaf, rest))  # counters are of this trace
        output = question.call(module, batch) if question.call else module(*given_of(batch, question))
        if shift is not None:
            output = jax.tree.map(jnp.add, output, shift)
        carries = {name: desk.carries for name, desk in desks.items()}
        return loss_of(output, batch, question), (output, carries)

    output = value(parameters, {}, None)[1][0]
    called = {name: jnp.zeros_like(desk.nudges) for name, desk in desks.items() if desk.nudges is not None}
    shift = jax.tree.map(jnp.zeros_like, output)
    run = jax.value_and_grad(value, argnums=(0, 1, 2), has_aux=True)
    (loss, (_, carries)), (by_params, by_carry, by_output) = run(parameters, called, shift)
    found = {}
    for name in called:
        axes = (0, 1) if desks[name].time_major else (1, 0)
        states, gradients = (jnp.moveaxis(one[name], axes, (0, 1)) for one in (carries, by_carry))
        seen = Seen.of([states], [gradients], by_params, float(loss), states.shape[1])
        trouble = find_trouble(batch, seen.states, seen.loss, seen.gradients, by_output, time=axes[0])
        found[name] = seen.with_trouble(trouble)
    return found


def _replaced(module: Any) -> tuple[Any, dict[str, Desk]]:
    """Put a nudged RNN in place of every RNN of a module; return the module, and their desks by name."""
    found = [(path, one) for path, one in nnx.iter_graph(module) if isinstance(one, nnx.RNN)]
    desks = {}
    for path, rnn in found:
        name = ".".join(map(str, path))
        desks[name] = Desk()
        nudged_rnn = NudgedRNN(rnn, desks[name])
        if not path:
            return nudged_rnn, desks
        parent = module
        for key in path[:-1]:
            parent = parent[key] if isinstance(key, int) else getattr(parent, str(key))
        if isinstance(path[-1], int):
            parent[path[-1]] = nudged_rnn
        else:
            setattr(parent, str(path[-1]), nudged_rnn)
    return module, desks
