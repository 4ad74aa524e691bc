"""Memory over T: what is measured, and claims of checkpoints, each with a fault that turns it red."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gradsuite.errors import Unsupported
from gradsuite.measuring import memory
from gradsuite.report import style
from gradsuite.schedule import Schedule
from gradsuite_experiments.memory.experiment import MemoryTime
from gradsuite_experiments.memory.findings import bytes_per_step
from gradsuite_experiments.memory.laws import needed_per_step
from gradsuite_numpy.backend import NumpyBackend

from tests.experiments.laboratory import Fault, blind, measured, not_biting, parameter_gradients

SMALL = {"length": [10_000], "batch_size": [8], "hidden_size": [32], "checkpoint": [100]}


def without_checkpoints(options):
    return options | {"schedule": Schedule()}


def other_weights():
    """Return a fault of the networks with checkpoints, built last: their weights are a little larger."""
    built = iter(range(100))
    return lambda parameters: {name: p * (1 + 1e-9 * (next(built) > 12)) for name, p in parameters.items()}


def test_every_claim_has_a_fault_that_it_catches():
    faults = {
        "memory/saved": Fault("checkpoints left out", options=without_checkpoints),
        "memory/same": Fault("other weights with checkpoints", parameters=other_weights()),
    }
    assert not not_biting(MemoryTime(), faults, **SMALL)


def longer(factor):
    """Checkpoints after longer segments."""

    def change(options):
        every = options["schedule"].checkpoint
        return options | {"schedule": Schedule(checkpoint=every and round(every * factor))}

    return Fault(f"segments x {factor}", options=change)


def recomputed(factor):
    """Wrong gradients of the passes with checkpoints."""
    return replace(parameter_gradients(factor), when=lambda options: options["schedule"].checkpoint)


def test_every_claim_notices_a_fault_of_the_size_that_it_states():
    assert not blind(MemoryTime(), {"memory/saved": longer, "memory/same": recomputed}, **SMALL)


def test_memory_grows_by_what_is_kept():
    rows = measured(MemoryTime(), length=[5_000, 10_000], hidden_size=[64])
    # Numbers per step and unit: h and, for one product after the loop, the gradients by h and z.
    assert 1 <= bytes_per_step(rows) / needed_per_step(rows.iloc[0]) <= 4


def test_a_backend_without_checkpoints_is_unsupported():
    class Plain(NumpyBackend):
        def describe(self):
            info = super().describe()
            return type(info)(info.name, info.versions, info.devices, info.dtypes, info.cells)

    settings = dict(next(MemoryTime().trials(MemoryTime().grid("quick", {"checkpoint": [3], "length": [10]}))))
    with pytest.raises(Unsupported, match="no checkpoint"):
        next(MemoryTime().measure(Plain(), "cpu", settings))


def test_what_was_freed_does_not_hide_what_is_taken_next():
    for _ in range(2):
        memory.release()
        before = memory.resident()
        memory.reset_peak()
        taken = [np.ones(1000) for _ in range(2000)]  # small blocks, which the C library keeps when they are freed
        assert memory.peak() - before >= 0.9 * sum(array.nbytes for array in taken)
        del taken


def test_figure_and_tables():
    rows = measured(MemoryTime(), length=[1000, 2000], hidden_size=[16])
    both = pd.concat([rows, measured(MemoryTime(), **SMALL).assign(key="checkpoint")])
    with style.context():
        assert [figure.name for figure in MemoryTime().figures(rows, [])] == ["memory"]
    steps, saved = MemoryTime().tables(both, [])
    assert steps.rows["cell"].tolist() == ["rnn"]
    assert saved.rows["steps per segment"].tolist() == [100]
    empty = rows.assign(status="error", metric=None)
    assert not [*MemoryTime().figures(empty, []), *MemoryTime().tables(empty, []), *MemoryTime().claims(empty)]
