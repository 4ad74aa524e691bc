"""Parameters from and to torch.nn state dicts and safetensors files, without importing torch.

Recurrent parameters already have torch.nn's names. In a state dict, those of `mlp` have the names of a
torch.nn.Sequential of alternating Linear and activation: `0.weight`, `2.weight` and so on, the readout last.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save_file

from gradsuite.errors import UserError
from gradsuite.model import Model, parameter_shapes
from gradsuite.parameters import Parameters

# What safetensors calls the dtypes that parameters can have; other tensors in a file are ignored. bfloat16, which
# NumPy lacks, is read as bits.
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def from_state_dict(
    model: Model, state: Mapping[str, Any], *, prefix: str = "", readout: str | None = None
) -> Parameters:
    """Return a model's parameters, in float64, from a state dict of arrays or of torch's tensors on any device.

    `prefix` is what the names of the layers begin with (`encoder.lstm.`); `readout` is the same for the readout, by
    default `readout.`, and for `mlp` the last Linear of the Sequential. Names that begin with neither are ignored.
    Raises UserError for names that are missing or unexpected, and for shapes that are not the model's.
    """
    names = _names(model, state, prefix, readout)
    shapes = {names[name]: shape for name, shape in parameter_shapes(model).items()}
    begins = (prefix, names.get("readout.weight", prefix).removesuffix("weight"))
    faults = []
    if missing := [name for name in shapes if name not in state]:
        faults.append(f"no {', '.join(map(repr, missing))}{_hint(missing[0], prefix, state)}")
    if unexpected := [name for name in state if name.startswith(begins) and name not in shapes]:
        faults.append(f"unexpected {', '.join(map(repr, unexpected))}")
    actual = {name: tuple(state[name].shape) for name in shapes if name in state}
    faults += [f"{name!r} is {shape}, not {shapes[name]}" for name, shape in actual.items() if shape != shapes[name]]
    if faults:
        raise UserError(f"the state dict is not that of this {model.cell}: {'; '.join(faults)}")
    return {name: _host(state[theirs]) for name, theirs in names.items()}


def to_state_dict(
    model: Model, parameters: Mapping[str, np.ndarray], *, prefix: str = "", readout: str | None = None
) -> dict[str, np.ndarray]:
    """Return a model's parameters by the names that torch.nn gives them; the arguments are `from_state_dict`'s."""
    return {theirs: parameters[name] for name, theirs in _names(model, (), prefix, readout).items()}


def load(path: str | PathLike[str], model: Model, *, prefix: str = "", readout: str | None = None) -> Parameters:
    """Return a model's parameters from a safetensors file; the arguments are `from_state_dict`'s.

    Raises UserError if the file is missing or not safetensors, and as `from_state_dict` does.
    """
    return from_state_dict(model, tensors(path), prefix=prefix, readout=readout)


def tensors(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Return the floating-point tensors of a safetensors file by name. Raises UserError if it is none."""
    try:
        found = deserialize(Path(path).read_bytes())  # type: ignore[no-untyped-call]
    except (OSError, SafetensorError) as error:
        raise UserError(f"cannot read {str(path)!r} as safetensors: {error}") from error
    return {name: _decoded(tensor) for name, tensor in found if tensor["dtype"] in DTYPES}


def save(
    path: str | PathLike[str],
    model: Model,
    parameters: Mapping[str, np.ndarray],
    *,
    prefix: str = "",
    readout: str | None = None,
) -> None:
    """Write a model's parameters to a safetensors file, which `load` and torch read. Raises UserError if it fails."""
    state = to_state_dict(model, parameters, prefix=prefix, readout=readout)
    try:
        # safetensors copies raw memory, whatever the strides.
        save_file({name: np.ascontiguousarray(array) for name, array in state.items()}, path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"cannot write {str(path)!r}: {error}") from error


def _names(model: Model, state: Iterable[str], prefix: str, readout: str | None) -> dict[str, str]:
    """Return our name -> the state dict's, for every parameter."""
    if model.recurrent:
        begins = {"": prefix, "readout.": "readout." if readout is None else readout}
    else:
        numbers = _numbers(state, prefix)
        begins = {f"layers.{layer}.": f"{prefix}{next(numbers)}." for layer in range(model.num_layers)}
        begins["readout."] = f"{prefix}{next(numbers)}." if readout is None else readout
    names = {}
    for name in parameter_shapes(model):
        begin = name[: name.rfind(".") + 1]
        names[name] = begins[begin] + name.removeprefix(begin)
    return names


def _numbers(state: Iterable[str], prefix: str) -> Iterator[int]:
    """Yield the positions of the Linear modules in a Sequential: those present, then every second one."""
    pattern = re.compile(re.escape(prefix) + r"(\d+)\.(weight|bias)")
    places = sorted({int(match[1]) for name in state if (match := pattern.fullmatch(name))})
    yield from places
    yield from count(places[-1] + 2 if places else 0, 2)


def _hint(missing: str, prefix: str, state: Iterable[str]) -> str:
    """Return a hint of the prefix with which the missing name is present, or an empty string."""
    end = missing.removeprefix(prefix)
    near = next((name.removesuffix(end) for name in state if name.endswith("." + end)), None)
    return f" (did you mean prefix={near!r}?)" if near else ""


def _decoded(tensor: Mapping[str, Any]) -> np.ndarray:
    """Return the array of one tensor in a safetensors file."""
    array = np.frombuffer(tensor["data"], DTYPES[tensor["dtype"]])
    if tensor["dtype"] == "BF16":
        array = (array.astype("<u4") << 16).view("<f4")  # a bfloat16 is the upper half of a float32
    return array.reshape(tensor["shape"])


def _host(array: Any) -> np.ndarray:
    """Return a float64 copy of an array, or of a torch tensor of any dtype on any device."""
    if hasattr(array, "detach"):
        array = array.detach().cpu().double().numpy()
    return np.array(array, dtype=np.float64)
