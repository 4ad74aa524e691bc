"""Studies: whatever a TOML file says is a configuration, or a line."""

from datetime import date
from pathlib import Path

import pytest
from gradsuite.running.configuration import KEYS, Configuration, checked, parse_changes, parsed, read_toml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.refusals import EXAMPLES, taken

STUDY = """
experiment = ["gates", "speed"]
backend = "numpy"
preset = "quick"
timeout = 60.5
threads = 2
tuned = true
[set]
gain = [0.5, 1.5]
cell = "lstm"
"""
scalars = st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.dates(), st.none(), st.binary(max_size=8))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
keys = st.sampled_from(sorted(KEYS)) | st.text(max_size=8)
pieces = st.sampled_from(
    ["[", "]", "{", "}", "=", '"', "'", '"""', "\n", ".", ",", "#", "\\u", "inf", "nan", "1e999", "[["]
)


@given(st.dictionaries(keys, values, max_size=5))
@example({"set": {"gain": date(2024, 1, 1)}})
@settings(max_examples=EXAMPLES)
def test_a_table_is_a_configuration_or_a_line(table):
    options = taken(checked, "'study.toml'", table)
    if options is not None:
        options.pop("resume", None)
        configuration = taken(Configuration.make, options)
        assert configuration is None or configuration.stored()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A file that every example is written into."""
    return tmp_path_factory.mktemp("study") / "study.toml"


@given(st.integers(0, len(STUDY)), st.integers(0, 12), st.lists(pieces | st.text(max_size=4), max_size=6))
@settings(max_examples=EXAMPLES)
def test_a_torn_study_is_one_or_a_line(file, place, removed, written):
    text = STUDY[:place] + "".join(written) + STUDY[place + removed :]
    file.write_bytes(text.encode(errors="surrogatepass"))
    options = taken(read_toml, str(file))
    if options is not None:
        taken(Configuration.make, options)


@given(st.binary(max_size=200))
@settings(max_examples=EXAMPLES)
def test_bytes_are_a_table_or_a_line(file, data):
    file.write_bytes(data)
    taken(parsed, str(file))


@given(st.lists(st.text() | st.builds("{}={}".format, st.text(), st.text()), max_size=3))
@settings(max_examples=EXAMPLES)
def test_set_is_values_by_name_or_a_line(texts):
    changes = taken(parse_changes, texts)
    assert changes is None or all(name.strip() == name and name for name in changes)
