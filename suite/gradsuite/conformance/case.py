"""One case: a model, sizes and a seed, which determine parameters, a batch and the oracle's answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from gradsuite.backend import STATE_GRADIENTS, Batch
from gradsuite.cells import find
from gradsuite.model import Model
from gradsuite.oracle import Answer, differentiate
from gradsuite.parameters import Parameters, initialise
from gradsuite.precision import bound, rounded

KEPT = 0.75  # the share of what masks leave
NO_CLASS = -100  # what PyTorch ignores


@dataclass(frozen=True, slots=True)
class Case:
    """A model and a batch of `size` sequences of `steps` time steps (ignored by `mlp`).

    Parameters are PyTorch's defaults: gradients are moderate, so that rounding errors are not amplified. A batch may
    have `lengths`, with NaN and no class in the padding; be `carried` on from states; and have `masks` for this many
    steps, 1 or `steps`.
    """

    model: Model
    steps: int
    size: int
    seed: int = 0
    lengths: tuple[int, ...] | None = None
    carried: bool = False
    masks: int | None = None

    def __str__(self) -> str:
        sizes = f"{label(self.model)} {f'T={self.steps} ' if self.model.recurrent else ''}B={self.size}"
        lengths = "" if self.lengths is None else f", lengths {' '.join(map(str, self.lengths))}"
        masks = "" if self.masks is None else f", {'a mask for all steps' if self.masks == 1 else 'a mask per step'}"
        return f"{sizes}{lengths}{', carried on' if self.carried else ''}{masks}"

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that a backend needs for the batch."""
        fields = {"lengths": self.lengths is not None, "state": self.carried, "masks": self.masks is not None}
        return tuple(name for name, present in fields.items() if present)

    def parameters(self, dtype: str) -> Parameters:
        """Return parameters that are numbers of `dtype`, as float64."""
        return {name: rounded(p, dtype) for name, p in initialise(self.model, seed=self.seed).items()}

    def batch(self, dtype: str) -> Batch:
        """Return a batch of normal numbers of `dtype`, as float64; classes are integers."""
        rng = np.random.default_rng(self.seed)
        m = self.model
        shape = (self.steps, self.size, m.input_size) if m.recurrent else (self.size, m.input_size)
        inputs = rounded(rng.standard_normal(shape), dtype)
        wanted = m.targets_shape(shape)
        if m.loss == "cross_entropy":
            targets = rng.integers(0, m.output_width, wanted)
        else:
            targets = rounded(rng.standard_normal(wanted), dtype)
        return self._padded(self._with_the_rest(Batch(inputs, targets), rng, dtype))

    def _with_the_rest(self, batch: Batch, rng: np.random.Generator, dtype: str) -> Batch:
        """Return a batch with lengths, states before the first step, and masks that keep three quarters."""
        states = self.model.states_shape(batch.inputs.shape)
        kinds = len(find(self.model.cell).states) if self.carried else 0
        state = tuple(rounded(rng.standard_normal(states[-3:]), dtype) for _ in range(kinds)) or None
        lengths = None if self.lengths is None else np.array(self.lengths)
        masks = None
        if self.masks is not None:
            shape = (self.masks, *states[-3:]) if self.model.recurrent else states
            masks = rounded((rng.random(shape) < KEPT) / KEPT, dtype)
            if lengths is not None and self.masks == self.steps > 1:
                masks = np.where((np.arange(self.steps)[:, None] < lengths)[:, None, :, None], masks, np.nan)
        return replace(batch, lengths=lengths, state=state, masks=masks)

    def _padded(self, batch: Batch) -> Batch:
        """Return a batch whose padding is no number, and no class."""
        if batch.lengths is None:
            return batch
        targets = batch.targets
        if self.model.readout == "all":
            nothing = NO_CLASS if self.model.loss == "cross_entropy" else np.nan
            targets = targets.copy()
            targets[~batch.valid] = nothing
        return replace(batch, inputs=np.where(batch.valid[..., np.newaxis], batch.inputs, np.nan), targets=targets)

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
        width = max(m.input_size, m.layer_output_size) + m.hidden_size
        return 2 * cells * (width + 10) + 2 * (m.hidden_size + m.output_width) + self.steps * self.size


def label(model: Model) -> str:
    """Return a model in one line."""
    m = model
    both = ", bidirectional" if m.bidirectional else ""
    kind = f"{m.cell} ({m.activation}, {m.num_layers} layers{both}, readout {m.readout}, {m.loss}"
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
    initial_state: Sequence[np.ndarray] = (),
    last_state: Sequence[np.ndarray] = (),
) -> dict[str, np.ndarray]:
    """Return all arrays of an answer by name.

    State gradients are split by time step and layer: in one norm, vanished ones would be hidden by the rest. Those by
    the states before the first step, and the states after the last, are split by layer.
    """
    arrays = {"loss": loss, "outputs": outputs, **parameters}
    ends = {"initial_{}": initial_state, "last_{}": last_state}
    by_layer = [(n.format(kind), a) for n, both in ends.items() for kind, a in zip(STATE_GRADIENTS, both, strict=False)]
    for name, array in (("states", states), ("cell_states", cell_states), *by_layer):
        for index in np.ndindex(np.shape(array)[:-2] if array is not None else (0,)):
            where = f"t={index[0] + 1} layer {index[1]}" if len(index) == 2 else f"layer {index[-1]}"
            arrays[f"{name}[{where}]"] = np.asarray(array)[index]
    return arrays


def expected_of(answer: Answer, *, states: bool = True) -> dict[str, np.ndarray]:
    """Return all arrays of the oracle's answer by name, with state gradients if `states`."""
    by_h, by_c = (answer.states, answer.cell_states) if states else (None, None)
    return named(answer.loss, answer.outputs, answer.parameters, by_h, by_c, answer.initial_state, answer.last_state)
