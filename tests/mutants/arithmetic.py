"""Wrong in what they compute: slopes, gates, signs, indices, losses, scale and precision."""

import numpy as np
from gradsuite.backend import Gradients

from tests.mutants.reference import Reference
from tests.mutants.table import network


def finish(change):
    """Return a `finish` that changes gradients by name, or leaves them where `change` returns None."""

    def method(self, name, gradient):
        changed = change(name, gradient)
        return gradient if changed is None else changed

    return method


def after(method, change):
    """Return the reference's method, its result changed."""
    return lambda self, *args, **kwargs: change(self, getattr(Reference, method)(self, *args, **kwargs))


def edit(array, index, value):
    array = np.array(array)
    array[index] = value
    return array


# Slopes and activations.
network("tanh' for sigmoid'", "gradients-lstm", sigmoid_slope=lambda self, s: 1 - s * s)
network("sigmoid' for tanh'", "gradients-rnn-tanh", tanh_slope=lambda self, h: h * (1 - h))
network("slope of the identity zero", "gradients-mlp-identity", slope=lambda self, h: np.zeros_like(h))
network("relu'(0) = 1", "relu", relu_slope=lambda self, h: h >= 0)
network("relu makes NaN a number", "nan", relu=lambda self, z: np.where(z > 0, z, 0))
network("relu leaks", "gradients-rnn-relu", relu_slope=lambda self, h: np.where(h > 0, 1, 0.01))
network("sigmoid overflows", "saturated-gates", sigmoid=lambda self, z: np.exp(z) / (1 + np.exp(z)))

# Gates.
network(
    "LSTM gates i f o g",
    "gradients-lstm",
    gates=after("gates", lambda self, g: [g[0], g[1], g[3], g[2]] if len(g) == 4 else g),
)
network(
    "forget and input gate swapped",
    "gradients-lstm",
    gates=after("gates", lambda self, g: [g[1], g[0], *g[2:]] if len(g) == 4 else g),
)
network(
    "GRU gates z r n", "gradients-gru", gates=after("gates", lambda self, g: [g[1], g[0], g[2]] if len(g) == 3 else g)
)
network(
    "gate gradients joined in another order", "gradients-lstm", join=lambda self, *g: np.concatenate(g[::-1], axis=-1)
)


def dc_of_rounded_dh(self, layer, dh_above, saved, gradients):
    """dL/dc added up from the forget gates and a dL/dh that was rounded once more, as in another kernel."""
    dx, dhs, dcs = Reference.layer_back(self, layer, dh_above, saved, gradients)
    if self.model.cell == "lstm":
        rounded = dhs * (1 + np.finfo(dhs.dtype).eps * np.random.default_rng(0).choice([-1, 0, 1], dhs.shape))
        dc_next = np.zeros_like(dhs[0])
        for t in reversed(range(len(dhs))):
            steps = saved[t][3]
            dcs[t] = dc_next + self.dc_of_h(rounded[t], steps)
            dc_next = dcs[t] * steps[1]
    return dx, dhs, dcs


network("dL/dc added up from a rounded dL/dh", "vanishing-lstm", layer_back=dc_of_rounded_dh)


def reset_before_product(self, zx, zh, h, c):
    (xr, xz, xn), (hr, hz, _) = self.gates(zx), self.gates(zh)
    r, z = self.sigmoid(xr + hr), self.sigmoid(xz + hz)
    layer = next(
        n
        for n in range(self.model.num_layers)
        if np.array_equal(zh, self.affine(h, f"weight_hh_l{n}", f"bias_hh_l{n}"))
    )
    hn = self.gates(self.affine(r * h, f"weight_hh_l{layer}", f"bias_hh_l{layer}"))[2]
    n = np.tanh(xn + hn)
    return (1 - z) * n + z * h, c, (r, z, n, h, hn)


network("reset gate before the product", "gradients-gru", gru=reset_before_product)
network(
    "reset gate missing in backward", "gradients-gru", gru_back=after("gru_back", lambda self, r: (r[0], r[0], *r[2:]))
)
network(
    "carried state missing in GRU",
    "gru-without-recurrence",
    gru_back=after("gru_back", lambda self, r: (*r[:2], 0 * r[2], r[3])),
)
network("output gate's path to c missing", "lstm-without-recurrence", dc_of_h=lambda self, dh, saved: np.zeros_like(dh))
network(
    "forget gate missing in backward",
    "lstm-without-recurrence",
    lstm_back=lambda self, dh, dc, s: (*Reference.lstm_back(self, dh, dc, s)[:3], dc),
)

