"""Arrays of examples, checked: what their shapes and types mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gradsuite.errors import UserError, unknown

KNOWN = ("inputs", "targets", "lengths", "split", "train", "validation", "test")
CHUNK = 1024  # examples in memory at once
CLASSES = 10_000


@dataclass(frozen=True, slots=True)
class Arrays:
    """`inputs` (N, T, I); `targets` as they lie in the file; `lengths` (N) or None; `others` are those of splits.

    `names` are the classes of targets that are text. `outputs` is the number of classes, or of a target's numbers, and
    `readout` says whether there is one target per sequence (`last`) or one per step (`all`).
    """

    file: str
    inputs: np.ndarray
    targets: np.ndarray
    lengths: np.ndarray | None
    others: Mapping[str, np.ndarray]
    classes: bool
    names: tuple[str, ...]
    outputs: int
    readout: str
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, file: str, found: Mapping[str, np.ndarray]) -> "Arrays":
        """Return what these arrays are. Raises UserError for one that is missing, or of a shape or type of no use."""
        for name in ("inputs", "targets"):
            if name not in found:
                raise UserError(f"{file} has no array {name!r} (it has: {', '.join(found)})")
        for name in found:
            if name not in KNOWN:
                raise unknown(f"array of {file}", name, KNOWN)
        inputs, targets = found["inputs"], found["targets"]
        if inputs.ndim not in (2, 3) or not inputs.size:
            raise UserError(f"{file}: inputs must be (N, T, I) or (N, T), not {inputs.shape}")
        if not (np.issubdtype(inputs.dtype, np.number) or inputs.dtype == bool) or np.iscomplexobj(inputs):
            raise UserError(f"{file}: inputs must be real numbers, not {inputs.dtype}")
        inputs = inputs if inputs.ndim == 3 else inputs[..., np.newaxis]
        if targets.ndim < 1 or len(targets) != len(inputs):
            raise UserError(f"{file} has {len(inputs)} inputs, but targets of the shape {targets.shape}")
        lengths = _lengths(file, found.get("lengths"), inputs)
        classes, names, readout = _meaning(file, targets, inputs.shape[1])
        others = {name: array for name, array in found.items() if name in KNOWN[3:]}
        outputs = len(names) if names else 1 if targets.ndim == 1 else targets.shape[-1]
        arrays = cls(file, inputs, targets, lengths, others, classes, names, outputs, readout)
        outputs = arrays._checked(outputs)
        return cls(file, inputs, targets, lengths, others, classes, names, outputs, readout, _steady(arrays))

    @property
    def steps(self) -> int:
        """Time steps of every sequence, its padding included."""
        return int(self.inputs.shape[1])

    @property
    def width(self) -> int:
        """Numbers that a time step reads."""
        return int(self.inputs.shape[2])

    def batch(self, places: np.ndarray) -> np.ndarray:
        """Return the inputs at these places (B, T, I) as float64."""
        return np.asarray(self.inputs[places], np.float64)

    def wanted(self, places: np.ndarray) -> np.ndarray:
        """Return targets as a batch has them: classes (B) or (T, B), numbers (B, O) or (T, B, O)."""
        targets = np.asarray(self.targets[places])
        if self.names:
            targets = np.searchsorted(np.array(self.names), targets.astype(str))
        targets = targets.astype(np.int64 if self.classes else np.float64)
        if not self.classes and targets.ndim == 1:
            targets = targets[:, np.newaxis]
        return targets.swapaxes(0, 1) if self.readout == "all" else targets

    def counting_steps(self, places: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the time steps of these sequences that are no padding, in chunks (n, I)."""
        for chosen in _chunks(places):
            yield self.batch(chosen)[self._used(chosen)]

    def counting_targets(self, places: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the targets that count, in chunks (n) or (n, O)."""
        for chosen in _chunks(places):
            wanted = self.wanted(chosen)
            yield wanted.swapaxes(0, 1)[self._used(chosen)] if self.readout == "all" else wanted

    def _used(self, places: np.ndarray) -> np.ndarray:
        lengths = np.full(len(places), self.steps) if self.lengths is None else self.lengths[places]
        used: np.ndarray = np.arange(self.steps) < lengths[:, np.newaxis]
        return used

    def _checked(self, outputs: int) -> int:
        """Return how many outputs there are. Raises UserError for what is not finite where it counts, or no class."""
        most = 0
        for chosen in _chunks(np.arange(len(self.inputs))):
            used = np.isfinite(self.batch(chosen)).all(axis=-1) | ~self._used(chosen)
            if not used.all():
                raise UserError(f"{self.file}: inputs of example {chosen[~used.all(axis=1)][0]} are not all finite")
        for wanted in self.counting_targets(np.arange(len(self.inputs))):
            if self.classes and wanted.min() < 0:
                raise UserError(f"{self.file}: a target is {wanted.min()}; classes are whole numbers from 0")
            if not np.isfinite(wanted).all():
                raise UserError(f"{self.file}: targets are not all finite")
            most = max(most, int(wanted.max()) + 1) if self.classes else 0
        outputs = outputs if self.names or not self.classes else most
        if self.classes and not 2 <= outputs <= CLASSES:
            raise UserError(f"{self.file}: targets have {outputs} classes; from 2 to {CLASSES} can be learnt")
        return outputs


def _chunks(places: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(places), CHUNK):
        yield places[start : start + CHUNK]


def _lengths(file: str, lengths: np.ndarray | None, inputs: np.ndarray) -> np.ndarray | None:
    if lengths is None:
        return None
    if lengths.shape != inputs.shape[:1] or not np.issubdtype(lengths.dtype, np.integer):
        raise UserError(f"{file}: lengths must be {len(inputs)} whole numbers, not {lengths.dtype} {lengths.shape}")
    if lengths.min() < 1 or lengths.max() > inputs.shape[1]:
        raise UserError(f"{file}: lengths must be 1 to {inputs.shape[1]}, not {lengths.min()} to {lengths.max()}")
    return lengths


def _meaning(file: str, targets: np.ndarray, steps: int) -> tuple[bool, tuple[str, ...], str]:
    """Return whether targets are classes, the names of classes that are text, and the readout."""
    text = targets.dtype.kind in "US"
    classes = text or targets.dtype == bool or np.issubdtype(targets.dtype, np.integer)
    if not classes and not np.issubdtype(targets.dtype, np.floating):
        raise UserError(f"{file}: targets must be real numbers, whole numbers or text, not {targets.dtype}")
    shape = targets.shape[1:]
    if classes and shape not in ((), (steps,)):
        raise UserError(f"{file}: classes must be (N,) or (N, T), not {targets.shape}; save numbers as floats")
    if not classes and (len(shape) > 2 or (len(shape) == 2 and shape[0] != steps) or 0 in shape):
        raise UserError(f"{file}: targets must be (N,), (N, O) or (N, {steps}, O), not {targets.shape}")
    names = tuple(map(str, np.unique(np.asarray(targets).astype(str)))) if text else ()
    return bool(classes), names, "all" if len(shape) == (1 if classes else 2) else "last"


def _steady(arrays: Arrays) -> tuple[str, ...]:
    """Return what there is to say of inputs that never change."""
    same: np.ndarray = np.ones(arrays.width, bool)
    first: np.ndarray | None = None
    for chunk in arrays.counting_steps(np.arange(len(arrays.inputs))):
        first = chunk[0] if first is None else first
        same &= (chunk == first).all(axis=0)
    if same.all():
        raise UserError(f"{arrays.file}: inputs are the same everywhere: there is nothing to learn from")
    places = ", ".join(map(str, np.flatnonzero(same)))
    return (f"inputs never change in column {places} (from 0)",) if places else ()
