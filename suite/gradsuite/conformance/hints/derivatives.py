"""Forward passes whose value is right and whose derivative is wrong in one place.

A derivative travels in the imaginary part (the complex step), so that a mistake in backward is written where it is
made: a path that was forgotten has no imaginary part, a factor that was forgotten is divided out of it. What such a
network returns is what a backend with that mistake returns.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gradsuite.model import GATES, Model
from gradsuite.oracle.forward import ACTIVATIONS, affine, sigmoid

Array = np.ndarray
Variables = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A place and what is done to the imaginary part there, given the place's value and factor.

    `text` says it to a person. A `partial` mistake may have been made in some of a network's parameters only.
    """

    text: str
    place: str
    change: Callable[[Array, Array, Array], Array]
    partial: bool = False


def cut(derivative: Array, value: Array, factor: Array) -> Array:
    """The path is forgotten."""
    return 0 * derivative


def without_factor(derivative: Array, value: Array, factor: Array) -> Array:
    """The factor is forgotten; where it is 0 nothing can be told, and nothing is passed on."""
    return np.divide(derivative, factor, out=np.zeros_like(derivative), where=factor != 0)


def slope_of_sigmoid(derivative: Array, value: Array, factor: Array) -> Array:
    """The slope of a tanh is taken for that of a sigmoid."""
    return without_factor(derivative, value, factor) * value * (1 - value)


def slope_of_tanh(derivative: Array, value: Array, factor: Array) -> Array:
    """The slope of a sigmoid is taken for that of a tanh."""
    return without_factor(derivative, value, factor) * (1 - value * value)


def in_order(order: tuple[int, ...]) -> Callable[[Array, Array, Array], Array]:
    """Return the change of a dz whose block k is that of gate order[k]."""

    def change(derivative: Array, value: Array, factor: Array) -> Array:
        # dz' = P dz on the way back is P^T on the way there.
        blocks = np.split(derivative, len(order), axis=-1)
        return np.concatenate([blocks[order.index(k)] for k in range(len(order))], axis=-1)

    return change


