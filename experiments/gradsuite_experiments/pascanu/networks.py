"""The methods and initialisations of Pascanu, Mikolov & Bengio 2013, sec. 4.1.1, at a hundredth of their updates."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from gradsuite.model import Model, parameter_shapes
from gradsuite.optimizers import SGD
from gradsuite.parameters import Parameters, sparse
from gradsuite.settings import Settings
from gradsuite.tasks.task import Task
from gradsuite.training.recipe import Recipe

LEARNING_RATE = 0.1  # ten times the paper's
THRESHOLD = 1.0  # of the gradient's norm
OMEGA = 4.0  # weight of the regulariser
EVALUATE_EVERY = 50  # updates


@dataclass(frozen=True, slots=True)
class Method:
    """A method as it is called in figures, its clipping threshold and the weight of its regulariser."""

    title: str
    clip_norm: float | None = None
    omega: float = 0.0


METHODS: Mapping[str, Method] = {
    "sgd": Method("plain SGD"),
    "clip": Method("clipped SGD", THRESHOLD),
    "omega": Method("clipped SGD + Omega", THRESHOLD, OMEGA),
}


@dataclass(frozen=True, slots=True)
class Start:
    """How weights are drawn: all from N(0, deviation^2), but for sparse recurrent ones of a spectral radius."""

    deviation: float
    radius: float | None = None


STARTS: Mapping[str, Start] = {"basic": Start(0.1), "smart": Start(0.01, 0.95)}


def draw(model: Model, start: Start, seed: int) -> Parameters:
    """Return one network's parameters; biases are zero."""
    rng = np.random.default_rng(seed)
    parameters = {
        name: np.zeros(shape) if "bias" in name else start.deviation * rng.standard_normal(shape)
        for name, shape in parameter_shapes(model).items()
    }
    if start.radius is not None:
        parameters["weight_hh_l0"] = sparse(rng, parameters["weight_hh_l0"].shape, start.radius)
    return parameters


def recipe(
    task: Task,
    method: Method,
    settings: Settings,
    seed: int,
    *,
    learning_rate: float = LEARNING_RATE,
    evaluate_every: int = EVALUATE_EVERY,
) -> Recipe:
    """Return how a network is trained: until the task is solved, or for as many updates as the settings allow."""
    return Recipe(
        optimizer=SGD(lr=learning_rate, clip_norm=method.clip_norm),
        batch_size=settings["batch_size"],
        length=settings["length"],
        steps=settings["updates"],
        evaluate_every=evaluate_every,
        goal=task.solved,
        omega=method.omega,
        seed=seed,
    )
