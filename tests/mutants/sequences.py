"""Wrong in lengths, carried states, masks and directions: in what is read, in what is answered, in what comes back."""

from dataclasses import replace

import numpy as np
from gradsuite.backend import Network
from gradsuite.oracle import differentiate

from tests.mutants.answered import Answered, AnsweredBackend, mutant
from tests.mutants.reference import WHOLE
from tests.mutants.table import MUTANTS


def with_lengths(change):
    """Return a reading in which lengths are others, where there are any."""

    def read(self, batch):
        if batch.lengths is None:
            return batch
        inputs, targets = np.nan_to_num(batch.inputs), batch.targets
        targets = np.nan_to_num(targets) if targets.dtype.kind == "f" else np.maximum(targets, 0)
        steps = len(inputs)
        return replace(batch, inputs=inputs, targets=targets, lengths=np.clip(change(batch.lengths, steps), 1, steps))

    return read


def with_state(change):
    """Return a reading in which the states before the first step are others."""
    return lambda self, batch: replace(batch, state=None if batch.state is None else change(batch.state))


def with_masks(change):
    """Return a reading in which the masks are others."""
    return lambda self, batch: replace(batch, masks=None if batch.masks is None else change(batch.masks))


def lost_state(self, batch):
    return with_state(lambda state: tuple(np.zeros_like(s) for s in state))(self, batch)


def padded(answer, batch):
    """Where steps are past the length of their sequence (T, 1, B, 1)."""
    return ~batch.valid[:, np.newaxis, :, np.newaxis]


def leaks(field, size):
    """Return a finish in which gradients past the length are not zero, but small."""

    def finish(self, answer, batch):
        if batch.lengths is None or getattr(answer, field) is None:
            return answer
        array = getattr(answer, field)
        return replace(answer, **{field: np.where(padded(answer, batch), size, array)})

    return finish


def not_averaged_over_valid_steps(self, answer, batch):
    """The loss and all gradients are divided by T B, padding included."""
    if batch.lengths is None or self.model.readout != "all":
        return answer
    return scaled(answer, batch.valid.mean())


def averaged_by_sequence(self, answer, batch):
    """The loss is the mean over sequences of means over their own steps: here of two lengths alone."""
    if batch.lengths is None or self.model.readout != "all" or len(set(batch.lengths)) == 1:
        return answer
    return replace(answer, loss=answer.loss * 1.01)


def scaled(answer, factor):
    c = answer.cell_states
    return replace(
        answer,
        loss=answer.loss * factor,
        parameters={name: g * factor for name, g in answer.parameters.items()},
        states=answer.states * factor,
        cell_states=None if c is None else c * factor,
        initial_state=tuple(g * factor for g in answer.initial_state),
    )


def on_outputs(change):
    def finish(self, answer, batch):
        if batch.lengths is None or self.model.readout != "all":
            return answer
        return replace(answer, outputs=change(answer.outputs, ~batch.valid[..., np.newaxis]))

    return finish


def of_initial(change):
    return lambda self, answer, batch: replace(answer, initial_state=change(answer.initial_state))


def of_last(change):
    return lambda self, answer, batch: replace(answer, last_state=change(answer.last_state))


def masked_states(self, answer, batch):
    """State gradients are taken by the states after the mask: where it is zero, what it hides is not there."""
    if batch.masks is None:
        return answer
    return replace(answer, states=np.where(batch.masks == 0, 0, answer.states))


def reverse_names(change):
    """Return a reading of parameters in which those of the backward direction are others."""

    def understood(self, parameters):
        if not self.model.bidirectional:
            return parameters
        return {n: change(parameters, n) if "_reverse" in n else p for n, p in parameters.items()}

    return understood


def swapped_directions(self, parameters):
    if not self.model.bidirectional:
        return parameters
    other = {n: n.removesuffix("_reverse") if "_reverse" in n else f"{n}_reverse" for n in parameters}
    return {n: p if n.startswith("readout") else parameters[other[n]] for n, p in parameters.items()}


def not_reversed(self, batch):
    """A forward network of both sets of weights side by side: the backward direction reads from the first step too."""
    model, h = self.model, self.model.hidden_size
    if not model.bidirectional or model.cell != "rnn":
        return Answered.solve(self, batch)
    wide = {}
    for layer in range(model.num_layers):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            one, other = self.parameters[f"{name}_l{layer}"], self.parameters[f"{name}_l{layer}_reverse"]
            wide[f"{name}_l{layer}"] = np.concatenate([one, other])
            if name == "weight_hh":
                wide[f"{name}_l{layer}"] = np.block([[one, np.zeros((h, h))], [np.zeros((h, h)), other]])
    wide |= {n: p for n, p in self.parameters.items() if n.startswith("readout")}
    answer = differentiate(replace(model, hidden_size=2 * h, bidirectional=False), wide, batch)
    states = answer.states.reshape(*answer.states.shape[:3], 2, h).transpose(0, 1, 3, 2, 4)
    parameters = dict[str, np.ndarray]()
    for name in self.parameters:
        whole, rows = (
            answer.parameters[name.removesuffix("_reverse")],
            slice(h, None) if "_reverse" in name else slice(h),
        )
        parameters[name] = whole if name.startswith("readout") else whole[rows]
        if "weight_hh" in name:
            parameters[name] = whole[rows, rows]
    return replace(answer, parameters=parameters, states=states.reshape(len(states), -1, *states.shape[3:]))


