"""Settings, numbers and names as they are typed: a value within its bounds, or a line."""

import math
from functools import cache

from gradsuite import alias
from gradsuite.commands._percent import percent
from gradsuite.experiment import Trial
from gradsuite.machine.memory import size
from gradsuite.paths import require_path
from gradsuite.plugins import load
from gradsuite.running.configuration import parse_changes
from gradsuite.running.executors.address import host_and_port
from gradsuite.running.plan import study
from gradsuite.running.selection import Selection
from gradsuite.running.shard import Shard
from gradsuite.runs.names import check_name, located
from gradsuite.tasks.files.query import Query
from gradsuite.training.rates import rate
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.refusals import EXAMPLES, taken
from tests.fuzz.target import Target

PLUGINS = load()
SETTINGS = {(one.name, setting.name): setting for one in PLUGINS.all_experiments() for setting in one.settings}
MEMORY = 2**34  # bytes of the machine that a size may be a share of
SEEDS = (
    "gain=0.5,1.5", "hidden_size=16", "cell=rnn,lstm", "dtype=float32", "3/16", "75%", "8GiB", "numpy@tuned", "numpy@2",
    "tcp://127.0.0.1:8786", "tls://[::1]:8786", "warmup:100+cosine", "step:10:0.5",
    "results/part-1", "gates * gain=2 *",
    "series.csv?target=a&horizon=5", "task=csv:series.csv?target=a",
)  # fmt: skip
WORDS = (
    *(f"{name}=" for _, name in SETTINGS), "1_000", "0x10", "\u0663", "\uff11", "1e3", "-0", "nan", "1e999", "9" * 400,
    "\0", "\ud800", "..", "~", "/" * 300, "[", "]", "*", "://", "@", "%", "?", "&", "=", ",", "+", ":", "\u202e",
)  # fmt: skip
numbers = st.integers() | st.floats() | st.decimals() | st.integers(10**9, 10**400)
texts = (
    st.text()
    | numbers.map(str)
    | st.sampled_from(["1_000", "0x10", " 7 ", "\u0663", "\uff11", "+1", "1e3", "-0", "\U0001d7d9"])
)
values = texts | numbers | st.booleans() | st.none()


@cache
def trials() -> list[Trial]:
    """Return the trials of a small study."""
    groups = study(PLUGINS, ["gates"], "quick", {}).groups(["numpy"], "cpu")
    return [trial for group in groups for trial in group]


def read(data: bytes) -> None:
    """Read what is typed, as the system hands it over, in the way of every option and argument."""
    text = data.decode(errors="surrogateescape")
    changes = taken(parse_changes, [text]) or {}
    for experiment, name in SETTINGS:
        for value in changes.get(name, ()):
            set_to(experiment, name, value)
    taken(study, PLUGINS, ["gates"], "quick", changes)
    for call in (alias.require_second, check_name, require_path, located, host_and_port, Shard.parse):
        taken(call, text)
    taken(size, text, MEMORY)
    taken(rate, text, 100)
    taken(percent, text, "--fail-above")
    taken(Query.of, "csv", text, ("target",))
    taken(Selection([text]).require, trials())
    Selection([], [text]).useless(trials())


def set_to(experiment: str, name: str, value: object) -> None:
    """Give a setting a value: it is of its kind and within its bounds, or refused."""
    setting = SETTINGS[experiment, name]
    parsed = taken(setting.parse, value)
    if parsed is not None:
        assert type(parsed) is setting.kind
        assert setting.kind is str or (math.isfinite(parsed) and setting.minimum <= parsed <= setting.maximum)


TYPED = Target(
    read,
    tuple(seed.encode() for seed in SEEDS),
    tuple(word.encode(errors="surrogatepass") for word in dict.fromkeys(WORDS)),
)


@given(TYPED.inputs())
@settings(max_examples=2 * EXAMPLES)
def test_whatever_is_typed_is_a_value_or_a_line(data):
    TYPED.read(data)


@given(st.sampled_from(sorted(SETTINGS)), values)
@example(("speed", "rounds"), "9" * 5000)
@settings(max_examples=4 * EXAMPLES)
def test_a_value_of_a_setting_is_within_its_bounds_or_a_line(name, value):
    set_to(*name, value)


@given(st.sampled_from(["gates", "speed", "gemm"]), st.text(max_size=12), st.lists(values, max_size=3))
@settings(max_examples=EXAMPLES)
def test_a_study_of_any_change_has_trials_or_is_a_line(experiment, name, given_values):
    known = [setting.name for setting in PLUGINS.experiment(experiment).settings]
    for one in (name, known[len(name) % len(known)]):
        taken(study, PLUGINS, [experiment], "quick", {one: given_values})


@given(st.lists(st.text(alphabet="*?[]!gates-numpy=.0"), max_size=3), st.lists(st.text(), max_size=3))
@settings(max_examples=EXAMPLES)
def test_any_glob_selects_or_is_a_line(select, exclude):
    selection = Selection(select, exclude)
    taken(selection.require, trials())
    selection.useless(trials())
    assert all(isinstance(trial in selection, bool) for trial in trials())


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
