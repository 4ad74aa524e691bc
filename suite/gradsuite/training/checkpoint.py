"""Checkpoints: a training on disk, from which it goes on with the same bits as one that was never interrupted.

A folder holds `arrays-STEP-DIGEST.safetensors` and, naming it, `checkpoint.json`. Whatever interrupts a save, one that
is whole is there: arrays have a name of their own, the JSON is replaced in one move, and only then do older arrays go.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from gradsuite import __version__
from gradsuite.backend import Network
from gradsuite.errors import UserError
from gradsuite.model import parameter_shapes
from gradsuite.training.curve import Curve, Look
from gradsuite.training.session import Session

FILE = "checkpoint.json"
FORMAT = 1
BEGIN = "arrays-"
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What stands in a checkpoint: `asked` is whatever its writer gave, `settings` decide over every bit to come."""

    path: Path
    step: int
    end: str
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    asked: Mapping[str, Any]
    seconds: float
    slot_steps: int | None
    arrays: str
    digest: str


def save(session: Session, folder: str | os.PathLike[str], *, asked: Mapping[str, Any] | None = None) -> Path:
    """Write a training to a folder, made if it is missing, and return the path of the JSON. Raises UserError.

    Once this returns, the training is on the disk. A crash at any moment before leaves the checkpoint that was there.
    """
    folder, slots = Path(folder), session.network.slots
    data = safetensors.save(_arrays(session))
    digest = sha256(data).hexdigest()
    name = f"{BEGIN}{session.steps:09}-{digest[:8]}.safetensors"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / name, data)
        facts = {
            "format": FORMAT,
            "gradsuite": __version__,
            "step": session.steps,
            "end": session.curve.end,
            "settings": settings(session),
            "versions": dict(session.backend.describe().versions),
            "asked": dict(asked or {}),
            "seconds": session.seconds,
            "slot_steps": None if slots is None else _count(session, slots[0]),
            "arrays": name,
            "digest": digest,
        }
        _replace(folder / FILE, json.dumps(facts, indent=1).encode())
        for old in folder.glob(f"{BEGIN}*"):
            if old.name != name:
                old.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write the checkpoint into {str(folder)!r}: {_cause(error)}") from error
    return folder / FILE


def read(folder: str | os.PathLike[str]) -> Checkpoint:
    """Return what a folder's checkpoint says. Raises UserError if there is none, or none that can be read."""
    path = Path(folder) / FILE
    try:
        facts = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"no checkpoint in {str(folder)!r}: it has no {FILE}") from error
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the checkpoint {str(path)!r}: {_cause(error)}") from error
    if not isinstance(facts, dict) or "format" not in facts:
        raise UserError(f"{str(path)!r} is no checkpoint of a training")
    if facts["format"] != FORMAT:
        raise UserError(f"{str(path)!r} is a checkpoint of format {facts['format']}; this version reads {FORMAT}")
    names = [field.name for field in fields(Checkpoint) if field.name != "path"]
    if missing := [name for name in names if name not in facts]:
        raise UserError(f"the checkpoint {str(path)!r} is damaged: it has no {missing[0]}")
    return Checkpoint(path, **{name: facts[name] for name in names})


def resume(session: Session, folder: str | os.PathLike[str]) -> Checkpoint:
    """Put a session that has not begun where a checkpoint stands, and return that checkpoint.

    The session must be made with the checkpoint's own settings; more steps are allowed, and go on from one that was
    done. Raises UserError, naming them, for other settings, and for a checkpoint that is damaged.
    """
    checkpoint = read(folder)
    _require_same(checkpoint, settings(session))
    arrays = _read_arrays(checkpoint)
    try:
        _restore(session, checkpoint, arrays)
    except (KeyError, IndexError, TypeError) as error:
        raise UserError(f"the checkpoint {str(checkpoint.path)!r} is damaged: it lacks {error}") from error
    return checkpoint


def settings(session: Session) -> dict[str, Any]:
    """Return what decides over the bits of a training, by name: numbers, texts and None, as JSON has them."""
    recipe, optimizer = asdict(session.recipe), session.recipe.optimizer
    of_recipe = {name: recipe[name] for name in recipe if name not in ("optimizer", "rate")}
    named = {"optimizer": type(optimizer).__name__, "rate": repr(session.recipe.rate)}
    where = {"backend": session.backend.name, "device": session.network.device, "dtype": session.network.dtype}
    everything = {"task": session.task.name} | where | asdict(session.model) | asdict(session.schedule)
    made: dict[str, Any] = json.loads(json.dumps(everything | of_recipe | named | asdict(optimizer)))
    return made