def by_direction(change):
    """Return a finish that changes the state gradients by the backward direction (T, layers, B, H)."""

    def finish(self, answer, batch):
        if not self.model.bidirectional:
            return answer
        states = answer.states.copy()
        states[:, 1::2] = change(states[:, 1::2])
        return replace(answer, states=states)

    return finish


# Lengths.
mutant("length-one-less", "lengths", read=with_lengths(lambda n, steps: n - 1))
mutant("length-one-more", "lengths", read=with_lengths(lambda n, steps: n + 1))
mutant("lengths-left-out", "lengths", read=with_lengths(lambda n, steps: np.full_like(n, steps)))
mutant("lengths-sorted", "lengths", read=with_lengths(lambda n, steps: np.sort(n)[::-1]))
mutant("longest-length-for-all", "lengths", read=with_lengths(lambda n, steps: np.full_like(n, n.max())))
mutant("lengths-backward-only-one-less", "lengths", read_backward=with_lengths(lambda n, steps: n - (n == n.max()) * 1))
mutant("dh-leaks-past-a-length", "lengths", finish=leaks("states", 1e-300))
mutant("dc-leaks-past-a-length", "lengths", finish=leaks("cell_states", 1e-300))
mutant("mean-over-padding-too", "lengths", finish=not_averaged_over_valid_steps)
mutant("mean-of-means", "lengths", finish=averaged_by_sequence)
mutant("outputs-in-the-padding", "lengths", finish=on_outputs(lambda y, past: np.where(past, 1e-3, y)))
mutant("outputs-nan-in-the-padding", "lengths", finish=on_outputs(lambda y, past: np.where(past, np.nan, y)))

# Carried states.
mutant("state-left-out", "carried-state", read=lost_state, read_backward=lost_state)
mutant("state-left-out-backward", "carried-state", read_backward=lost_state)
mutant("layers-of-a-state-swapped", "carried-state", read=with_state(lambda state: tuple(s[::-1] for s in state)))
mutant(
    "h-and-c-of-a-state-swapped",
    "carried-state",
    read=with_state(lambda state: state[::-1]),
    read_backward=with_state(lambda state: state[::-1]),
)
mutant("no-gradient-by-the-state", "carried-state", finish=of_initial(lambda g: tuple(0 * a for a in g)))
mutant("gradient-by-the-state-missing", "carried-state", finish=of_initial(lambda g: ()))
mutant("gradient-by-the-state-scaled", "carried-state", finish=of_initial(lambda g: tuple(1.01 * a for a in g)))
mutant("gradients-by-h-and-c-swapped", "carried-state", finish=of_initial(lambda g: g[::-1]))
mutant("last-state-of-the-step-before", "sequences", finish=of_last(lambda s: tuple(0.99 * a for a in s)))
mutant("last-state-of-the-top-layer-only", "carried-state", finish=of_last(lambda s: tuple(0 * a + a[-1:] for a in s)))

# Masks.
mutant("mask-left-out", "masks", read=with_masks(np.ones_like), read_backward=with_masks(np.ones_like))
mutant("mask-backward-only", "masks", read=with_masks(np.ones_like))
mutant("mask-forward-only", "masks", read_backward=with_masks(np.ones_like))
mutant("mask-not-scaled", "masks", read=with_masks(np.sign), read_backward=with_masks(np.sign))
mutant("gradients-by-masked-states", "masks", finish=masked_states)
mutant(
    "first-mask-at-every-step",
    "masks",
    read=with_masks(lambda m: m[:1] if m.ndim == 4 else m),
    read_backward=with_masks(lambda m: m[:1] if m.ndim == 4 else m),
)

# Directions.
mutant("directions-swapped", "bidirectional", understood=swapped_directions)
mutant(
    "one-set-of-weights-for-both", "bidirectional", understood=reverse_names(lambda p, n: p[n.removesuffix("_reverse")])
)
mutant("backward-states-in-their-own-time", "bidirectional", finish=by_direction(lambda s: s[::-1]))
mutant("backward-states-of-the-other-layer", "bidirectional", finish=by_direction(lambda s: s[:, ::-1]))
mutant("reverse-direction-not-reversed", "bidirectional", solve=not_reversed)

# Together, and with schedules.
mutant(
    "windows-counted-from-the-first-step",
    "sequences-scheduled",
    horizon=lambda self, k: None if k is None else (k[0] + 1, k[1] + 1),
)
mutant("window-one-step-short", "sequences-scheduled", horizon=lambda self, k: None if k is None else (k[0], k[1] - 1))
mutant(
    "padding-overflows",
    "lengths-overflow",
    finish=lambda self, answer, batch: (
        scaled(answer, np.nan) if batch.lengths is not None and len(batch.inputs) > 1000 else answer
    ),
)


def without_lengths(self, batch, optimizer):
    """A step that leaves lengths out."""
    return Network.step(self, with_lengths(lambda n, steps: np.full_like(n, steps))(self, batch), optimizer)


mutant("step-leaves-lengths-out", "sequences", step=without_lengths)


class Unasked(AnsweredBackend):
    """Takes what it does not claim, and bidirectional models too."""

    features = ()

    def require(self, model, parameters, device, dtype, schedule=WHOLE):
        return


MUTANTS["takes-batches-that-it-does-not-claim"] = (Unasked, "unclaimed-is-refused")
