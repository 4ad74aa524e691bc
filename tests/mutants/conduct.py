"""Wrong in how they behave: what they change, keep, share, claim and refuse, and how they train."""

from functools import lru_cache

import numpy as np
from gradsuite.backend import BackendInfo, Batch, Gradients, Tape
from gradsuite.errors import Unsupported
from gradsuite.optimizers import SGD, Adam, Momentum, RMSprop

from tests.mutants.reference import Reference, ReferenceBackend
from tests.mutants.table import backend, network

# Purity.


def damage_inputs(self, batch):
    self.put_from.inputs[...] = 0
    return batch.inputs


def remember(self, batch):
    self.put_from = batch
    return Reference.put(self, batch)


def remember_parameters(self, model, parameters, *, device, dtype):
    Reference.__init__(self, model, parameters, device=device, dtype=dtype)
    self.given = parameters


def damage_parameters(self, batch, *, states=False):
    tape = Reference.forward(self, batch, states=states)
    for p in self.given.values():
        p *= 1.01
    return tape


def drift(self, batch, *, states=False):
    self.parameters = {name: p * 1.001 for name, p in self.parameters.items()}
    return Reference.forward(self, batch, states=states)


def stale_state(self, size):
    h = getattr(self, "last", None)
    return np.zeros((size, self.model.hidden_size), self.dtype) if h is None or len(h) != size else h


def keep_last(self, batch, *, states=False):
    tape = Reference.forward(self, batch, states=states)
    self.last = tape.saved[2] if tape.saved[2].ndim == 2 else tape.saved[2][-1]
    return tape


def first_batch_size(self, size):
    self.size = getattr(self, "size", size)
    return np.zeros((self.size, self.model.hidden_size), self.dtype)


WORKSPACE: dict[str, tuple] = {}


def shared_tape(self, batch, *, states=False):
    tape = Reference.forward(self, batch, states=states)
    WORKSPACE["saved"] = tape.saved
    return tape


def from_shared_tape(self, tape):
    return Reference.backward(self, Tape(tape.loss, tape.outputs, WORKSPACE["saved"]))


def own_tape(self, batch, *, states=False):
    tape = Reference.forward(self, batch, states=states)
    self.saved = tape.saved
    return tape


def reused(self, name, gradient):
    kept = self.__dict__.setdefault("buffers", {})
    if name not in kept or kept[name].shape != gradient.shape:
        kept[name] = np.empty_like(gradient)
    kept[name][...] = gradient
    return kept[name]


def accumulated(self, name, gradient):
    total = self.__dict__.setdefault("total", {})
    total[name] = total[name] + gradient if name in total and total[name].shape == gradient.shape else gradient
    return total[name]


network("inputs damaged in place", "host-arrays-unchanged", put=remember, read=damage_inputs)
network(
    "host parameters damaged in place", "host-arrays-unchanged", __init__=remember_parameters, forward=damage_parameters
)
network("host arrays shared", "host-arrays-copied", to_device=lambda self, a, dtype: np.asarray(a, dtype))
network("parameters drift", "parameters-unchanged", forward=drift)
network("stale state", "repeatable", start=stale_state, forward=keep_last)
network("batch size frozen", "other-sizes", start=first_batch_size)
network("workspace shared between networks", "networks-apart", forward=shared_tape, backward=from_shared_tape)
network(
    "one tape a network",
    "tapes-apart",
    forward=own_tape,
    backward=lambda self, tape: Reference.backward(self, Tape(tape.loss, tape.outputs, self.saved)),
)
network("results overwritten", "results-kept", finish=reused)
network("gradients accumulate", "repeatable", finish=accumulated)
network("noise", "seeds", finish=lambda self, name, g: g + 0 * np.random.standard_normal())  # noqa: NPY002
network("fetch without a copy", "fetched-copies", fetch=lambda self, array: np.asarray(array))
network("fetch in another dtype", "fetched-dtype", fetch=lambda self, array: np.array(array, np.float32))
network("parameters rounded", "parameters-arrive", to_device=lambda self, a, dtype: np.round(np.array(a, dtype), 6))


class Elsewhere(np.ndarray):
    """An array that says that it is on another device."""

    device = "cuda:0"


def moved_by_update(self, gradients, optimizer):
    Reference.update(self, gradients, optimizer)
    self.parameters = {name: p.view(Elsewhere) for name, p in self.parameters.items()}


network(
    "state gradients on another device",
    "device",
    finish=lambda self, name, g: g.view(Elsewhere) if name == "states" else g,
)
network("parameters leave the device", "device", update=moved_by_update)

# Lazy: `synchronize` waits for nothing, and what is fetched is computed then.


class Later:
    """A value that is computed when it is asked for, once."""

    def __init__(self, compute):
        self.compute = lru_cache(compute)


def value(array):
    return array.compute() if isinstance(array, Later) else array


def forward_later(self, batch, *, states=False):
    tape = Later(lambda: Reference.forward(self, batch, states=states))
    return Tape(Later(lambda: value(tape).loss), Later(lambda: value(tape).outputs), tape)


