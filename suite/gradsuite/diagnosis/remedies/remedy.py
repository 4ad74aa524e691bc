"""The remedies: what each makes of a model at initialisation, and what to type in PyTorch for the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradsuite.cells import find
from gradsuite.diagnosis.remedies import code
from gradsuite.model import GATES, Model
from gradsuite.parameters import Initialisation, Parameters, initialise, orthogonal

Draw = Callable[[int], Parameters]  # of a seed


@dataclass(frozen=True, slots=True)
class Remedy:
    """A model with parameters of any seed; `code` is what to type in PyTorch, empty for its default.

    `name` says it as what is done: "a forget bias of 1".
    """

    name: str
    model: Model
    draw: Draw
    code: str


def default(model: Model) -> Remedy:
    """Return what PyTorch's default initialisation makes of the model: what remedies are compared with too."""
    return Remedy("PyTorch's default", model, lambda seed: initialise(model, seed=seed), "")


def remedies(model: Model, longest: int) -> Iterator[Remedy]:
    """Yield the remedies for a model, for dependencies of up to `longest` steps; none for other cells than PyTorch's.

    Forget bias 1: Gers et al. 2000; Jozefowicz et al. 2015. Chrono: Tallec & Ollivier 2018. Orthogonal: Saxe et al.
    2013. Identity: Le et al. 2015. Layer normalisation: Ba et al. 2016.
    """
    if model.cell not in GATES:
        return
    if model.cell in ("lstm", "gru"):
        name = {"lstm": "a forget bias of 1", "gru": "an update bias of 1"}[model.cell]
        yield of_biases(name, model, Initialisation(forget_bias=1.0), code.forget_bias(model))
        if longest > 2:
            chrono = Initialisation(chrono=float(longest))
            yield of_biases(f"chrono biases, T_max {longest}", model, chrono, code.chrono(model, longest))
    yield Remedy(
        "orthogonal recurrent weights",
        model,
        lambda seed: between_states(model, seed, lambda rng, block: orthogonal(rng, block.shape, 1.0)),
        code.orthogonal(model),
    )
    if model.activation == "relu":
        yield Remedy(
            "identity recurrent weights",
            model,
            lambda seed: between_states(model, seed, lambda rng, block: np.eye(len(block))),
            code.identity(model),
        )
    yield Remedy(
        "recurrent weights of spectral radius 1",
        model,
        lambda seed: between_states(model, seed, lambda rng, block: block / abs(np.linalg.eigvals(block)).max()),
        code.rescaled(model),
    )
    normalised = {"rnn": "ln-rnn", "lstm": "ln-lstm"}
    if model.cell in normalised and not model.bidirectional:
        cell = replace(model, cell=normalised[model.cell])
        yield replace(default(cell), name="layer normalisation", code=code.normalised(model))
    if model.cell == "rnn":
        gru, lstm = (replace(model, cell=cell, activation="tanh") for cell in ("gru", "lstm"))
        yield replace(default(gru), name="a GRU in its place", code=code.layer(gru))
        typed = code.layer(lstm) + code.forget_bias(lstm)
        yield of_biases("an LSTM with a forget bias of 1", lstm, Initialisation(forget_bias=1.0), typed)


def of_biases(name: str, model: Model, initialisation: Initialisation, typed: str) -> Remedy:
    """Return a remedy that sets biases of PyTorch's default."""
    return Remedy(name, model, lambda seed: initialise(model, initialisation, seed=seed), typed)


def between_states(
    model: Model, seed: int, change: Callable[[np.random.Generator, np.ndarray], np.ndarray]
) -> Parameters:
    """Return PyTorch's default with each gate's block of the matrices between states changed."""
    parameters, cell = initialise(model, seed=seed), find(model.cell)
    rng = np.random.default_rng([seed, 1])
    for layer, reverse in model.layers_and_directions:
        for name, parameter in model.layer_parameters(layer).items():
            if parameter.between_states:
                whole = cell.name_of(name, layer, reverse=reverse)
                blocks = np.split(parameters[whole], parameter.gates)
                parameters[whole] = np.concatenate([change(rng, block) for block in blocks])
    return parameters
