"""The networks of a stack are independent: parts of it run side by side, one per core."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from gradsuite.backend import Batch, Gradients
from gradsuite.machine.facts import available_cores
from threadpoolctl import ThreadpoolController

from gradsuite_numpy.arrays import Array
from gradsuite_numpy.workspace import Workspace

# Fewest numbers in the largest weight of a part. With 10,000 (20 LSTMs of 16 units) two threads spend more time on
# handing over the interpreter than they save; with 30,000 (4 RNNs of 128 units) nothing is lost even on one core.
SMALLEST = 2**15


class Members:
    """A stack in parts, each made by `make` from its share of the parameters."""

    def __init__(
        self, make: Callable[[Mapping[str, Array]], Any], parameters: Mapping[str, Array], parts: int, *, axes: int
    ) -> None:
        """Divide the networks among the parts. `axes` is the number of axes of inputs shared by all networks."""
        shares = zip(*(np.array_split(p, parts) for p in parameters.values()), strict=True)
        self.parts = [make(dict(zip(parameters, share, strict=True))) for share in shares]
        self.axes = axes

    def start(self, batch: Batch, workspace: Workspace, *, states: bool) -> "MembersPass":
        """Run forward over inputs (..., N, F), or a stack of them."""
        return MembersPass(self, batch, workspace, states=states)


class MembersPass:
    """One pass of each part; `outputs` are those of all networks."""

    last_state = None

    def __init__(self, members: Members, batch: Batch, workspace: Workspace, *, states: bool) -> None:
        count = len(members.parts)
        shares = [batch] * count
        if batch.inputs.ndim > members.axes:
            shares = [replace(batch, inputs=share) for share in np.array_split(batch.inputs, count)]
        rooms = [workspace.part(k) for k in range(count)]
        self.passes = side_by_side(
            lambda part, share, room: part.start(share, room, states=states), members.parts, shares, rooms
        )
        self.outputs = np.concatenate([one.outputs for one in self.passes])

    def backward(self, dy: Array) -> Gradients:
        """Run each part backward, and join the gradients."""
        shares = np.array_split(dy, len(self.passes))
        gradients = side_by_side(lambda one, share: one.backward(share), self.passes, shares)
        joined = {
            name: np.concatenate([part.parameters[name] for part in gradients]) for name in gradients[0].parameters
        }
        of_states = zip(*((part.states, part.cell_states) for part in gradients), strict=True)
        states, cell_states = (None if kind[0] is None else np.concatenate(kind) for kind in of_states)
        return Gradients(joined, states, cell_states)


def parts_of(parameters: Mapping[str, Array]) -> int:
    """Return the number of parts into which it pays to cut a stack of these parameters; 1 if it does not pay."""
    largest = max(parameters.values(), key=np.size)
    return max(1, min(available_cores(), len(largest), largest.size // SMALLEST))


def side_by_side(run: Callable[..., Any], *arguments: list[Any]) -> list[Any]:
    """Return the result of `run` for each set of arguments, computed in one thread each, BLAS included."""

    def quietly(*share: Any) -> Any:
        with np.errstate(all="ignore"):  # error states are per thread
            return run(*share)

    with blas().limit(limits=1, user_api="blas"):
        return list(threads().map(quietly, *arguments))


@cache
def threads() -> ThreadPoolExecutor:
    """Return a pool of one thread per core."""
    return ThreadPoolExecutor(available_cores())


@cache
def blas() -> Any:
    """Return the controller of BLAS's own threads."""
    return ThreadpoolController()
