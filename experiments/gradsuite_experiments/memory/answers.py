"""What a gradient keeps per time step, in a sentence for each cell."""

from collections.abc import Iterator

import pandas as pd
from gradsuite.experiment import Answer
from gradsuite.topic import Topic

from gradsuite_experiments.common.frames import by_backend, levels, listed, where
from gradsuite_experiments.memory.findings import bytes_per_step
from gradsuite_experiments.memory.laws import needed_per_step


def answers(rows: pd.DataFrame) -> Iterator[Answer]:
    """Yield how many times the bytes that backward has to read each backend keeps, by cell."""
    for cell in levels(rows, "cell"):
        parts = []
        for backend, of_backend in by_backend(where(rows, cell=cell, checkpoint=0)):
            if of_backend["length"].nunique() > 1:
                parts.append(f"{backend} {bytes_per_step(of_backend) / needed_per_step(of_backend.iloc[0]):.2g}")
        if parts:
            sentence = f"A gradient of {cell} keeps so many times what its backward pass has to read: {listed(parts)}."
            yield Answer(Topic.MEMORY, sentence)
