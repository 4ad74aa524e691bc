"""A state dict that torch.save wrote, read without executing anything in it."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gradsuite.errors import UserError, one_line
from torch import Tensor

WITHIN = ("state_dict", "model_state_dict", "model")  # where Lightning and others keep the weights in a checkpoint


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the floating-point tensors of a file, in float64 where they are float64 and else in float32.

    Raises UserError for a file that holds anything but tensors and plain values, or that is damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an unusual pickle: what is wrong with it, if anything, is raised
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path.name} holds more than weights, or is damaged, and none of it was executed: save it with "
            f"torch.save(module.state_dict(), ...) ({_reason(error)})"
        ) from error
    except Exception as error:
        raise UserError(f"cannot read {path.name!r}: {one_line(error)[:150]}") from error
    state = _state(found)
    if state is None:
        raise UserError(f"{path.name} holds no state dict, which maps names to tensors, but {type(found).__name__}")
    return {name: _host(tensor) for name, tensor in state.items() if tensor.is_floating_point()}


def _state(found: Any) -> dict[str, Tensor] | None:
    """Return what maps names to tensors: the whole, or what a checkpoint has under one of the usual names."""
    if not isinstance(found, Mapping):
        return None
    tensors = {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if tensors or not found:
        return tensors
    return next((_state(found[name]) for name in WITHIN if isinstance(found.get(name), Mapping)), None)


def _host(tensor: Tensor) -> np.ndarray:
    precise = tensor.detach() if tensor.dtype == torch.float64 else tensor.detach().float()
    return precise.numpy()


def _reason(error: Exception) -> str:
    """Return what torch did not want to load, in a few words."""
    text = " ".join(str(error).split())
    _, found, rest = text.partition("Unsupported global: GLOBAL ")
    return f"it refers to {rest.split(' ')[0][:60]}" if found else text[:60]
