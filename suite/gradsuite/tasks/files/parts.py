"""Which examples are for training, validation and test: as their file says, or shared out at random."""

import numpy as np

from gradsuite.errors import UserError, unknown
from gradsuite.tasks.files.arrays import Arrays
from gradsuite.tasks.files.query import Query
from gradsuite.tasks.files.splits import bounds
from gradsuite.tasks.task import SPLITS

SEED = 0  # of the order in which examples are shared out, the same for everybody


def parts(arrays: Arrays, query: Query) -> tuple[dict[str, np.ndarray], str]:
    """Return the places of each split's examples, and where the split comes from.

    Raises UserError for words that are no split, places that are not there or in two splits, or no training examples.
    """
    named = [name for name in SPLITS if name in arrays.others]
    if "split" in arrays.others or named:
        if "split" in query.options or ("split" in arrays.others and named):
            raise UserError(f"{arrays.file} has its own split: give one split, not two")
        found = _words(arrays) if "split" in arrays.others else _places(arrays)
        said = "as the file has them"
    else:
        order = np.random.default_rng(SEED).permutation(len(arrays.inputs))
        found = {split: order[start:stop] for split, (start, stop) in bounds(query, len(order)).items()}
        said = f"shared out at random (seed {SEED})"
    if not len(found["train"]):
        raise UserError(f"{arrays.file} has no examples for training")
    return found, said


def _words(arrays: Arrays) -> dict[str, np.ndarray]:
    words = np.asarray(arrays.others["split"])
    if words.shape != arrays.inputs.shape[:1] or words.dtype.kind not in "US":
        raise UserError(
            f"{arrays.file}: split must be {len(arrays.inputs)} words ({', '.join(SPLITS)}), not "
            f"{words.dtype} {words.shape}"
        )
    words = words.astype(str)
    for word in np.unique(words):
        if word not in SPLITS:
            raise unknown(f"split of {arrays.file}", word, SPLITS)
    return {split: np.flatnonzero(words == split) for split in SPLITS}


def _places(arrays: Arrays) -> dict[str, np.ndarray]:
    total = len(arrays.inputs)
    found = {split: np.asarray(arrays.others.get(split, np.empty(0, np.int64))) for split in SPLITS}
    for split, places in found.items():
        if places.ndim != 1 or not np.issubdtype(places.dtype, np.integer):
            raise UserError(f"{arrays.file}: {split} must be places of examples (whole numbers), not {places.dtype}")
        if len(places) and (places.min() < 0 or places.max() >= total):
            raise UserError(f"{arrays.file}: {split} names an example that is not there: places are 0 to {total - 1}")
    every = np.concatenate(list(found.values()))
    if len(np.unique(every)) < len(every):
        raise UserError(f"{arrays.file}: an example is named twice by {', '.join(SPLITS)}")
    return {split: places.astype(np.int64) for split, places in found.items()}
