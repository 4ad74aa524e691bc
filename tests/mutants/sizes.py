"""Right for small networks and wrong beyond a size, as a kernel for large ones, a block or an index type would be."""

import numpy as np
from gradsuite.backend import Gradients
from gradsuite.model import GATES
from gradsuite.schedule import Schedule
from gradsuite_numpy.backend import NumpyBackend
from gradsuite_numpy.carry import FEW, SMALL
from gradsuite_numpy.layer import Classic
from gradsuite_numpy.members import SMALLEST
from gradsuite_numpy.network import NumpyNetwork

from tests.mutants.arithmetic import edit
from tests.mutants.features import cut_at_checkpoints, horizon, with_network, with_schedule
from tests.mutants.reference import Reference
from tests.mutants.table import backend, network


def beyond(large, parameter=lambda name, g: g, state=lambda g: g):
    """Return a `backward` that changes the gradients of each parameter, and by states, if large(model, T, B)."""

    def backward(self, tape):
        gradients = Reference.backward(self, tape)
        steps, size = tape.saved[0].inputs.shape[:2] if self.model.recurrent else (1, len(tape.saved[0].inputs))
        if not large(self.model, steps, size):
            return gradients
        by_state = (None if g is None else state(g) for g in (gradients.states, gradients.cell_states))
        return Gradients({name: parameter(name, g) for name, g in gradients.parameters.items()}, *by_state)

    return backward


def one_percent(name, g):
    return 1.01 * g


def only(chosen, change):
    """Return a change of the parameters whose names hold one of these words."""
    return lambda name, g: change(g) if any(word in name for word in chosen) else g


def long(model, T, B):
    return T > 20


# A factor of 1.01 beyond a number of steps, units, examples or layers.
network("1% too much beyond 20 steps", "gradients-deep-rnn", backward=beyond(long, one_percent))
network(
    "1% too much beyond 40 units",
    "gradients-deep-mlp",
    backward=beyond(lambda m, T, B: m.hidden_size > 40, one_percent),
)
network(
    "1% too much in all beyond 64 units",
    "gradients-deep-gru",
    backward=beyond(lambda m, T, B: m.hidden_size > 64, one_percent, lambda g: 1.01 * g),
)
network(
    "1% too much in all beyond 16 examples",
    "gradients-deep-mlp",
    backward=beyond(lambda m, T, B: B > 16, one_percent, lambda g: 1.01 * g),
)
network(
    "1% too much in all from 4 layers on",
    "gradients-deep-rnn",
    backward=beyond(lambda m, T, B: m.num_layers >= 4, one_percent, lambda g: 1.01 * g),
)
network(
    "1% too much by states beyond 16 examples",
    "gradients-deep-lstm",
    backward=beyond(lambda m, T, B: B > 16, state=lambda g: 1.01 * g),
)
network(
    "1% too much in the readout beyond 20 steps",
    "gradients-large-lstm",
    backward=beyond(long, only(["readout"], lambda g: 1.01 * g)),
)

# What is lost beyond a size.
network(
    "no bias gradients beyond 20 steps", "gradients-deep-gru", backward=beyond(long, only(["bias"], lambda g: 0 * g))
)
network(
    "inputs beyond 64 left out",
    "gradients-large-mlp",
    backward=beyond(lambda m, T, B: m.input_size > 64, only(["layers.0.weight"], lambda g: edit(g, np.s_[:, 64:], 0))),
)
network(
    "units beyond 256 left out",
    "gradients-large-gru",
    backward=beyond(lambda m, T, B: m.hidden_size > 256, only(["weight_hh"], lambda g: edit(g, np.s_[:, 256:], 0))),
)
network(
    "outputs beyond 16 left out",
    "gradients-deep-rnn",
    backward=beyond(lambda m, T, B: m.output_size > 16, only(["readout.weight"], lambda g: edit(g, np.s_[16:], 0))),
)
network(
    "the lowest of four layers left out",
    "gradients-deep-lstm",
    backward=beyond(lambda m, T, B: m.num_layers > 3, only(["hh_l0"], lambda g: 0 * g)),
)
network(
    "states more than 16 steps ago left out",
    "gradients-deep-gru",
    backward=beyond(long, state=lambda g: edit(g, np.s_[:-16], 0)),
)
network(
    "dL/dc of layers beyond the third those of the third",
    "gradients-deep-lstm",
    finish=lambda self, n, g: edit(g, np.s_[:, 3:], g[:, 2:3]) if n == "cell_states" else g,
)


def first_32_rows(self, gradients, weight, bias, dz, x):
    dz = dz.reshape(-1, dz.shape[-1])
    Reference.add(self, gradients, weight, bias, dz, x)
    if bias == "readout.bias":
        gradients[bias] = dz[:32].sum(axis=0)


def summed_in_float32(self, gradients, weight, bias, dz, x):
    Reference.add(self, gradients, weight, bias, dz, x)
    if dz[..., 0].size > 64:
        gradients[bias] = gradients[bias].astype(np.float32).astype(self.dtype)


