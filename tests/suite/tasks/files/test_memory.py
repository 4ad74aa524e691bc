"""A file larger than memory: what is held at once does not grow with its rows."""

import tracemalloc

import numpy as np
import pytest
from gradsuite.plugins import Plugins
from gradsuite.tasks import register_tasks
from gradsuite.tasks.files import reading, rows

CHUNK = 500  # rows held at once here
WIDTH = 3


class BuiltIn:
    register_tasks = staticmethod(register_tasks)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "CHUNK", CHUNK)
    monkeypatch.setattr(rows, "CHUNK", CHUNK)
    monkeypatch.chdir(tmp_path)


def peak_of_learning_from(count):
    """The most that Python and NumPy held at once while a file of `count` rows was read, looked at and drawn from."""
    values = np.random.default_rng(0).normal(size=(count, WIDTH))
    values[1::97, 1] = np.nan  # one column has gaps, and dates run backwards: all that rewrites rows is in it
    days = np.arange(count)[::-1] + np.datetime64("1600-01-01")
    name = f"{count}.csv"
    with open(name, "w") as file:  # noqa: PTH123
        file.write("date,a,b,c\n")
        for day, row in zip(days, values, strict=True):
            file.write(f"{day}," + ",".join("" if np.isnan(one) else f"{one:.6f}" for one in row) + "\n")
    del values, days
    tracemalloc.start()
    try:
        task = Plugins({"tasks": BuiltIn}).task(f"csv:{name}?target=a&missing=forward&standardise=yes")
        model = task.model("rnn", 4)
        for seed in range(3):
            task.batch(np.random.default_rng(seed), model, size=8, length=20)
        task.baselines(length=20)
        assert len(task.table.rows) > count - 2
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_rows(monkeypatch):
    monkeypatch.setattr("gradsuite.tasks.files.series.JUDGED", 100)
    peak_of_learning_from(1_000)  # whatever is imported or cached once
    few, many = peak_of_learning_from(4_000), peak_of_learning_from(24_000)
    # The rows alone would be 20,000 x 3 x 8 bytes more, 480 kB; what may differ is one chunk of them and of its text.
    assert many - few < CHUNK * WIDTH * 8 * 2
