"""The head of a network: the linear layer that reads what its recurrent layers put out, found in a state dict."""

from collections.abc import Mapping

import numpy as np

from gradsuite.diagnosis.files.architecture import NAME, Architecture
from gradsuite.errors import UserError, unknown
from gradsuite.parameters import Parameters


def find_head(
    state: Mapping[str, np.ndarray], layers: Architecture, prefix: str | None = None, *, outputs: int, at_least: bool
) -> str | None:
    """Return the prefix of the head: the one asked for, or the only linear layer of the layers' width and the outputs'.

    Without a prefix, None where there is none, or several. `at_least` allows more outputs, as of classes that the data
    do not have. Raises UserError for a prefix of no linear layer, or of one of another width.
    """
    shapes = {
        name.removesuffix("weight"): array.shape
        for name, array in state.items()
        if name.endswith("weight") and array.ndim == 2 and not NAME.fullmatch(name)
    }
    if prefix is None:
        fitting = [
            name for name, shape in shapes.items() if _fits(shape, layers, outputs, at_least) and not _embeds(name)
        ]
        return fitting[0] if len(fitting) == 1 else None
    wanted = prefix if prefix in shapes else prefix.removesuffix(".") + "."
    if wanted not in shapes:
        raise unknown("head", prefix, shapes)
    if not _fits(shapes[wanted], layers, outputs, at_least):
        needed = f"({outputs}{' or more' if at_least else ''}, {layers.output_size})"
        raise UserError(f"{wanted}weight is {shapes[wanted]}: a head for these layers and data is {needed}")
    return wanted


def head_parameters(state: Mapping[str, np.ndarray], prefix: str) -> Parameters:
    """Return the head as a readout; one without biases has zeros. Raises UserError for biases of another width."""
    weight = np.asarray(state[f"{prefix}weight"], np.float64)
    bias = np.asarray(state.get(f"{prefix}bias", np.zeros(len(weight))), np.float64)
    if bias.shape != weight.shape[:1]:
        raise UserError(f"{prefix}bias is {bias.shape}, but {prefix}weight is {weight.shape}")
    return {"readout.weight": weight, "readout.bias": bias}


def _fits(shape: tuple[int, ...], layers: Architecture, outputs: int, at_least: bool) -> bool:
    return shape[1] == layers.output_size and (shape[0] >= outputs if at_least else shape[0] == outputs)


def _embeds(name: str) -> bool:
    """Whether the name is that of an embedding, whose weight may have a head's shape: only names can tell."""
    return "emb" in name.lower()