class Wrong:
    """A network with one mistake in its derivative; `at` is called at every place where one could be."""

    def __init__(self, model: Model, mistake: Mistake) -> None:
        self.model = model
        self.mistake = mistake

    def at(self, place: str, z: Array, factor: Array | float = 1.0) -> Array:
        """Return z with its derivative, which `factor` multiplies at this place, changed if the mistake is here."""
        if place != self.mistake.place:
            return z
        whole = np.broadcast_to(np.real(factor), z.shape)
        return z.real + 1j * self.mistake.change(z.imag, z.real, whole)

    def outputs(self, variables: Variables) -> Array:
        """Return the outputs as the oracle does, for variables with a leading axis of directions."""
        if self.model.recurrent:
            h = self._recurrent(variables)
        else:
            h = variables["inputs"]
            for layer in range(self.model.num_layers):
                h = self.at("below", h) if layer else h
                z = self._affine(h, variables[f"layers.{layer}.weight"], variables[f"layers.{layer}.bias"])
                h = self._activated(z) + variables["states"][..., layer, :, :]
        if self.model.readout == "none":
            return h
        weight, bias = variables["readout.weight"], variables["readout.bias"]
        if self.model.readout == "all":
            weight, bias = weight[..., None, :, :], bias[..., None, :]
        return self._affine(h, weight, bias)

    def _affine(self, x: Array, weight: Array, bias: Array) -> Array:
        """Return W x + b; of its derivative by W and b, only the first sequence's part may have been summed."""
        z = affine(x, weight, bias)
        if self.mistake.place != "other sequences":
            return z
        by_parameters = affine(x.real, weight.imag, bias.imag)
        by_parameters[..., 0, :] = 0
        return z - 1j * by_parameters

    def _recurrent(self, variables: Variables) -> Array:
        inputs, nudges, cell_nudges = (variables[name] for name in ("inputs", "states", "cell_states"))
        sequence = [inputs[..., t, :, :] for t in range(inputs.shape[-3])]
        for layer in range(self.model.num_layers):
            w_ih, w_hh, b_ih, b_hh = (
                variables[f"{kind}_l{layer}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            h = c = np.zeros_like(nudges[..., 0, layer, :, :])
            states = []
            for t, x in enumerate(sequence):
                x = self.at("below", x) if layer else x
                # A weight used at t is a variable of its own, of which the sum over t may have been forgotten.
                place = "before the last step" if t < len(sequence) - 1 else ""
                at_t = [self.at("after the first step" * (t > 0), self.at(place, w)) for w in (w_ih, w_hh, b_ih, b_hh)]
                zx = self._affine(x, at_t[0], at_t[2])
                zh = self._from_state(h, at_t[1], at_t[3])
                step, nudge = getattr(self, f"_{self.model.cell}"), cell_nudges[..., t, layer, :, :]
                if self.mistake.place == "off by one":
                    later = step(zx, zh, h, c, nudge)[0].real
                    zh = zh + 1j * (later - h.real) @ _across(at_t[1].imag)
                h, c = step(zx, zh, h, c, nudge)
                h = h + nudges[..., t, layer, :, :]
                states.append(h)
            sequence = states
        return np.stack(sequence, axis=-3) if self.model.readout == "all" else sequence[-1]

    def _from_state(self, h: Array, weight: Array, bias: Array) -> Array:
        """Return W_hh h + b_hh; the step back may have been taken with W_hh^T."""
        z = self._affine(self.at("recurrence", h), weight, bias)
        if self.mistake.place != "transposed recurrence":
            return z
        blocks = np.split(weight.real, GATES[self.model.cell], axis=-2)
        right, wrong = (np.concatenate([h.imag @ side(w) for w in blocks], -1) for side in (_across, np.asarray))
        return z + 1j * (wrong - right)

    def _activated(self, z: Array) -> Array:
        name = self.model.activation
        h = ACTIVATIONS[name](z)
        if self.mistake.place == f"{name}' is 1":
            return h.real + 1j * z.imag
        slopes = {"tanh": 1 - h.real**2, "sigmoid": h.real * (1 - h.real), "relu": (h.real > 0) * 1.0}
        return self.at(f"{name}'", h, slopes.get(name, 1.0))

    def _gate(self, letter: str, z: Array) -> Array:
        value = np.tanh(z) if letter in "gn" else sigmoid(z)
        slope = 1 - value.real**2 if letter in "gn" else value.real * (1 - value.real)
        kind = "tanh'" if letter in "gn" else "sigmoid'"
        for place in (f"slope of {letter}", kind, letter):
            value = self.at(place, value, slope)
        return value

    def _rnn(self, zx: Array, zh: Array, h: Array, c: Array, nudge: Array) -> tuple[Array, Array]:
        return self._activated(zx + zh), c

    def _lstm(self, zx: Array, zh: Array, h: Array, c: Array, nudge: Array) -> tuple[Array, Array]:
        i, f, g, o = (
            self._gate(*pair) for pair in zip("ifgo", np.split(self.at("gates", zx + zh), 4, axis=-1), strict=True)
        )
        kept = self.at("f of c", f, c) * self.at("c", self.at("c of f", c, f))
        c = kept + self.at("i of g", i, g) * self.at("g of i", g, i) + nudge
        tanh_c = np.tanh(c)
        for place in ("slope of tanh c", "tanh'", "tanh c"):
            tanh_c = self.at(place, tanh_c, 1 - tanh_c.real**2)
        return self.at("o of tanh c", o, tanh_c) * self.at("tanh c of o", tanh_c, o), c

    def _gru(self, zx: Array, zh: Array, h: Array, c: Array, nudge: Array) -> tuple[Array, Array]:
        (xr, xz, xn), (hr, hz, hn) = (np.split(self.at("gates", part), 3, axis=-1) for part in (zx, zh))
        r, z = self._gate("r", xr + hr), self._gate("z", xz + hz)
        n = self._gate("n", xn + self.at("r of hn", r, hn) * self.at("hn of r", hn, r))
        new = self.at("z of n", 1 - z, n) * self.at("n of z", n, 1 - z)
        return new + self.at("z of h", z, h) * self.at("h", self.at("h of z", h, z)), c


def _across(weight: Array) -> Array:
    return weight.swapaxes(-1, -2)
