"""The linear recurrent unit (Orvieto et al. 2023): s_t = lambda s_(t-1) + gamma B x_t, y = phi(Re(C s) + D x).

s is complex; its parts are the states h and c. lambda = exp(-exp(nu_log) + i exp(theta_log)).
"""

from types import SimpleNamespace
from typing import ClassVar, NamedTuple

import numpy as np

from gradsuite_numpy.activation import ACTIVATIONS
from gradsuite_numpy.arrays import Array, rows, transpose
from gradsuite_numpy.layer import Layer, LayerGradients, State, start_states
from gradsuite_numpy.linear import run, run_back
from gradsuite_numpy.workspace import Room


class Saved(NamedTuple):
    """States h and c (..., T + 1, B, H), gamma B x by its parts, y, and where dL/dy is written (..., T, B, H)."""

    h: Array
    c: Array
    driven: tuple[Array, Array]
    y: Array
    dy: Array


class Gradient(NamedTuple):
    """dL/d(Re(C s) + D x), and dL/ds by its parts, each (..., T, B, H)."""

    dz: Array
    re: Array
    im: Array


class Lru(Layer):
    """tanh, relu or identity."""

    state_size: ClassVar[int] = 2
    scan: str | None = None

    def __init__(self, p: SimpleNamespace, activation: str) -> None:
        self.p, self.phi = p, ACTIVATIONS[activation]
        wide = np.result_type(p.nu_log, np.float32)  # half types have no complex numbers
        nu, theta = np.exp(p.nu_log.astype(wide)), np.exp(p.theta_log.astype(wide))
        self.eigenvalues = np.exp(-nu + 1j * theta).astype(np.result_type(wide, np.complex64))
        self.slopes = -nu * self.eigenvalues, 1j * theta * self.eigenvalues  # of lambda by nu_log and theta_log
        self.gamma = np.exp(p.gamma_log)[..., None, :]

    @property
    def a(self) -> Array:
        """Lambda with axes for time and batch (..., 1, 1, H)."""
        return self.eigenvalues[..., None, None, :]

    def forward(self, x: Array, start: State, room: Room) -> Saved:
        """Run over x (..., T, B, I) from a state."""
        *lead, B, H = start[0].shape
        T, shape = x.shape[-3], (*lead, x.shape[-3], B, H)
        driven = room("driven re", shape), room("driven im", shape)
        for part, weight in zip(driven, (self.p.B_re, self.p.B_im), strict=True):
            np.matmul(rows(x), transpose(weight), out=rows(part))
            rows(part)[...] *= self.gamma
        s = joined(*driven)
        run(self.scan, self.a, s, joined(*start))
        h, c = (start_states((*lead, T + 1, B, H), start[k], room, name) for k, name in enumerate("hc"))
        h[..., 1:, :, :], c[..., 1:, :, :] = s.real, s.imag
        y = room("y", shape)
        np.matmul(rows(h[..., 1:, :, :]), transpose(self.p.C_re), out=rows(y))
        rows(y)[...] -= rows(c[..., 1:, :, :]) @ transpose(self.p.C_im)
        rows(y)[...] += rows(x) @ transpose(self.p.D)
        self.phi.apply(y)
        return Saved(h, c, driven, y, room("dy", shape))

    def states(self, saved: Saved) -> State:
        """Return h and c."""
        return saved.h, saved.c

    def kept(self, saved: Saved) -> tuple[Array, ...]:
        """Return the states, what drives them, and y."""
        return saved.h, saved.c, *saved.driven, saved.y

    def output(self, saved: Saved) -> Array:
        """Return y."""
        return saved.y

    def output_gradient(self, dstates: State, room: Room) -> Array:
        """Return where dL/dy is to be written."""
        *lead, T, B, H = dstates[0].shape
        return room("dy", (*lead, T - 1, B, H))

    def backward(self, saved: Saved, dstates: State, *, direct: bool) -> Gradient:
        """Go from y to the states of all steps at once, then scan in reverse."""
        dh, dc = dstates
        dy = saved.dy
        if not direct:
            dy[..., :-1, :, :] = 0
        dz = np.empty_like(dy)
        self.phi.pull(saved.y, dy, dz)
        for d, weight, sign in ((dh, self.p.C_re, 1), (dc, self.p.C_im, -1)):
            d[..., 1:-1, :, :] = 0
            d[..., 1:, :, :] += sign * (rows(dz) @ weight).reshape(dz.shape)
        ds = joined(dh, dc)
        run_back(self.scan, self.a.conj(), ds)
        dh[...], dc[...] = ds.real, ds.imag
        return Gradient(dz, dh[..., 1:, :, :], dc[..., 1:, :, :])

    def gradients(self, x: Array, saved: Saved, dz: Gradient) -> LayerGradients:
        """Return the gradients of all parameters, each by products or sums over all time steps."""
        h, c = saved.h[..., 1:, :, :], saved.c[..., 1:, :, :]
        of_lambda = total(joined(dz.re, dz.im) * joined(saved.h, saved.c)[..., :-1, :, :].conj())
        by_nu, by_theta = ((of_lambda.conj() * slope).real for slope in self.slopes)
        driven_re, driven_im = (self.gamma * rows(part) for part in (dz.re, dz.im))
        found = {
            "nu_log": by_nu,
            "theta_log": by_theta,
            "gamma_log": total(dz.re * saved.driven[0] + dz.im * saved.driven[1]),
            "B_re": transpose(driven_re) @ rows(x),
            "B_im": transpose(driven_im) @ rows(x),
            "C_re": transpose(rows(dz.dz)) @ rows(h),
            "C_im": -transpose(rows(dz.dz)) @ rows(c),
            "D": transpose(rows(dz.dz)) @ rows(x),
        }
        return {name: gradient.astype(x.dtype, copy=False) for name, gradient in found.items()}

    def pull(self, dz: Gradient, dx: Array) -> None:
        """Write dL/dx by products over all time steps."""
        np.matmul(rows(dz.dz), self.p.D, out=rows(dx))
        for part, weight in ((dz.re, self.p.B_re), (dz.im, self.p.B_im)):
            rows(dx)[...] += (self.gamma * rows(part)) @ weight


def joined(re: Array, im: Array) -> Array:
    """Return the complex array of two parts; in single precision where they are float16."""
    return np.multiply(1j, im, dtype=np.result_type(im, np.complex64)) + re


def total(array: Array) -> Array:
    """Return (..., T, B, H) summed over time and batch."""
    return array.sum((-3, -2))
