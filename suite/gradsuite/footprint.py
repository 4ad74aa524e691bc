"""The memory that a trial takes at the very least, told from the settings that name sizes."""

from math import prod
from typing import Any

from gradsuite.cells import find
from gradsuite.errors import UserError
from gradsuite.settings import Settings

WIDTHS = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}  # bytes of a number
HOST = WIDTHS["float64"]  # the host draws parameters, inputs and rows in it


def least_memory(settings: Settings) -> int:
    """Return a lower bound, in bytes, of what a pass of one network takes with these settings, from `Model`'s shapes.

    It counts the parameters (drawn in float64) and their gradients, the states over time and layers, the inputs of a
    batch, and a number for each round and each seed. A size that is not among the settings is 1; a network without a
    setting `cell` is taken for an `rnn`, whose layers have a matrix (H, H).
    """
    units, layers, batch = (_size(settings, name) for name in ("hidden_size", "num_layers", "batch_size"))
    steps = _size(settings, "length") * _size(settings, "lags")
    width = WIDTHS.get(str(settings.get("dtype")), min(WIDTHS.values()))
    weights, recurrent = _layers(str(settings.get("cell", "rnn")), units, layers)
    examples = batch * (steps if recurrent else 1)  # a network that does not unroll may ignore the length
    numbers = _size(settings, "rounds") + _size(settings, "seeds")
    return weights * (HOST + width) + examples * layers * units * width + (examples + numbers) * HOST


def _layers(cell: str, units: int, layers: int) -> tuple[int, bool]:
    """Return how many parameters all layers have that read one input and then each other; and whether they unroll."""
    try:
        kind = find(cell)
    except UserError:  # a cell of the experiment's own: nothing is known of it but that it has units
        return units * layers, True
    first, other = (sum(prod(one.shape) for one in kind.parameters(inputs, units).values()) for inputs in (1, units))
    return first + (layers - 1) * other, kind.recurrent


def _size(settings: Settings, name: str) -> int:
    value: Any = settings.get(name, 1)
    return max(1, value) if isinstance(value, int) else 1
