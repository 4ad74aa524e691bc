"""Studies: whatever a TOML file says is a configuration, or a line."""

from datetime import date

from gradsuite.running.configuration import KEYS, Configuration, checked, parse_changes, read_toml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.refusals import EXAMPLES, taken
from tests.fuzz.target import Target, file_of

SOUND = b"""
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
SYNTAX = (
    "[", "]", "{", "}", "=", "'", '"', '"""', "\n", ".", ",", "#", "\\u", "inf", "nan", "1e999", "[[",
    "true", "2024-01-01", "0x",
)  # fmt: skip
WORDS = tuple(word.encode() for word in (*sorted(KEYS), *SYNTAX))
scalars = st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.dates(), st.none(), st.binary(max_size=8))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
keys = st.sampled_from(sorted(KEYS)) | st.text(max_size=8)


def read(data: bytes) -> None:
    """Read a study as `gradsuite run FILE.toml` does."""
    with file_of(data, "study.toml") as file:
        asked = taken(read_toml, str(file))
    if asked is not None:
        configured(asked)


def configured(asked: dict[str, object]) -> None:
    """Make a configuration, which can be stored, of what a study asks for."""
    configuration = taken(Configuration.make, {key: value for key, value in asked.items() if key != "resume"})
    assert configuration is None or configuration.stored()


STUDY = Target(read, (SOUND,), WORDS)


@given(STUDY.inputs())
@settings(max_examples=2 * EXAMPLES)
def test_any_file_is_a_study_or_a_line(data):
    STUDY.read(data)


@given(st.dictionaries(keys, values, max_size=5))
@example({"set": {"gain": date(2024, 1, 1)}})
@settings(max_examples=EXAMPLES)
def test_a_table_is_a_configuration_or_a_line(table):
    asked = taken(checked, "'study.toml'", table)
    if asked is not None:
        configured(asked)


@given(st.lists(st.text() | st.builds("{}={}".format, st.text(), st.text()), max_size=3))
@settings(max_examples=EXAMPLES)
def test_set_is_values_by_name_or_a_line(texts):
    changes = taken(parse_changes, texts)
    assert changes is None or all(name.strip() == name and name for name in changes)
