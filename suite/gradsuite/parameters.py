"""Parameters as host arrays, and the initialisers that make them.

They are made once by the host, in float64, from a seed, and cast: every backend gets the same bits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gradsuite.cells import CLASSIC, Parameter, Shape, find, installed
from gradsuite.errors import UserError, unknown
from gradsuite.model import Model, readout_shapes

Parameters = dict[str, np.ndarray]
Generator = np.random.Generator
# Row blocks of the gate that keeps the state, by cell: PyTorch's f of i f g o, and z of r z n.
KEEP_GATE = {name: cell.keep_gate for name, cell in CLASSIC.items() if cell.keep_gate is not None}


def uniform(rng: Generator, shape: Shape, gain: float) -> np.ndarray:
    """U(+-gain / sqrt(columns)): with gain 1 torch.nn.Linear's default."""
    return rng.uniform(-1.0, 1.0, shape) * gain / np.sqrt(shape[1])


def xavier(rng: Generator, shape: Shape, gain: float) -> np.ndarray:
    """U(+-gain sqrt(6 / (rows + columns))) (Glorot & Bengio 2010, eq. 16)."""
    return rng.uniform(-1.0, 1.0, shape) * gain * np.sqrt(6.0 / sum(shape))


def he(rng: Generator, shape: Shape, gain: float) -> np.ndarray:
    """N(0, 2 gain^2 / columns) (He et al. 2015, eq. 10)."""
    return rng.standard_normal(shape) * gain * np.sqrt(2.0 / shape[1])


def normal(rng: Generator, shape: Shape, gain: float) -> np.ndarray:
    """N(0, gain^2 / columns), so that gain is sigma_w of mean-field theory (Poole et al. 2016)."""
    return rng.standard_normal(shape) * gain / np.sqrt(shape[1])


def orthogonal(rng: Generator, shape: Shape, gain: float) -> np.ndarray:
    """Gain times a Haar-random matrix with orthonormal rows or columns, whichever are fewer (Saxe et al. 2013)."""
    rows, columns = shape
    q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
    q = q * np.sign(np.diag(r))  # makes the distribution uniform over the group (Mezzadri 2007)
    return gain * (q if rows >= columns else q.T)


def identity(rng: Generator, shape: Shape, gain: float) -> np.ndarray:
    """Gain times the identity, padded with zeros where not square (Le, Jaitly & Hinton 2015)."""
    return gain * np.eye(shape[0], shape[1])


def sparse(rng: Generator, shape: Shape, gain: float) -> np.ndarray:
    """At most 15 normal entries per row, scaled to spectral radius `gain` (Sutskever et al. 2013; Jaeger 2001).

    A matrix that is not square has no spectral radius: it keeps entries of variance gain^2 / (entries per row).
    """
    rows, columns = shape
    entries = min(15, columns)
    weight = np.zeros(shape)
    for row in weight:
        row[rng.choice(columns, entries, replace=False)] = rng.standard_normal(entries) / np.sqrt(entries)
    radius = max(abs(np.linalg.eigvals(weight))) if rows == columns else 1.0
    return weight * (gain / radius)


Initialiser = Callable[[Generator, Shape, float], np.ndarray]
INITIALISERS: dict[str, Initialiser] = {
    "uniform": uniform,
    "xavier": xavier,
    "he": he,
    "normal": normal,
    "orthogonal": orthogonal,
    "identity": identity,
    "sparse": sparse,
}


