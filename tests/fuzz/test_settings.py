"""Settings, numbers and names as they are typed: a value within its bounds, or a line."""

import math

import pytest
from gradsuite import alias
from gradsuite.commands._percent import percent
from gradsuite.paths import require_path
from gradsuite.plugins import load
from gradsuite.running.executors.address import host_and_port
from gradsuite.running.plan import study
from gradsuite.running.selection import Selection
from gradsuite.runs.names import check_name, located
from gradsuite.tasks.files.query import Query
from gradsuite.training.rates import rate
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.refusals import EXAMPLES, taken

PLUGINS = load()
SETTINGS = {(one.name, setting.name): setting for one in PLUGINS.all_experiments() for setting in one.settings}
numbers = st.integers() | st.floats() | st.decimals() | st.integers(10**9, 10**400)
texts = (
    st.text()
    | numbers.map(str)
    | st.sampled_from(["1_000", "0x10", " 7 ", "\u0663", "\uff11", "+1", "1e3", "-0", "\U0001d7d9"])
)
values = texts | numbers | st.booleans() | st.none()


@given(st.sampled_from(sorted(SETTINGS)), values)
@example(("speed", "rounds"), "9" * 5000)
@settings(max_examples=4 * EXAMPLES)
def test_a_value_of_a_setting_is_within_its_bounds_or_a_line(name, value):
    setting = SETTINGS[name]
    parsed = taken(setting.parse, value)
    if parsed is not None:
        assert type(parsed) is setting.kind
        assert setting.kind is str or (math.isfinite(parsed) and setting.minimum <= parsed <= setting.maximum)


@given(st.sampled_from(["gates", "speed", "gemm"]), st.text(max_size=12), st.lists(values, max_size=3))
@settings(max_examples=EXAMPLES)
def test_a_study_of_any_change_has_trials_or_is_a_line(experiment, name, given_values):
    known = [setting.name for setting in PLUGINS.experiment(experiment).settings]
    for one in (name, known[len(name) % len(known)]):
        taken(study, PLUGINS, [experiment], "quick", {one: given_values})


@pytest.fixture(scope="module")
def trials():
    """The trials of a small study."""
    groups = study(PLUGINS, ["gates"], "quick", {}).groups(["numpy"], "cpu")
    return [trial for group in groups for trial in group]


@given(st.lists(st.text(alphabet="*?[]!gates-numpy=.0"), max_size=3), st.lists(st.text(), max_size=3))
@settings(max_examples=EXAMPLES)
def test_any_glob_selects_or_is_a_line(trials, select, exclude):
    selection = Selection(select, exclude)
    taken(selection.require, trials)
    selection.useless(trials)
    assert all(isinstance(trial in selection, bool) for trial in trials)


@given(st.text() | st.text(alphabet="./~a\0\n-_", max_size=300))
@example("a/" * 3000)
@example("~nobody-of-this-name/a")
@settings(max_examples=2 * EXAMPLES)
def test_any_name_of_a_run_or_file_is_one_or_a_line(name):
    taken(check_name, name)
    taken(require_path, name)
    taken(located, name)
    taken(PLUGINS.task, f"csv:{name}")


@given(st.text() | st.text(alphabet="numpy@2tuned", max_size=12))
@settings(max_examples=EXAMPLES)
def test_any_second_name_is_one_or_a_line(name):
    known = taken(alias.require_second, name) is None
    assert known or alias.original(name)


@given(st.text() | st.builds("{}://{}:{}".format, st.sampled_from(["tcp", "tls", "http"]), st.text(), st.integers()))
@example("tcp://[::1]:8786")
@settings(max_examples=2 * EXAMPLES)
def test_any_address_has_a_host_and_a_port_or_is_a_line(address):
    found = taken(host_and_port, address)
    assert found is None or (found[0] and 0 < found[1] < 2**16)


@given(texts)
@settings(max_examples=EXAMPLES)
def test_any_share_and_any_schedule_of_a_rate_is_one_or_a_line(text):
    share = taken(percent, text, "--fail-above")
    assert share is None or 0 <= share < math.inf
    taken(rate, text, 100)
    taken(Query.of, "csv", text, ("target",))
