"""A network on one of JAX's devices."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from gradsuite.backend import Batch, Gradients, Network, Tape
from gradsuite.cells import Linear, find
from gradsuite.model import Model
from gradsuite.optimizers import Optimizer, Slots
from gradsuite.schedule import Schedule

from gradsuite_jax import programs
from gradsuite_jax.batch import DeviceBatch
from gradsuite_jax.recurrence import fastest

Array = jax.Array


class JaxNetwork(Network):
    """Hand-written BPTT, compiled by XLA. Calls return before the device has finished; arrays are never donated."""

    batch_features = ("lengths", "state", "masks")

    def __init__(
        self, model: Model, parameters: Mapping[str, np.ndarray], *, device: str, dtype: str, schedule: Schedule
    ) -> None:
        """Copy host parameters to the first device of this kind; `schedule` splits the backward pass over time."""
        # device_put makes this of a device each time, which takes it twice as long as all the rest.
        self._place = jax.sharding.SingleDeviceSharding(jax.devices(device)[0])
        self._dtype = jax.numpy.dtype(dtype)
        self._in_flight: list[Any] = []
        on_device = {name: self._put(value, self._dtype) for name, value in parameters.items()}
        super().__init__(model, on_device, device=device, dtype=dtype)
        if schedule.scan is None and isinstance(find(model.cell), Linear):
            schedule = replace(schedule, scan=fastest(device))
        self._plan = programs.Plan(model, schedule, self.stacked)

    def put(self, batch: Batch) -> DeviceBatch:
        """Copy a host batch to the device; classes become int32."""
        batch = batch.without_padding(self.model)
        classes = self.model.loss == "cross_entropy"
        return DeviceBatch(
            self._put(batch.inputs, self._dtype),
            self._put(batch.targets, np.int32 if classes else self._dtype),
            None if batch.lengths is None else self._put(batch.lengths, np.int32),
            None if batch.state is None else tuple(self._put(one, self._dtype) for one in batch.state),
            None if batch.masks is None else self._put(batch.masks, self._dtype),
        )

    def forward(self, batch: DeviceBatch, *, states: bool = False) -> Tape:
        """Compute the loss and outputs, and keep what `backward` needs."""
        parameters = self.parameters
        loss, outputs, saved, last_state = programs.forward(self._plan, parameters, batch)
        self._note(loss)
        return Tape(loss, outputs, (parameters, batch, saved, states), last_state=last_state)

    def backward(self, tape: Tape) -> Gradients:
        """Compute the gradients of `tape.loss`."""
        parameters, batch, saved, states = tape.saved
        tape.saved = None  # frees the states as soon as the device is done with them
        gradients, totals, by_start = programs.backward(
            self._plan, parameters, batch, tape.outputs, saved, states=states
        )
        self._note(next(iter(gradients.values())))
        by_h, by_c = (*(totals or ()), None, None)[:2]
        return Gradients(gradients, by_h, by_c, initial_state=by_start)

    def update(self, gradients: Gradients, optimizer: Optimizer) -> None:
        """Replace the parameters by the optimizer's next ones, in one program."""
        slots = self.slots or self._start(optimizer)
        self.parameters, self.slots = programs.update(
            self._plan, optimizer.with_lr(1.0), float(optimizer.lr), self.parameters, gradients.parameters, slots
        )
        self._note(next(iter(self.parameters.values())))

    def step(self, batch: DeviceBatch, optimizer: Optimizer) -> Array:
        """Run forward, backward and update in one program, and return the loss before the update."""
        slots = self.slots or self._start(optimizer)
        loss, self.parameters, self.slots = programs.step(
            self._plan, optimizer.with_lr(1.0), float(optimizer.lr), self.parameters, slots, batch
        )
        self._note(loss)
        return loss

    def synchronize(self) -> None:
        """Wait until everything that has been started is done."""
        for array in self._in_flight:
            array.block_until_ready()
        self._in_flight.clear()

    def fetch(self, array: Array) -> np.ndarray:
        """Copy an array to the host, waiting for it."""
        return np.array(array)

    def _start(self, optimizer: Optimizer) -> Slots:
        """Return the optimizer's slots before the first step, on the device: where its programs leave them.

        Bound to no device, they would make the second step compile again; making them here compiles nothing.
        """
        zeros = {name: np.zeros(p.shape, p.dtype) for name, p in self.parameters.items()}
        slots: Slots = jax.device_put(optimizer.start(zeros), self._place)
        return slots

    def _put(self, value: np.ndarray, dtype: Any) -> Array:
        # A copy first: on the CPU device_put shares memory with the host array, which the caller may change.
        return jax.device_put(np.array(value, dtype), self._place)

    def _note(self, result: Array) -> None:
        """Remember one result of a program that has just been started: all its results are ready together."""
        self._in_flight = [array for array in self._in_flight if not array.is_ready()]
        self._in_flight.append(result)