@dataclass(frozen=True, slots=True)
class Initialisation:
    """How parameters are made.

    `weights` is `default` (PyTorch's: U(+-1/sqrt(H)) for recurrent layers, U(+-1/sqrt(columns)) for linear ones,
    biases too) or an initialiser's name, with zero biases. `gain` scales it: the layers of `mlp`, each gate's
    block of weight_hh for recurrent cells; input weights keep gain 1. For `sparse`, gain is the spectral radius.
    `bias_std` draws the biases of `mlp` layers (bias_ih of recurrent ones) from N(0, bias_std^2).
    `forget_bias` sets the bias of the gate that keeps the state (f of lstm, z of gru). `chrono` is T_max of chrono
    initialisation: forget bias ln U(1, T_max - 1), input-gate bias its negative (Tallec & Ollivier 2018, sec. 3).
    """

    weights: str = "default"
    gain: float = 1.0
    bias_std: float = 0.0
    forget_bias: float | None = None
    chrono: float | None = None

    def __post_init__(self) -> None:
        if self.weights != "default" and self.weights not in INITIALISERS:
            raise unknown("initialiser", self.weights, ["default", *INITIALISERS])
        if not 0 <= self.gain < float("inf"):
            raise UserError(f"gain must be finite and not negative, not {self.gain}")
        if not 0 <= self.bias_std < float("inf"):
            raise UserError(f"bias_std must be finite and not negative, not {self.bias_std}")
        if self.forget_bias is not None and not abs(self.forget_bias) < float("inf"):
            raise UserError(f"forget_bias must be finite, not {self.forget_bias}")
        if self.chrono is not None and not 2 < self.chrono < float("inf"):
            raise UserError(f"chrono must be finite and more than 2 time steps, not {self.chrono}")
        if self.chrono is not None and self.forget_bias is not None:
            raise UserError("chrono sets the forget bias: give one of chrono and forget_bias")


def initialise(model: Model, initialisation: Initialisation = Initialisation(), *, seed: int = 0) -> Parameters:
    """Return the parameters of a model in float64: the same bits for the same arguments.

    Raises UserError where the model has no gate that keeps its state and a forget bias or chrono is asked for.
    """
    rng = np.random.default_rng(seed)
    parameters = dict[str, np.ndarray]()
    for layer, reverse in model.layers_and_directions:
        of_layer = dict[str, np.ndarray]()
        for name, parameter in model.layer_parameters(layer).items():
            of_layer[name] = _draw(rng, parameter, initialisation, of_layer)
        cell = find(model.cell)
        parameters |= {cell.name_of(name, layer, reverse=reverse): value for name, value in of_layer.items()}
    for name, shape in readout_shapes(model).items():
        parameters[name] = _draw(rng, Parameter(shape, model.layer_output_size), initialisation, {})
    if initialisation.forget_bias is not None or initialisation.chrono is not None:
        _set_gate_biases(rng, model, parameters, initialisation)
    return parameters


def _draw(rng: Generator, parameter: Parameter, init: Initialisation, before: Mapping[str, np.ndarray]) -> np.ndarray:
    shape, between_states = parameter.shape, parameter.between_states
    if parameter.start is not None:
        return np.asarray(parameter.start(rng, shape, before), np.float64)
    gain = init.gain if between_states else 1.0
    if init.weights == "default":
        return rng.uniform(-1.0, 1.0, shape) * gain / np.sqrt(parameter.fan)
    if len(shape) == 1:
        return rng.standard_normal(shape) * init.bias_std if parameter.noise else np.zeros(shape)
    # identity and sparse are for matrices that map states to states; those of inputs and of the readout stay normal.
    method = init.weights if between_states or init.weights not in ("identity", "sparse") else "normal"
    block = (shape[0] // parameter.gates, shape[1])
    return np.concatenate([INITIALISERS[method](rng, block, gain) for _ in range(parameter.gates)])


def _set_gate_biases(rng: Generator, model: Model, parameters: Parameters, init: Initialisation) -> None:
    cell = find(model.cell)
    if cell.keep_gate is None:
        gated = ", ".join(name for name, one in installed().items() if one.keep_gate is not None)
        raise UserError(f"{model.cell} has no forget gate: forget_bias and chrono are for {gated}")
    for layer, reverse in model.layers_and_directions:
        # PyTorch adds two biases: the value goes into the first, and the second is zero in those rows.
        names = (cell.name_of(kind, layer, reverse=reverse) for kind in ("bias_ih", "bias_hh"))
        first, second = (parameters[name].reshape(-1, model.hidden_size) for name in names)
        keep = cell.keep_gate
        if init.chrono is None:
            first[keep] = init.forget_bias
        else:
            first[keep] = np.log(rng.uniform(1.0, init.chrono - 1.0, model.hidden_size))
            if cell.input_gate is not None:
                first[cell.input_gate] = -first[keep]
                second[cell.input_gate] = 0.0
        second[keep] = 0.0
