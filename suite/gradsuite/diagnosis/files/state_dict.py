"""A state dict read from somebody's file; nothing in the file is executed."""

import numpy as np

from gradsuite.diagnosis.patient import INSTALL
from gradsuite.errors import UserError
from gradsuite.plugins import Plugins
from gradsuite.state_dict import tensors
from gradsuite.tasks.files.location import locate

SAFETENSORS = ".safetensors"
PICKLES = (".pt", ".pth", ".ckpt", ".bin")  # what torch.save writes, by any of its names
PARALLEL = "module."  # what torch.nn.DataParallel puts before every name


def read_state_dict(file: str, plugins: Plugins) -> dict[str, np.ndarray]:
    """Return name -> array of a file's tensors of floating-point numbers, in the order of their names.

    Raises UserError for a file that is missing, of another kind, damaged, or of which no plugin can read the kind.
    """
    path = locate(file)
    if path.suffix == SAFETENSORS:
        state = tensors(path)
    elif path.suffix in PICKLES:
        found = plugins.hooks.first("read_weights", path=path)
        if found is None:
            raise UserError(f"cannot read {path.name!r}: torch is not installed; type: {INSTALL}")
        state = dict(found)
    else:
        kinds = ", ".join((SAFETENSORS, *PICKLES))
        raise UserError(f"{path.name!r} is no model: a state dict ({kinds}) or a Python file (.py) is wanted")
    if state and all(name.startswith(PARALLEL) for name in state):
        state = {name.removeprefix(PARALLEL): array for name, array in state.items()}
    return dict(sorted(state.items()))  # a safetensors file has no order
