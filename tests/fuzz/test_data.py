"""Data of somebody's own: whatever a CSV or npz file holds is a task, or a line."""

import io
from pathlib import Path

import numpy as np
import pytest
from gradsuite.plugins import load
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.fuzz.refusals import EXAMPLES, taken

PLUGINS = load()
GOOD = "a,b,day\n" + "".join(f"{k * k % 7},{k % 5},2024-01-{k % 28 + 1:02d}\n" for k in range(40))
cells = st.one_of(
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=6),
    st.dates().map(str),
    st.sampled_from(["", "NaN", "1,5", '"1,5"', '"', "1 000", "true", "inf", "\x00", "﻿", "1e999"]),
)
lines = st.lists(st.lists(cells, min_size=1, max_size=4).map(",".join), max_size=30).map("\n".join)
pieces = st.sampled_from([",", ";", "\t", '"', "\n", "\r", "\r\n", "\0", "nan", "1e400", "-", "é", "a,b\n"])
queries = st.sampled_from(["target=a", "target=b", "target=a&missing=drop", "target=day", "target=a&decimal=comma", ""])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder in which every example is written."""
    return tmp_path_factory.mktemp("data")


def learnt(name: str) -> None:
    """Ask of a task what `gradsuite train` asks before it starts a worker."""
    task = PLUGINS.task(name)
    task.notes()
    task.model("lstm", 4, num_layers=1, activation="tanh", length=task.only_length or 5)


@given(lines, queries)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
def test_any_lines_are_a_series_or_a_line(folder, text, query):
    (folder / "lines.csv").write_bytes(text.encode(errors="surrogatepass"))
    taken(learnt, f"csv:{folder}/lines.csv?{query}")


@given(st.integers(0, len(GOOD)), st.integers(0, 20), st.lists(pieces, max_size=5), queries)
@settings(max_examples=EXAMPLES)
def test_a_torn_series_is_one_or_a_line(folder, place, removed, written, query):
    (folder / "torn.csv").write_bytes((GOOD[:place] + "".join(written) + GOOD[place + removed :]).encode())
    taken(learnt, f"csv:{folder}/torn.csv?{query}")


@given(st.binary(max_size=400))
@settings(max_examples=EXAMPLES)
def test_bytes_are_data_or_a_line(folder, data):
    for ending in ("csv", "npz"):
        (folder / f"bytes.{ending}").write_bytes(data)
        taken(learnt, f"{ending}:{folder}/bytes.{ending}")


def saved(**found: np.ndarray) -> bytes:
    """Return the npz file of some arrays."""
    stream = io.BytesIO()
    np.savez(stream, **found)
    return stream.getvalue()


EXAMPLE = saved(inputs=np.arange(60.0).reshape(10, 6), targets=np.arange(10) % 2)
any_array = arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=12))


@given(st.integers(0, len(EXAMPLE)), st.binary(max_size=8), st.integers(0, 8))
@settings(max_examples=EXAMPLES)
def test_a_torn_archive_is_one_or_a_line(folder, place, written, removed):
    (folder / "torn.npz").write_bytes(EXAMPLE[:place] + written + EXAMPLE[place + removed :])
    taken(learnt, f"npz:{folder}/torn.npz")


@given(st.dictionaries(st.sampled_from(["inputs", "targets", "lengths", "split", "train", "more"]), any_array))
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
def test_any_arrays_are_examples_or_a_line(folder, found):
    (folder / "any.npz").write_bytes(saved(**found))
    taken(learnt, f"npz:{folder}/any.npz")


@given(any_array, st.integers(2, 12))
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
def test_any_targets_of_good_inputs_are_learnt_or_a_line(folder, targets, count):
    inputs = np.random.default_rng(0).normal(size=(count, 6))
    (folder / "targets.npz").write_bytes(saved(inputs=inputs, targets=np.resize(targets, (count, *targets.shape[1:]))))
    taken(learnt, f"npz:{folder}/targets.npz")
