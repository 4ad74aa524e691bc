"""Wrong in optional features: refused too late or not at all, or claimed and not what they should be."""

import numpy as np
from gradsuite.model import is_stacked
from gradsuite.schedule import Schedule
from gradsuite_numpy.backend import NumpyBackend
from gradsuite_numpy.network import NumpyNetwork

from tests.mutants.conduct import info
from tests.mutants.reference import WHOLE, ReferenceBackend
from tests.mutants.table import backend

# Not claimed, and not refused as Unsupported.


def ignores_the_schedule(self, model, parameters, *, device, dtype, schedule=WHOLE):
    return ReferenceBackend.build(self, model, parameters, device=device, dtype=dtype)


def ignores(feature):
    def build(self, model, parameters, *, device, dtype, schedule=WHOLE):
        schedule = WHOLE if schedule.features == (feature,) else schedule
        return ReferenceBackend.build(self, model, parameters, device=device, dtype=dtype, schedule=schedule)

    return build


def written_before_schedules(self, model, parameters, *, device="cpu", dtype="float32"):
    return ReferenceBackend.build(self, model, parameters, device=device, dtype=dtype)


def crashes_on_a_schedule(self, model, parameters, *, schedule=WHOLE, **place):
    if schedule.features:
        raise NotImplementedError(schedule.features[0])
    return ReferenceBackend.build(self, model, parameters, **place)


def first_of_a_stack(self, model, parameters, **arguments):
    if is_stacked(model, parameters):
        parameters = {name: array[0] for name, array in parameters.items()}
    return ReferenceBackend.build(self, model, parameters, **arguments)


backend("ignores a truncation it does not claim", "unclaimed-is-refused", build=ignores("truncation"))
backend("ignores a checkpoint it does not claim", "unclaimed-is-refused", build=ignores("checkpoint"))
backend("takes no schedule at all", "unclaimed-is-refused", build=written_before_schedules)
backend("crashes on a schedule", "unclaimed-is-refused", build=crashes_on_a_schedule)
backend("builds one network of a stack it does not claim", "unclaimed-is-refused", build=first_of_a_stack)

# Claimed, and wrong.


def with_schedule(change):
    """Return a build whose schedule is changed."""

    def build(self, model, parameters, *, schedule=WHOLE, **place):
        return NumpyBackend.build(self, model, parameters, schedule=change(schedule), **place)

    return build


def horizon(change):
    return with_schedule(lambda s: Schedule(truncation=change(*s.truncation)) if s.truncation else s)


def cut_at_checkpoints(schedule):
    return Schedule(truncation=(schedule.checkpoint,) * 2) if schedule.checkpoint else schedule


def with_network(**methods):
    """Return a build whose networks have these methods instead of the right backend's."""

    def build(self, model, parameters, *, device, dtype, schedule=WHOLE):
        wrong = type("WrongNetwork", (NumpyNetwork,), methods)
        return wrong(model, parameters, device=device, dtype=dtype, schedule=schedule)

    return build


def one_norm_for_all(self, gradients, optimizer):
    self.parameters, self.slots = optimizer.apply(self.parameters, gradients.parameters, self.slots)


def first_batch_for_all(self, batch):
    batch = NumpyNetwork.put(self, batch)
    if self.stacked and batch.inputs.ndim == (4 if self.model.recurrent else 3):
        batch.inputs[:] = batch.inputs[:1]
    return batch


def order_reversed(self, tape):
    gradients = NumpyNetwork.backward(self, tape)
    if self.stacked:
        gradients.parameters = {name: np.flip(g, 0) for name, g in gradients.parameters.items()}
    return gradients


backend(
    "claims truncation and ignores it",
    "truncation",
    describe=info(features=("truncation",)),
    build=ignores_the_schedule,
)
backend("truncates a step too late", "truncation", NumpyBackend, build=horizon(lambda k1, k2: (k1, k2 + 1)))
backend("truncates a step too early", "truncation", NumpyBackend, build=horizon(lambda k1, k2: (k1, max(k1, k2 - 1))))
backend("every step's window is its own", "truncation", NumpyBackend, build=horizon(lambda k1, k2: (1, k2)))
backend("cuts the gradient at checkpoints", "checkpoint", NumpyBackend, build=with_schedule(cut_at_checkpoints))
backend("a stack clipped by one norm", "stack", NumpyBackend, build=with_network(update=one_norm_for_all))
backend("a stack's batches all the first", "stack", NumpyBackend, build=with_network(put=first_batch_for_all))
backend("a stack's gradients in another order", "stack", NumpyBackend, build=with_network(backward=order_reversed))
