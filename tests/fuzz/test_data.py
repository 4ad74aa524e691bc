"""Data of somebody's own: whatever a CSV or npz file holds is a task, or a line."""

import io
import zipfile

import numpy as np
from gradsuite.plugins import load
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.fuzz.refusals import EXAMPLES, taken
from tests.fuzz.target import Target, file_of

PLUGINS = load()
ROWS = "a,b,day\n" + "".join(f"{k * k % 7},{k % 5},2024-01-{k % 28 + 1:02d}\n" for k in range(40))
QUERIES = ("target=a", "target=b", "target=a&missing=drop", "target=day", "target=a&decimal=comma", "")
OPTIONS = (
    "target=", "inputs=", "time=", "horizon=", "window=", "missing=drop", "missing=fill", "decimal=comma",
    "classes=yes", "&", ";", "%3B", ",", "\t", '"', "\n", "\r", "\0", "nan", "1e400", "-", "\u00e9", "1,5", "1_000",
    "true", "inf", "\ufeff", "2024-01-01", "NaN",
)  # fmt: skip
cells = st.one_of(
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=6),
    st.dates().map(str),
    st.sampled_from(["", "NaN", "1,5", '"1,5"', '"', "1 000", "true", "inf", "\x00", "\ufeff", "1e999"]),
)
lines = st.lists(st.lists(cells, min_size=1, max_size=4).map(",".join), max_size=30).map("\n".join)
any_array = arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=12))


def learnt(name: str) -> None:
    """Ask of a task what `gradsuite train` asks before it starts a worker."""
    task = PLUGINS.task(name)
    task.notes()
    task.model("lstm", 4, num_layers=1, activation="tanh", length=task.only_length or 5)


def read_csv(data: bytes) -> None:
    """Read a series: the first line is what is asked of it, all that follows the file."""
    query, _, content = data.partition(b"\n")
    with file_of(content, "series.csv") as file:
        taken(learnt, f"csv:{file}?{query.decode(errors='surrogateescape').rpartition('?')[2]}")


def read_npz(data: bytes) -> None:
    """Read examples."""
    with file_of(data, "examples.npz") as file:
        taken(learnt, f"npz:{file}")


def read_array(data: bytes) -> None:
    """Read examples whose inputs are these bytes, in an archive that is sound: its checksums would stop most others."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("inputs.npy", data)
        archive.writestr("targets.npy", npy(np.arange(10) % 2))
    read_npz(stream.getvalue())


def npy(array: np.ndarray) -> bytes:
    """Return the npy file of an array."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(**found: np.ndarray) -> bytes:
    """Return the npz file of some arrays."""
    stream = io.BytesIO()
    np.savez(stream, **found)
    return stream.getvalue()


SOUND = npz(inputs=np.arange(60.0).reshape(10, 6), targets=np.arange(10) % 2)
INPUTS = (np.arange(60.0).reshape(10, 6), np.ones((10, 3, 2), np.float32), np.zeros((10, 4), "S3", order="F"))
DTYPES = (b"<f8", b"|O", b"|S0", b"<U1", b">c16", b"<M8[s]", b"|V4", b"|b1", b"(10, 6)", b"(-1,)", b"()", b"True")

CSV = Target(
    read_csv, tuple(f"{query}\n{ROWS}".encode() for query in QUERIES), tuple(option.encode() for option in OPTIONS)
)
NPZ = Target(read_npz, (SOUND,), (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b".npy", b"\x93NUMPY", *DTYPES))
ARRAY = Target(read_array, tuple(map(npy, INPUTS)), (b"\x93NUMPY", *DTYPES))


@given(CSV.inputs())
@settings(max_examples=2 * EXAMPLES)
def test_any_file_is_a_series_or_a_line(data):
    CSV.read(data)


@given(lines, st.sampled_from(QUERIES))
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
def test_any_lines_are_a_series_or_a_line(text, query):
    CSV.read(f"{query}\n{text}".encode(errors="surrogatepass"))


@given(NPZ.inputs())
@settings(max_examples=EXAMPLES)
def test_any_file_is_an_archive_or_a_line(data):
    NPZ.read(data)


@given(ARRAY.inputs())
@settings(max_examples=EXAMPLES)
def test_any_file_is_an_array_or_a_line(data):
    ARRAY.read(data)


@given(st.dictionaries(st.sampled_from(["inputs", "targets", "lengths", "split", "train", "more"]), any_array))
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
def test_any_arrays_are_examples_or_a_line(found):
    NPZ.read(npz(**found))


@given(any_array, st.integers(2, 12))
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
def test_any_targets_of_good_inputs_are_learnt_or_a_line(targets, count):
    inputs = np.random.default_rng(0).normal(size=(count, 6))
    NPZ.read(npz(inputs=inputs, targets=np.resize(targets, (count, *targets.shape[1:]))))
