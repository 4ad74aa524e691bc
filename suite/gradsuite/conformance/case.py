"""One case: a model, sizes and a seed, which determine parameters, a batch and the oracle's answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gradsuite.backend import Batch
from gradsuite.model import Model
from gradsuite.oracle import Answer, differentiate
from gradsuite.parameters import Parameters, initialise
from gradsuite.precision import bound, rounded


@dataclass(frozen=True, slots=True)
class Case:
    """A model and a batch of `size` sequences of `steps` time steps (ignored by `mlp`).

    Parameters are PyTorch's defaults: gradients are moderate, so that rounding errors are not amplified.
    """

    model: Model
    steps: int
    size: int
    seed: int = 0

    def __str__(self) -> str:
        return f"{label(self.model)} {f'T={self.steps} ' if self.model.recurrent else ''}B={self.size}"

    def parameters(self, dtype: str) -> Parameters:
        """Return parameters that are numbers of `dtype`, as float64."""
        return {name: rounded(p, dtype) for name, p in initialise(self.model, seed=self.seed).items()}

    def batch(self, dtype: str) -> Batch:
        """Return a batch of normal numbers of `dtype`, as float64; classes are integers."""
        rng = np.random.default_rng(self.seed)
        m = self.model
        shape = (self.steps, self.size, m.input_size) if m.recurrent else (self.size, m.input_size)
        inputs = rng.standard_normal(shape)
        wanted = m.targets_shape(shape)
        if m.loss == "cross_entropy":
            return Batch(rounded(inputs, dtype), rng.integers(0, m.output_width, wanted))
        return Batch(rounded(inputs, dtype), rounded(rng.standard_normal(wanted), dtype))

    def answer(self, dtype: str) -> Answer:
        """Return the oracle's answer for these parameters and this batch."""
        return _answer(self, dtype)

    def bound(self, dtype: str) -> float:
        """Return the largest relative error that rounding may leave in a gradient."""
        return bound(dtype, self.operations)

    @property
    def operations(self) -> int:
        """Roundings in the longest chain from a parameter to its gradient.

        Forward and back through the cell of every time step and layer on the way, each with a sum over its inputs and
        states and about ten elementwise operations; the readout; and a sum over time and batch.
        """
        m = self.model
        cells = m.num_layers + (self.steps - 1 if m.recurrent else 0)
        width = max(m.input_size, m.hidden_size) + m.hidden_size
        return 2 * cells * (width + 10) + 2 * (m.hidden_size + m.output_width) + self.steps * self.size


def label(model: Model) -> str:
    """Return a model in one line."""
    m = model
    kind = f"{m.cell} ({m.activation}, {m.num_layers} layers, readout {m.readout}, {m.loss}"
    return f"{kind}, I={m.input_size} H={m.hidden_size} O={m.output_size})"


@lru_cache(maxsize=1024)
def _answer(case: Case, dtype: str) -> Answer:
    return differentiate(case.model, case.parameters(dtype), case.batch(dtype))


def named(
    loss: np.ndarray,
    outputs: np.ndarray,
    parameters: Mapping[str, np.ndarray],
    states: np.ndarray | None = None,
    cell_states: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return all arrays of an answer by name.

    State gradients are split by time step and layer: in one norm, vanished ones would be hidden by the rest.
    """
    arrays = {"loss": loss, "outputs": outputs, **parameters}
    for name, array in (("states", states), ("cell_states", cell_states)):
        for index in np.ndindex(np.shape(array)[:-2] if array is not None else (0,)):
            where = f"t={index[0] + 1} layer {index[1]}" if len(index) == 2 else f"layer {index[-1]}"
            arrays[f"{name}[{where}]"] = np.asarray(array)[index]
    return arrays


def expected_of(answer: Answer, *, states: bool = True) -> dict[str, np.ndarray]:
    """Return all arrays of the oracle's answer by name, with state gradients if `states`."""
    by_state = (answer.states, answer.cell_states) if states else ()
    return named(answer.loss, answer.outputs, answer.parameters, *by_state)