network("only 32 examples in the readout's bias", "gradients-deep-mlp", add=first_32_rows)
network("long sums in float32", "gradients-deep-mlp", add=summed_in_float32)


def last_block(self, layer, dh_above, saved, gradients):
    """The weight gradients are those of the steps after the first 2^21 numbers in the gates."""
    numbers = GATES[self.model.cell] * dh_above.size if self.model.recurrent else 0
    if numbers <= 2**21:
        return Reference.layer_back(self, layer, dh_above, saved, gradients)
    first = len(saved) * 2**21 // numbers
    Reference.layer_back(self, layer, dh_above[first:], saved[first:], gradients)
    return Reference.layer_back(self, layer, dh_above, saved, {n: np.zeros_like(g) for n, g in gradients.items()})


network("only the last block of steps", "gradients-large-rnn", layer_back=last_block)


def dropped_without_states(self, tape):
    gradients = Reference.backward(self, tape)
    if gradients.states is None and self.model.hidden_size > 64:
        gradients.parameters = {n: g * ("bias" not in n) for n, g in gradients.parameters.items()}
    return gradients


network("no bias gradients of wide networks without states", "gradients-large-mlp", backward=dropped_without_states)

# Values, classes.
network(
    "tanh' doubled beyond .99",
    "saturated-states",
    tanh_slope=lambda self, h: (1 - h * h) * np.where(np.abs(h) > 0.99, 2, 1),
)
network("tanh' zero beyond .99", "saturated-states", tanh_slope=lambda self, h: (1 - h * h) * (np.abs(h) <= 0.99))
network("sigmoid' zero beyond .99", "saturated-states", sigmoid_slope=lambda self, s: s * (1 - s) * (s < 0.99))
network(
    "classes from 12 on are 11", "gradients-deep-rnn", chosen=lambda self, t: (*np.indices(t.shape), np.minimum(t, 11))
)
network(
    "log-softmax of the first 16 classes",
    "gradients-deep-lstm",
    log_softmax=lambda self, y: self.shift(y) - np.log(np.exp(self.shift(y))[..., :16].sum(axis=-1, keepdims=True)),
)

# Schedules and stacks.
backend("a step too few beyond k2 = 8", "truncation", NumpyBackend, build=horizon(lambda k1, k2: (k1, k2 - (k2 > 8))))
backend(
    "a step too many beyond k2 = 16", "truncation", NumpyBackend, build=horizon(lambda k1, k2: (k1, k2 + (k2 > 16)))
)
backend(
    "cuts the gradient at checkpoints beyond n = 10",
    "checkpoint",
    NumpyBackend,
    build=with_schedule(lambda s: cut_at_checkpoints(s) if s.checkpoint and s.checkpoint > 10 else s),
)
backend(
    "checkpoints beyond n = 16 truncate at 32",
    "checkpoint",
    NumpyBackend,
    build=with_schedule(lambda s: Schedule(truncation=(32, 32)) if s.checkpoint and s.checkpoint > 16 else s),
)


def from_the_ninth_on(self, tape):
    gradients = NumpyNetwork.backward(self, tape)
    if self.stacked:
        gradients.parameters = {n: edit(g, np.s_[8:], g[8:] * 1.01) for n, g in gradients.parameters.items()}
    return gradients


def eight_batches(self, batch):
    batch = NumpyNetwork.put(self, batch)
    if self.stacked and batch.inputs.ndim == (4 if self.model.recurrent else 3):
        batch.inputs[8:] = batch.inputs[:1]
    return batch


def one_part_twice(self):
    right = NumpyNetwork.prepare(self)
    if not self.stacked or max(map(np.size, self.parameters.values())) < 2 * SMALLEST:
        return right
    members = self.members(2)
    members.parts[1] = members.parts[0]
    return members


backend("1% too much from the ninth network on", "stack", NumpyBackend, build=with_network(backward=from_the_ninth_on))
backend("the ninth network's batch the first's", "stack", NumpyBackend, build=with_network(put=eight_batches))
backend("both parts of a stack the first", "stack", NumpyBackend, build=with_network(prepare=one_part_twice))


def with_few(wrong):
    """Return a build whose layers carry gradients back by wrong(dz, dh, carry) where there are few examples."""

    def carry(layer, like, *, adds):
        right = Classic.carry(layer, like, adds=adds)
        B, H = like.shape[-2:]
        few = B <= FEW and B * layer.w_back.shape[-2] * H > SMALL
        return (lambda dz, dh: wrong(dz, dh, right)) if few else right

    def layers(self, parameters):
        net = NumpyNetwork.layers(self, parameters)
        for layer in getattr(net, "layers", ()):
            layer.carry = carry.__get__(layer)
        return net

    return with_network(layers=layers)


def sets(dz, dh, carry):
    dh[...] = 0
    carry(dz, dh)


def first_sixteen(dz, dh, carry):
    before = dh[16:].copy()
    carry(dz, dh)
    dh[16:] = before


backend("few examples: sets what it should add", "gradients-large-gru", NumpyBackend, build=with_few(sets))
backend("few examples: only the first sixteen", "gradients-large-lstm", NumpyBackend, build=with_few(first_sixteen))
