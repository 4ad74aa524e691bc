"""The forward pass of every model, written once for any NumPy dtype: real, complex or long double.

`variables` holds everything that the loss depends on: the parameters by name, `inputs`, and `states` and `cell_states`,
which are added to each hidden state h_t (each layer's activation, for `mlp`) and to each cell state c_t. Each may have
a leading axis of directions, which everything that depends on it then has too.
"""

from collections.abc import Callable, Mapping

import numpy as np

from gradsuite.model import Model

Array = np.ndarray
Variables = Mapping[str, Array]
Weights = tuple[Array, Array, Array, Array]  # weight_ih, weight_hh, bias_ih, bias_hh


def relu(z: Array) -> Array:
    """max(z, 0), by the real part, so that the derivative at the kink is 0 (PyTorch's rule); NaN stays NaN."""
    return np.where(z.real <= 0, 0, z)


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^-z), without overflow and without cancellation on either side."""
    positive = z.real >= 0
    e = np.exp(np.where(positive, -z, z))
    return np.where(positive, 1, e) / (1 + e)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "relu": relu,
    "sigmoid": sigmoid,
    "identity": lambda z: z,
}


def affine(x: Array, weight: Array, bias: Array) -> Array:
    """Return x W^T + b for rows x (..., B, I), weight (..., O, I) and bias (..., O)."""
    return product(x, weight.swapaxes(-1, -2)) + bias[..., None, :]


def product(x: Array, m: Array) -> Array:
    """Return x m. Complex rows times a real matrix are two real products: half of the work that NumPy would do."""
    if not np.iscomplexobj(x) or np.iscomplexobj(m):
        return x @ m
    real = x.real @ m
    result = np.empty(real.shape, x.dtype)
    result.real, result.imag = real, x.imag @ m
    return result


def rnn(x: Array, h: Array, weights: Weights, activation: str) -> Array:
    """Plain recurrence: h' = phi(W_ih x + b_ih + W_hh h + b_hh) (Elman 1990)."""
    w_ih, w_hh, b_ih, b_hh = weights
    return ACTIVATIONS[activation](affine(x, w_ih, b_ih) + affine(h, w_hh, b_hh))


def lstm(x: Array, h: Array, c: Array, weights: Weights, nudge: Array) -> tuple[Array, Array]:
    """Memory cell: c' = f c + i g, h' = o tanh(c') (Gers et al. 2000), gates i f g o; `nudge` is added to c'."""
    w_ih, w_hh, b_ih, b_hh = weights
    i, f, g, o = np.split(affine(x, w_ih, b_ih) + affine(h, w_hh, b_hh), 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g) + nudge
    return sigmoid(o) * np.tanh(c), c


def gru(x: Array, h: Array, weights: Weights) -> Array:
    """Gated unit: h' = (1 - z) n + z h with n = tanh(W_in x + b_in + r (W_hn h + b_hn)), gates r z n."""
    w_ih, w_hh, b_ih, b_hh = weights
    xr, xz, xn = np.split(affine(x, w_ih, b_ih), 3, axis=-1)
    hr, hz, hn = np.split(affine(h, w_hh, b_hh), 3, axis=-1)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    return (1 - z) * n + z * h


def recurrent(model: Model, variables: Variables, constant: int) -> list[Array]:
    """Return the top layer's states h_1 ... h_T, each (..., B, H); the first `constant` are constants in all layers."""
    inputs, nudges, cell_nudges = (variables[name] for name in ("inputs", "states", "cell_states"))
    sequence = [inputs[..., t, :, :] for t in range(inputs.shape[-3])]
    for layer in range(model.num_layers):
        w_ih, w_hh, b_ih, b_hh = (
            variables[f"{kind}_l{layer}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        weights = w_ih, w_hh, b_ih, b_hh
        h = c = np.zeros((inputs.shape[-2], model.hidden_size), inputs.dtype)
        states = []
        for t, x in enumerate(sequence):
            if model.cell == "lstm":
                h, c = lstm(x, h, c, weights, cell_nudges[..., t, layer, :, :])
            elif model.cell == "gru":
                h = gru(x, h, weights)
            else:
                h = rnn(x, h, weights, model.activation)
            h = h + nudges[..., t, layer, :, :]
            if t < constant:  # a derivative travels in the imaginary part: a constant has none
                h, c = h.real, c.real
            states.append(h)
        sequence = states
    return sequence


def mlp(model: Model, variables: Variables) -> Array:
    """Return the last layer's activation (..., B, H): h = phi(W h + b), layer by layer."""
    h = variables["inputs"]
    for layer in range(model.num_layers):
        z = affine(h, variables[f"layers.{layer}.weight"], variables[f"layers.{layer}.bias"])
        h = ACTIVATIONS[model.activation](z) + variables["states"][..., layer, :, :]
    return h


def outputs(model: Model, variables: Variables, constant: int = 0) -> Array:
    """Return the outputs: (..., T, B, O) with readout `all`, (..., B, O) otherwise."""
    if not model.recurrent:
        h = mlp(model, variables)
    elif model.readout == "all":
        h = np.stack(np.broadcast_arrays(*recurrent(model, variables, constant)), axis=-3)
    else:
        h = recurrent(model, variables, constant)[-1]
    if model.readout == "none":
        return h
    weight, bias = variables["readout.weight"], variables["readout.bias"]
    if model.readout == "all":  # the time axis is between the directions and the batch
        weight, bias = weight[..., None, :, :], bias[..., None, :]
    return affine(h, weight, bias)


def losses(model: Model, y: Array, targets: Array) -> Array:
    """Return each example's loss, (..., T, B) with readout `all` and (..., B) otherwise; their mean is the loss."""
    if model.loss == "mse":
        return ((y - targets) ** 2).mean(axis=-1)
    if model.loss == "inner_product":
        return (y * targets).sum(axis=-1)
    shifted = y - y.real.max(axis=-1, keepdims=True)  # any constant may be subtracted; this one keeps exp finite
    chosen = np.take_along_axis(shifted, np.broadcast_to(targets, y.shape[:-1])[..., None], axis=-1)[..., 0]
    return np.log(np.exp(shifted).sum(axis=-1)) - chosen
