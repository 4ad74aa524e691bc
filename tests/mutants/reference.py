"""A plain NumPy backend, right but slow, in small methods: each is a line of the textbook that a mutant gets wrong."""

import numpy as np
from gradsuite.backend import Backend, BackendInfo, Batch, Gradients, Network, Tape
from gradsuite.model import ACTIVATIONS, CELLS, GATES, Model
from gradsuite.schedule import Schedule

WHOLE = Schedule()


class Reference(Network):
    """Backpropagation (through time), one step and one layer after the other."""

    def __init__(self, model: Model, parameters, *, device, dtype):
        on_device = {name: self.to_device(p, dtype) for name, p in parameters.items()}
        super().__init__(model, on_device, device=device, dtype=dtype)

    def to_device(self, array, dtype):
        return np.array(array, dtype)

    def put(self, batch: Batch) -> Batch:
        integers = self.model.loss == "cross_entropy"
        return Batch(self.to_device(batch.inputs, self.dtype), np.array(batch.targets, int if integers else self.dtype))

    def fetch(self, array):
        return np.array(array)

    # Activations, and their slopes by their values.

    def sigmoid(self, z):
        e = np.exp(-np.abs(z))
        return np.where(z >= 0, 1, e) / (1 + e)

    def sigmoid_slope(self, s):
        return s * (1 - s)

    def tanh_slope(self, h):
        return 1 - h * h

    def relu(self, z):
        return np.maximum(z, 0)

    def relu_slope(self, h):
        return h > 0

    def activate(self, z):
        return {"tanh": np.tanh, "sigmoid": self.sigmoid, "relu": self.relu, "identity": np.copy}[
            self.model.activation
        ](z)

    def slope(self, h):
        slopes = {"tanh": self.tanh_slope, "sigmoid": self.sigmoid_slope, "relu": self.relu_slope}
        return slopes.get(self.model.activation, np.ones_like)(h)

    # Cells: forward returns h, c and what backward needs; backward returns the gradients by W_ih x + b_ih, by
    # W_hh h + b_hh, and by h and c of the step before where they do not pass through W_hh.

    def gates(self, z):
        return np.split(z, GATES[self.model.cell], axis=-1)

    def join(self, *gates):
        return np.concatenate(gates, axis=-1)

    def rnn(self, zx, zh, h, c):
        h = self.activate(zx + zh)
        return h, c, (h,)

    def rnn_back(self, dh, dc, saved):
        (h,) = saved
        dz = dh * self.slope(h)
        return dz, dz, np.zeros_like(dh), dc

    def lstm(self, zx, zh, h, c):
        i, f, g, o = self.gates(zx + zh)
        i, f, g, o = self.sigmoid(i), self.sigmoid(f), np.tanh(g), self.sigmoid(o)
        new = f * c + i * g
        tanh_c = np.tanh(new)
        return o * tanh_c, new, (i, f, g, o, c, tanh_c)

    def lstm_back(self, dh, dc, saved):
        i, f, g, o, c, _ = saved
        di, df = dc * g * self.sigmoid_slope(i), dc * c * self.sigmoid_slope(f)
        dg, do = dc * i * self.tanh_slope(g), dh * saved[5] * self.sigmoid_slope(o)
        dz = self.join(di, df, dg, do)
        return dz, dz, np.zeros_like(dh), dc * f

    def dc_of_h(self, dh, saved):
        """What reaches c through h = o tanh(c)."""
        return dh * saved[3] * self.tanh_slope(saved[5])

    def gru(self, zx, zh, h, c):
        (xr, xz, xn), (hr, hz, hn) = self.gates(zx), self.gates(zh)
        r, z = self.sigmoid(xr + hr), self.sigmoid(xz + hz)
        n = np.tanh(xn + r * hn)
        return (1 - z) * n + z * h, c, (r, z, n, h, hn)

    def gru_back(self, dh, dc, saved):
        r, z, n, h, hn = saved
        dn = dh * (1 - z) * self.tanh_slope(n)
        dr, dz = dn * hn * self.sigmoid_slope(r), dh * (h - n) * self.sigmoid_slope(z)
        return self.join(dr, dz, dn), self.join(dr, dz, dn * r), dh * z, dc

    # Losses of outputs (B, O) or (T, B, O), and their slopes.

    def examples(self, y):
        return y[..., 0].size

    def loss(self, y, targets):
        if self.model.loss == "mse":
            return ((y - targets) ** 2).mean()
        if self.model.loss == "inner_product":
            return (y * targets).sum() / self.examples(y)
        return -self.log_softmax(y)[self.chosen(targets)].mean()

    def shift(self, y):
        return y - y.max(axis=-1, keepdims=True)

    def log_softmax(self, y):
        shifted = self.shift(y)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    def chosen(self, targets):
        return (*np.indices(targets.shape), targets)

    def loss_slope(self, y, targets):
        if self.model.loss == "mse":
            return 2 * (y - targets) / y.size
        if self.model.loss == "inner_product":
            return targets / self.examples(y)
        p = np.exp(self.log_softmax(y))
        p[self.chosen(targets)] -= 1
        return p / self.examples(y)

    # The whole network.

    def forward(self, batch: Batch, *, states: bool = False) -> Tape:
        x, layers = self.read(batch), []
        for layer in range(self.model.num_layers):
            x, saved = self.layer(layer, x)
            layers.append(saved)
        h = x if self.model.readout == "all" or not self.model.recurrent else x[-1]
        y = h if self.model.readout == "none" else self.affine(h, "readout.weight", "readout.bias")
        return Tape(self.loss(y, batch.targets), y, (batch, layers, h, states))

    def read(self, batch: Batch):
        return batch.inputs

    def affine(self, x, weight, bias):
        return x @ self.parameters[weight].T + self.parameters[bias]

    def start(self, size):
        return np.zeros((size, self.model.hidden_size), self.dtype)

    def layer(self, layer, x):
        """Return the layer's states, and for each step what backward needs."""
        if not self.model.recurrent:
            h = self.activate(self.affine(x, f"layers.{layer}.weight", f"layers.{layer}.bias"))
            return h, (x, h)
        h = c = self.start(x.shape[1])
        states, steps = [], []
        for x_t in x:
            zx = self.affine(x_t, f"weight_ih_l{layer}", f"bias_ih_l{layer}")
            zh = self.affine(h, f"weight_hh_l{layer}", f"bias_hh_l{layer}")
            before = h
            h, c, saved = getattr(self, self.model.cell)(zx, zh, h, c)
            states.append(h)
            steps.append((x_t, before, h, saved))
        return np.array(states), steps

    def backward(self, tape: Tape) -> Gradients:
        batch, layers, h, wanted = tape.saved
        gradients = {name: np.zeros_like(p) for name, p in self.parameters.items()}
        dh = self.loss_slope(tape.outputs, batch.targets)
        if self.model.readout != "none":
            self.add(gradients, "readout.weight", "readout.bias", dh, h)
            dh = dh @ self.parameters["readout.weight"]
        if self.model.recurrent and self.model.readout != "all":
            dh = np.concatenate([np.zeros((len(layers[0]) - 1, *dh.shape), dh.dtype), dh[None]])
        by_state, by_cell = [], []
        for layer in reversed(range(self.model.num_layers)):
            dh, dhs, dcs = self.layer_back(layer, dh, layers[layer], gradients)
            by_state.insert(0, dhs)
            by_cell.insert(0, dcs)
        gradients = {name: self.finish(name, g) for name, g in gradients.items()}
        if not wanted:
            return Gradients(gradients)
        axis = 1 if self.model.recurrent else 0
        states = self.finish("states", np.stack(by_state, axis))
        cells = self.finish("cell_states", np.stack(by_cell, axis)) if self.model.cell == "lstm" else None
        return Gradients(gradients, states, cells)

    def finish(self, name, gradient):
        return gradient

    def add(self, gradients, weight, bias, dz, x):
        """Add dz^T x and the sum of dz, over all axes but the last."""
        gradients[weight] += dz.reshape(-1, dz.shape[-1]).T @ x.reshape(-1, x.shape[-1])
        gradients[bias] += dz.reshape(-1, dz.shape[-1]).sum(axis=0)

    def layer_back(self, layer, dh_above, saved, gradients):
        """Return the gradients by the layer's inputs, states and cell states."""
        if not self.model.recurrent:
            x, h = saved
            dz = dh_above * self.slope(h)
            self.add(gradients, f"layers.{layer}.weight", f"layers.{layer}.bias", dz, x)
            return dz @ self.parameters[f"layers.{layer}.weight"], dh_above, None
        dh_next = dc_next = np.zeros_like(dh_above[0])
        dxs, dhs, dcs = [], [], []
        for dh, (x, before, after, steps) in zip(dh_above[::-1], saved[::-1], strict=True):
            dh = dh + dh_next
            dc = dc_next + self.dc_of_h(dh, steps) if self.model.cell == "lstm" else dc_next
            dzx, dzh, direct, dc_next = getattr(self, f"{self.model.cell}_back")(dh, dc, steps)
            self.add(gradients, f"weight_ih_l{layer}", f"bias_ih_l{layer}", dzx, x)
            self.add(gradients, f"weight_hh_l{layer}", f"bias_hh_l{layer}", dzh, self.recurrent_input(before, after))
            dh_next = direct + self.through_recurrence(dzh, self.parameters[f"weight_hh_l{layer}"])
            dxs.append(dzx @ self.parameters[f"weight_ih_l{layer}"])
            dhs.append(dh)
            dcs.append(dc)
        return np.array(dxs[::-1]), np.array(dhs[::-1]), np.array(dcs[::-1])

    def recurrent_input(self, before, after):
        return before

    def through_recurrence(self, dz, weight):
        return dz @ weight


class ReferenceBackend(Backend):
    """The reference, or with `network` a mutant of it."""

    name = "reference"
    network: type[Reference] = Reference

    def describe(self) -> BackendInfo:
        return BackendInfo(self.name, {"numpy": np.__version__}, ("cpu",), ("float64", "float32"), CELLS, ACTIVATIONS)

    def build(self, model, parameters, *, device="cpu", dtype="float32", schedule=WHOLE):
        self.require(model, parameters, device, dtype, schedule)
        return self.network(model, parameters, device=device, dtype=dtype)
