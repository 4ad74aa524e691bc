"""Japanese vowels: who of nine speakers says /ae/, from 7 to 29 frames of real speech."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from gradsuite.backend import Batch
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.tasks.classifying import logistic_regression
from gradsuite.tasks.dataset import Dataset
from gradsuite.tasks.score import ACCURACY, Score

PACKAGES = ("aeon", "sktime")  # either has the data in its wheel
INSTALL = "pip install --no-deps aeon"
FOLDER = Path("datasets", "data", "JapaneseVowels")
FRAMES, COEFFICIENTS, SPEAKERS = 29, 12, 9
FILES = {"train": "TRAIN", "test": "TEST"}
Utterance = np.ndarray  # (frames, 12)


class JapaneseVowels(Dataset):
    """Utterances of two vowels by nine men, 270 to learn from and 370 to test: 12 LPC cepstra a frame, 7 to 29 frames.

    Batches have `lengths`. Padding is of zeros.
    """

    name = "japanese-vowels"
    summary = "which of nine speakers says two vowels, from 7 to 29 frames of speech: nine classes"
    source = "aeon (BSD-3), its .ts files; data: Kudo, Toyama & Shimbo 1999, UCI Japanese Vowels, CC BY 4.0"
    input_size = COEFFICIENTS
    output_size = SPEAKERS
    loss = "cross_entropy"
    readout = "last"
    only_length = FRAMES

    @property
    def score(self) -> Score:
        """The share of utterances whose speaker is right."""
        return ACCURACY

    @cached_property
    def utterances(self) -> Mapping[str, tuple[list[Utterance], np.ndarray]]:
        """Utterances and speakers by split; cepstra are standardised by the frames to learn from."""
        read = {split: list(utterances(folder() / f"JapaneseVowels_{name}.ts")) for split, name in FILES.items()}
        frames = np.concatenate([utterance for utterance, _ in read["train"]])
        mean, deviation = frames.mean(axis=0), frames.std(axis=0)
        return {
            split: ([(one - mean) / deviation for one, _ in found], np.array([speaker for _, speaker in found]))
            for split, found in read.items()
        }

    def count(self, split: str, *, length: int) -> int:
        """Return 270 utterances to train on and 370 to test."""
        self._require(length)
        return len(self.utterances[split][1]) if split in FILES else 0

    def take(self, split: str, places: np.ndarray, model: Model, *, length: int) -> Batch:
        """Return utterances (29, B, 12), their speakers (B) and their lengths. Raises UserError unless length is 29."""
        self._require(length)
        spoken, speakers = self.utterances[split]
        chosen = [spoken[place] for place in places]
        inputs = np.zeros((length, len(places), COEFFICIENTS))
        for number, utterance in enumerate(chosen):
            inputs[: len(utterance), number] = utterance
        return Batch(inputs, speakers[places], lengths=np.array([len(utterance) for utterance in chosen]))

    def baselines(self, *, length: int) -> Mapping[str, float]:
        """Return the accuracy of a guess, and of a logistic regression on the mean frame."""
        (train, speakers), (test, answers) = self.utterances["train"], self.utterances["test"]
        means = [np.array([utterance.mean(axis=0) for utterance in of_split]) for of_split in (train, test)]
        regression = logistic_regression(means[0], speakers, means[1], answers)
        return {"a guess": 1 / SPEAKERS, "regression on means": regression}

    def _require(self, length: int) -> None:
        if length != FRAMES:
            raise UserError(
                f"{self.name} has utterances of up to {FRAMES} frames: length must be {FRAMES}, not {length}"
            )


def folder() -> Path:
    """Return where the data are, in a package that is not imported. Raises UserError if neither is installed."""
    for package in PACKAGES:
        spec = find_spec(package)
        for place in spec.submodule_search_locations or () if spec else ():
            if (Path(place) / FOLDER).is_dir():
                return Path(place) / FOLDER
    raise UserError(f"japanese-vowels reads its data from {' or '.join(PACKAGES)}, not installed; type: {INSTALL}")


def utterances(path: Path) -> Iterator[tuple[Utterance, int]]:
    """Yield each utterance of a .ts file and its speaker, from 0.

    A line has the 12 coefficients, separated by colons, each as numbers with commas, and the class, from 1.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines[lines.index("@data") + 1 :]:
        *coefficients, speaker = line.split(":")
        yield np.array([[float(number) for number in one.split(",")] for one in coefficients]).T, int(speaker) - 1