# Signs, transposes, indices, layers.
network("sign flipped", "gradients-rnn-tanh", finish=finish(lambda n, g: -g if n == "weight_hh_l0" else None))
network("sign of state gradients flipped", "linear-powers", finish=finish(lambda n, g: -g if n == "states" else None))
network(
    "recurrent weight transposed",
    "linear-powers",
    through_recurrence=lambda self, dz, w: (
        (np.split(dz, dz.shape[-1] // w.shape[1], axis=-1)[-1] @ w[-w.shape[1] :].T)
        if dz.shape[-1] == w.shape[1]
        else dz @ w
    ),
)
network("off by one in time", "gradients-gru", recurrent_input=lambda self, before, after: after)
network(
    "last step's state gradient missing",
    "gradients-lstm",
    finish=finish(lambda n, g: edit(g, -1, 0) if n == "states" else None),
)
network(
    "first step's state gradient missing",
    "linear-powers",
    finish=finish(lambda n, g: edit(g, 0, 0) if n == "states" else None),
)
network(
    "state gradients reversed in time", "linear-powers", finish=finish(lambda n, g: g[::-1] if n == "states" else None)
)
network(
    "immediate state gradients only",
    "orthogonal",
    through_recurrence=lambda self, dz, w: np.zeros((len(dz), w.shape[1])),
)
network(
    "lowest layer's gradient dropped",
    "gradients-lstm",
    finish=finish(lambda n, g: 0 * g if n.endswith("_l0") else None),
)
network(
    "only the upper layer's state gradients",
    "gradients-gru",
    finish=finish(
        lambda n, g: edit(g, (slice(None), 0), 0) if n == "states" and g.ndim == 4 and g.shape[1] > 1 else None
    ),
)
network(
    "bias_hh gradient missing", "gradients-gru", finish=finish(lambda n, g: 0 * g if n.startswith("bias_hh") else None)
)
network(
    "readout bias gradient missing",
    "gradients-mlp-tanh",
    finish=finish(lambda n, g: 0 * g if n == "readout.bias" else None),
)
network("bias left out", "gradients-rnn-tanh", affine=lambda self, x, w, b: x @ self.parameters[w].T)
network(
    "state starts at one",
    "gradients-rnn-tanh",
    start=lambda self, size: np.ones((size, self.model.hidden_size), self.dtype),
)
network(
    "time runs backwards",
    "gradients-rnn-tanh",
    read=lambda self, batch: batch.inputs[::-1] if self.model.recurrent else batch.inputs,
)

# Losses.
network("1/B missing", "batch-mean", loss_slope=after("loss_slope", lambda self, d: d * d.shape[-2]))
network(
    "1/T missing", "gradients-gru", loss_slope=after("loss_slope", lambda self, d: d * len(d) if d.ndim == 3 else d)
)
network(
    "mse not averaged over outputs",
    "gradients-mlp-tanh",
    loss_slope=after("loss_slope", lambda self, d: d * d.shape[-1] if self.model.loss == "mse" else d),
)
network(
    "factor 2 of mse missing",
    "gradients-mlp-tanh",
    loss_slope=after("loss_slope", lambda self, d: d / 2 if self.model.loss == "mse" else d),
)
network("loss summed", "gradients-mlp-tanh", loss=after("loss", lambda self, loss: loss * 3))
network("cross-entropy without max shift", "large-logits", shift=lambda self, y: y)
network(
    "cross-entropy slope without the target", "gradients-lstm", chosen=lambda self, t: (*np.indices(t.shape), 0 * t)
)

# Scale and precision.
network("gradients clipped", "huge-gradients", finish=finish(lambda n, g: g.clip(-1e3, 1e3)))
network(
    "small gradients flushed to zero", "tiny-gradients", finish=finish(lambda n, g: np.where(np.abs(g) < 1e-12, 0, g))
)
network("NaN made zero", "nan", finish=finish(lambda n, g: np.where(np.isnan(g), 0, g)))
network("inf made the largest number", "overflow", finish=finish(lambda n, g: np.nan_to_num(g, nan=np.nan)))
network(
    "float32 inside float64", "gradients-mlp-tanh", finish=finish(lambda n, g: g.astype(np.float32).astype(g.dtype))
)
network(
    "float32 on the way to the device",
    "batches-arrive",
    to_device=lambda self, a, dtype: np.array(a, np.float32).astype(dtype),
)
network("finite differences' accuracy", "gradients-gru", finish=finish(lambda n, g: g * (1 + 1e-8)))
network(
    "a bias without states",
    "gradients-gru",
    backward=after(
        "backward",
        lambda self, g: (
            g if g.states is not None else Gradients({n: p * (n != "bias_ih_l0") for n, p in g.parameters.items()})
        ),
    ),
)
