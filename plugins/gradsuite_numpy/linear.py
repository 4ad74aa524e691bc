"""Layers that are linear in their state, h_t = a_t h_(t-1) + b_t: a and b of all steps at once, then a scan.

The backward pass is a scan in reverse, of the state gradients G_t = dL/dh_t + conj(a_(t+1)) G_(t+1); dL/db_t is G_t and
dL/da_t is G_t conj(h_(t-1)).
"""

from types import SimpleNamespace
from typing import ClassVar, NamedTuple

import numpy as np

from gradsuite_numpy.activation import sigmoid
from gradsuite_numpy.arrays import Array, blocks, column_sums, rows, steps, transpose
from gradsuite_numpy.layer import Layer, LayerGradients, State, start_states
from gradsuite_numpy.scan import scan
from gradsuite_numpy.workspace import Room


class Saved(NamedTuple):
    """States h (..., T + 1, B, H), the gates (..., T, B, G H), and a and b (..., T, B, H)."""

    h: Array
    gates: Array
    a: Array
    b: Array


class Minimal(Layer):
    """A layer of weight_ih (..., G H, I) and bias_ih (..., G H), with gates of the inputs alone (Feng et al. 2024).

    Its dL/dz is dL/d(W x + b), (..., T, B, G H), written over the gates.
    """

    gates: ClassVar[int]
    scan: str | None = None

    def __init__(self, p: SimpleNamespace, activation: str) -> None:
        self.w, self.bias = p.weight_ih, p.bias_ih
        self.hidden_size = self.w.shape[-2] // self.gates

    def forward(self, x: Array, start: State, room: Room) -> Saved:
        """Run over x (..., T, B, I) from a state."""
        *lead, B, H = start[0].shape
        T = x.shape[-3]
        z = room("gates", (*lead, T, B, self.gates * H))
        np.matmul(rows(x), transpose(self.w), out=rows(z))
        z += self.bias[..., None, None, :]
        a, b = room("a", (*lead, T, B, H)), room("b", (*lead, T, B, H))
        self.coefficients(blocks(z, self.gates), a, b)
        h = start_states((*lead, T + 1, B, H), start[0], room, "h")
        h[..., 1:, :, :] = b
        run(self.scan, a, h[..., 1:, :, :], start[0])
        return Saved(h, z, a, b)

    def coefficients(self, gates: list[Array], a: Array, b: Array) -> None:
        """Apply the gates' functions in place, and write a and b."""
        raise NotImplementedError

    def pull_gates(self, gates: list[Array], saved: Saved, da: Array, db: Array) -> None:
        """Turn the gates into the gradients by what their functions were applied to."""
        raise NotImplementedError

    def states(self, saved: Saved) -> State:
        """Return h."""
        return (saved.h,)

    def kept(self, saved: Saved) -> tuple[Array, ...]:
        """Return h and a; gates of padding are finite, and meet gradients of zero."""
        return saved.h, saved.a

    def backward(self, saved: Saved, dstates: State, *, direct: bool) -> Array:
        """Scan in reverse, then go through the gates of all steps at once."""
        (dh,) = dstates
        if not direct:
            dh[..., 1:-1, :, :] = 0
        run_back(self.scan, saved.a, dh)
        db = dh[..., 1:, :, :]
        self.pull_gates(blocks(saved.gates, self.gates), saved, db * saved.h[..., :-1, :, :], db)
        return saved.gates

    def gradients(self, x: Array, saved: Saved, dz: Array) -> LayerGradients:
        """Return the gradients of both parameters, each by one product over all time steps."""
        return {"weight_ih": transpose(rows(dz)) @ rows(x), "bias_ih": column_sums(rows(dz))}

    def pull(self, dz: Array, dx: Array) -> None:
        """Write dL/dx by one matrix product over all time steps."""
        np.matmul(rows(dz), self.w, out=rows(dx))


class MinGru(Minimal):
    """h' = (1 - z) h + z n, gates z n."""

    gates: ClassVar[int] = 2

    def coefficients(self, gates: list[Array], a: Array, b: Array) -> None:
        """Write a = 1 - z and b = z n."""
        z, n = gates
        sigmoid(z)
        np.subtract(1, z, out=a)
        np.multiply(z, n, out=b)

    def pull_gates(self, gates: list[Array], saved: Saved, da: Array, db: Array) -> None:
        """Write dz = (db n - da) z (1 - z) and dn = db z."""
        z, n = gates
        dz = (db * n - da) * saved.a * z
        np.multiply(db, z, out=n)
        z[...] = dz


class MinLstm(Minimal):
    """h' = (f h + i n) / (f + i), gates f i n."""

    gates: ClassVar[int] = 3

    def coefficients(self, gates: list[Array], a: Array, b: Array) -> None:
        """Write a = f / (f + i) and b = (1 - a) n."""
        f, i, n = gates
        sigmoid(f)
        sigmoid(i)
        np.add(f, i, out=b)
        np.divide(f, b, out=a)
        np.divide(i, b, out=b)
        np.multiply(b, n, out=b)

    def pull_gates(self, gates: list[Array], saved: Saved, da: Array, db: Array) -> None:
        """Write df = d (1 - f) and di = -d (1 - i) with d = (da - db n) a (1 - a), and dn = db (1 - a).

        For a depends on f / i alone: f da/df = -i da/di = a (1 - a).
        """
        f, i, n = gates
        share = i / (f + i)
        d = (da - db * n) * share * (f / (f + i))
        np.multiply(db, share, out=n)
        np.multiply(d, 1 - f, out=f)
        np.multiply(d, i - 1, out=i)


def run(kind: str | None, a: Array, b: Array, start: Array) -> None:
    """Turn b (..., T, B, H) into the states; in float32 where it is float16."""
    if b.dtype == np.float16:
        wide = b.astype(np.float32)
        run(kind, a.astype(np.float32), wide, start.astype(np.float32))
        b[...] = wide
        return
    scan(kind, steps(a), steps(b), start)


def run_back(kind: str | None, a: Array, d: Array) -> None:
    """Turn d (..., T + 1, B, H) into total derivatives: of what reaches h_1 to h_T directly, and what reaches h_0."""
    if d.dtype == np.float16:
        wide = d.astype(np.float32)
        run_back(kind, a.astype(np.float32), wide)
        d[...] = wide
        return
    over_time, each = steps(d), steps(a)
    last = over_time[-1].copy()
    if len(over_time) > 2:
        scan(kind, each[1:] if len(each) > 1 else each, over_time[1:-1], last, reverse=True)
    over_time[0] += each[0] * over_time[1]