def _require_same(checkpoint: Checkpoint, now: Mapping[str, Any]) -> None:
    then = checkpoint.settings
    other = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    if "steps" in other and now["steps"] >= then["steps"]:
        other.remove("steps")
    if other:
        said = "; ".join(f"{name} {then.get(name)}, not {now.get(name)}" for name in other)
        raise UserError(f"the training in {str(checkpoint.path.parent)!r} has {said}: resume it as it was")


def _arrays(session: Session) -> Arrays:
    """Return all arrays of a training, by names that say what they are."""
    network, curve = session.network, session.curve
    arrays = {f"parameters/{name}": array for name, array in session.parameters().items()}
    for name, kept in (network.slots[1] if network.slots else {}).items():
        arrays |= {f"slots/{place}/{name}": network.fetch(array) for place, array in enumerate(kept)}
    arrays |= {f"state/{place}": array for place, array in enumerate(session.state or ())}
    arrays["losses"] = np.array(curve.losses, np.float64)
    arrays["unread"] = np.array(session.read(), np.float64)
    arrays["looks"] = np.array([astuple(look) for look in curve.looks], np.float64).reshape(-1, len(fields(Look)))
    return {name: _storable(array) for name, array in arrays.items()}


def _restore(session: Session, checkpoint: Checkpoint, arrays: Arrays) -> None:
    of = {kind: _under(arrays, f"{kind}/") for kind in ("parameters", "slots", "state")}
    session.network, steps = _built(session, of["parameters"]), checkpoint.slot_steps
    if steps is not None:
        places = range(session.recipe.optimizer.slot_count)
        kinds = [_built(session, _under(of["slots"], f"{place}/")).parameters for place in places]
        session.network.slots = steps, {name: tuple(kind[name] for kind in kinds) for name in of["parameters"]}
    session.state = tuple(of["state"][place] for place in sorted(of["state"])) or None
    session.unread = arrays["unread"].tolist()
    looks = [Look(int(step), *rest) for step, *rest in arrays["looks"].tolist()]
    again = checkpoint.end == "done" and session.recipe.steps > checkpoint.step
    session.curve = Curve(arrays["losses"].tolist(), looks, "running" if again else checkpoint.end)  # type: ignore[arg-type]
    session.seconds = checkpoint.seconds


def _built(session: Session, arrays: Arrays) -> Network:
    """Return a network of these arrays, which have the parameters' names and shapes.

    Slots have them too: a build is the way to any backend's device.
    """
    network = session.network
    in_order = {name: arrays[name] for name in parameter_shapes(session.model)}  # norms are sums over all, in order
    return session.backend.build(
        session.model, in_order, device=network.device, dtype=network.dtype, schedule=session.schedule
    )


def _under(arrays: Arrays, begin: str) -> Arrays:
    return {name.removeprefix(begin): array for name, array in arrays.items() if name.startswith(begin)}


def _count(session: Session, steps: Any) -> int:
    return steps if isinstance(steps, int) else int(session.network.fetch(steps))


def _storable(array: np.ndarray) -> np.ndarray:
    """Return an array in order; one whose dtype NumPy lacks, bfloat16, as float32, which holds the same values."""
    known = array.dtype in (np.float64, np.float32, np.float16)
    return np.ascontiguousarray(array if known else array.astype(np.float32)).reshape(array.shape)


def _read_arrays(checkpoint: Checkpoint) -> Arrays:
    path = checkpoint.path.with_name(checkpoint.arrays)
    try:
        data = path.read_bytes()
        if sha256(data).hexdigest() != checkpoint.digest:
            raise UserError(f"the checkpoint's {str(path)!r} is damaged: its bytes are not those that were written")
        arrays: Arrays = safetensors.load(data)
    except (OSError, SafetensorError) as error:
        raise UserError(f"cannot read the checkpoint's {str(path)!r}: {_cause(error)}") from error
    return arrays


def _replace(path: Path, data: bytes) -> None:
    """Write a file in one move, on the disk before and after it."""
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _cause(error: BaseException) -> str:
    return (isinstance(error, OSError) and error.strerror) or " ".join(str(error).split())