def backward_later(self, tape):
    gradients = Later(lambda: Reference.backward(self, value(tape.saved)))
    return Gradients({name: Later(lambda name=name: value(gradients).parameters[name]) for name in self.parameters})


def step_later(self, batch, optimizer):
    before = {name: value(p) for name, p in self.parameters.items()}
    twin = Reference(self.model, before, device=self.device, dtype=self.dtype)
    loss = Later(lambda: twin.step(batch, optimizer))
    self.parameters = {name: Later(lambda name=name: (value(loss), twin.parameters[name])[1]) for name in before}
    return loss


def fetch_value(self, array):
    return np.array(value(array))


network(
    "results computed at fetch",
    "synchronize-computes",
    forward=forward_later,
    backward=backward_later,
    step=Reference.step,
    update=lambda self, gradients, optimizer: None,
    fetch=fetch_value,
)
network(
    "gradients computed at fetch, and nothing else",
    "synchronize-computes",
    backward=lambda self, tape: backward_later(self, Tape(tape.loss, tape.outputs, tape)),
    update=lambda self, gradients, optimizer: None,
    fetch=fetch_value,
)
network("a step's parameters computed at fetch", "synchronize-computes", step=step_later, fetch=fetch_value)

# Training.


def by_another(change):
    """Return an update by another optimizer than the one asked for."""
    return lambda self, gradients, optimizer: Reference.update(self, gradients, change(optimizer))


def swap(kind, other):
    return by_another(lambda optimizer: other(optimizer) if type(optimizer) is kind else optimizer)


class Uncorrected(Adam):
    def move(self, p, g, slots, steps):
        return super().move(p, g, slots, 10**9)


def forgetful(self, gradients, optimizer):
    self.slots = None
    Reference.update(self, gradients, optimizer)


def late_loss(self, batch, optimizer):
    Reference.step(self, batch, optimizer)
    return self.forward(batch).loss


network(
    "Adam without bias correction",
    "train-adam-step",
    update=swap(Adam, lambda o: Uncorrected(lr=o.lr, weight_decay=o.weight_decay)),
)
network(
    "Nesterov as plain momentum",
    "train-nesterov-step",
    update=swap(Momentum, lambda o: Momentum(lr=o.lr, weight_decay=o.weight_decay)),
)
network(
    "RMSprop with epsilon in the root",
    "train-rmsprop-step",
    update=swap(RMSprop, lambda o: RMSprop(lr=o.lr, weight_decay=o.weight_decay, eps_in_sqrt=True)),
)
network(
    "weight decay left out",
    "train-sgd-step",
    update=swap(SGD, lambda o: SGD(lr=o.lr, clip_norm=o.clip_norm, clip_value=o.clip_value)),
)
network(
    "clipping left out", "train-clip-norm-update", update=swap(SGD, lambda o: SGD(lr=o.lr, weight_decay=o.weight_decay))
)
network(
    "clipping by unit without its weights",
    "train-clip-unit-step",
    update=swap(SGD, lambda o: SGD(lr=o.lr, weight_decay=o.weight_decay, clip_norm=o.clip_unit)),
)
network("slots forgotten", "train-momentum-step", update=forgetful)
network("loss after the step", "train-sgd-step", step=late_loss)

# Claims.


def info(**changes):
    def describe(self):
        mine = ReferenceBackend.describe(self)
        return BackendInfo(**{name: getattr(mine, name) for name in mine.__slots__} | changes)

    return describe


def refuses_gru(self, model, parameters, **arguments):
    if model.cell == "gru":
        raise Unsupported("no gru after all")
    return ReferenceBackend.build(self, model, parameters, **arguments)


def crashes(self, model, parameters, **arguments):
    if arguments["dtype"] not in self.describe().dtypes:
        raise KeyError(arguments["dtype"])
    return ReferenceBackend.build(self, model, parameters, **arguments)


def takes_anything(self, model, parameters, *, device, dtype, schedule):
    return self.network(model, parameters, device=device, dtype=dtype if dtype == "float64" else "float32")


def silent(self, batch, *, states=False):
    return Reference.forward(self, batch)


def only_tanh(self, z):
    return np.tanh(z)


backend("claims a cell that it refuses", "claimed-is-built", build=refuses_gru)
backend("refuses with a crash", "unclaimed-is-refused", build=crashes)
backend("builds what it does not claim", "unclaimed-is-refused", build=takes_anything)
backend("claims an unknown cell", "describe", describe=info(cells=("rnn", "LSTM")))
backend(
    "state gradients neither claimed nor refused",
    "unclaimed-is-refused",
    describe=info(state_gradients=()),
    network=type("Silent", (Reference,), {"forward": silent}),
)
backend("claims unknown state gradients", "describe", describe=info(state_gradients=("hidden",)))
backend("names no version", "describe", describe=info(versions={}))
backend("another name", "describe", describe=info(name="other"))
network("every activation is tanh", "gradients-mlp-sigmoid", activate=only_tanh)
network(
    "ignores targets' batch",
    "gradients-mlp-tanh",
    put=lambda self, b: Reference.put(self, Batch(b.inputs, b.targets[::-1])),
)
