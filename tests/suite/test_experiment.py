from contextlib import suppress

import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Experiment, Figure, Trial
from gradsuite.rows import Measurement
from gradsuite.settings import DTYPE, GAIN, LENGTH, SEED, Setting, settings_label
from hypothesis import given
from hypothesis import strategies as st

TRIAL = Trial("gradient-time", "numpy", "cpu", {"gain": 1.5, "cell": "lstm", "seed": 0})
VERSIONS = {"numpy": "2.4.6", "gradsuite": "0.1.0"}


class Question(Experiment):
    name = "question"
    question = "How much is it?"
    settings = (GAIN, LENGTH, DTYPE)
    presets = {  # noqa: RUF012  declared a ClassVar by Experiment
        "quick": {"gain": [1.0], "length": [10], "dtype": ["float64"]},
        "standard": {"gain": [0.5, 1.0], "length": [10, 20], "dtype": ["float32", "float64"]},
    }

    def measure(self, backend, device, settings):
        yield [Measurement("product", settings["gain"] * settings["length"])]


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        (LENGTH, "20", 20),
        (LENGTH, 20, 20),
        (LENGTH, 20.0, 20),
        (GAIN, "1.5", 1.5),
        (GAIN, 2, 2.0),
        (GAIN, "1e-3", 0.001),
        (SEED, "0", 0),
        (DTYPE, "float32", "float32"),
        (Setting("name", str, "any word"), "anything", "anything"),
        (Setting("name", str, "any word"), 3, "3"),
    ],
)
def test_a_value_is_read_as_its_kind(setting, text, value):
    parsed = setting.parse(text)
    assert parsed == value
    assert type(parsed) is setting.kind


@pytest.mark.parametrize(
    ("setting", "text", "message"),
    [
        (LENGTH, "ten", "length must be a whole number, not 'ten'"),
        (LENGTH, "1.5", "length must be a whole number, not '1.5'"),
        (LENGTH, 1.5, "length must be a whole number, not 1.5"),
        (LENGTH, float("inf"), "length must be a whole number, not inf"),
        (LENGTH, [1], r"length must be a whole number, not \[1\]"),
        (LENGTH, True, "length must be a whole number, not True"),
        (LENGTH, "0", "length must be at least 1, not 0"),
        (SEED, -1, "seed must be at least 0, not -1"),
        (GAIN, "nan", "gain must be a number, not 'nan'"),
        (GAIN, "inf", "gain must be a number, not 'inf'"),
        (GAIN, {}, "gain must be a number, not {}"),
        (GAIN, 0, "gain must be more than 0, not 0"),
        (GAIN, -1e300, "gain must be more than 0, not -1e[+]300"),
        (GAIN, 1e300, "gain must be at most 1000000000, not 1e[+]300"),
        (LENGTH, 10**12, "length must be at most 10000000, not 1000000000000"),
        (LENGTH, "9" * 5000, "length must be a whole number, not '999"),
        (LENGTH, 10**400, "length must be a whole number, not 1000"),
        (DTYPE, "flaot32", "unknown dtype 'flaot32'; did you mean 'float32'?"),
        (DTYPE, 32, "unknown dtype '32'"),
    ],
)
def test_what_is_not_allowed_is_said_in_one_line(setting, text, message):
    with pytest.raises(UserError, match=message) as caught:
        setting.parse(text)
    assert "\n" not in str(caught.value)


@given(st.text() | st.integers().map(str) | st.floats().map(str))
def test_reading_any_text_gives_a_value_or_a_user_error(text):
    for setting in (LENGTH, GAIN, DTYPE):
        with suppress(UserError):
            assert type(setting.parse(text)) is setting.kind


def test_a_grid_is_the_preset_with_what_was_asked_for():
    assert Question().grid("quick", {"gain": ["2", 3]}) == {"gain": [2.0, 3.0], "length": [10], "dtype": ["float64"]}


@pytest.mark.parametrize(
    ("preset", "changes", "message"),
    [
        ("quikc", {}, "unknown preset of question 'quikc'; did you mean 'quick'?"),
        ("quick", {"gian": ["1"]}, "unknown setting of question 'gian'; did you mean 'gain'?"),
        ("quick", {"gain": ["x"]}, "gain must be a number, not 'x'"),
    ],
)
def test_a_grid_refuses_what_it_does_not_know(preset, changes, message):
    with pytest.raises(UserError, match=message):
        Question().grid(preset, changes)


def test_trials_are_the_product_of_the_grid():
    question = Question()
    trials = list(question.trials(question.grid("standard", {})))
    assert len(trials) == 2 * 2 * 2
    assert trials[0] == {"gain": 0.5, "length": 10, "dtype": "float32"}
    assert trials[-1] == {"gain": 1.0, "length": 20, "dtype": "float64"}
    assert len({tuple(trial.items()) for trial in trials}) == 8


def test_an_experiment_draws_nothing_unless_it_says_so():
    assert list(Question().figures(None, [])) == []
    assert list(Question().tables(None, [])) == []


@pytest.mark.parametrize(
    "name", ["metric", "value", "unit", "index", "layer", "member", "note", "status", "key", "reason"]
)
def test_a_setting_cannot_be_called_like_a_column_of_the_rows(name):
    with pytest.raises(ValueError, match=f"a setting cannot be called '{name}'"):
        Setting(name, int, "hides a column")


def test_an_experiment_without_plugins_cannot_ask_for_a_task():
    with pytest.raises(RuntimeError, match="asks for a task"):
        Question().task("noise")


def test_a_key_is_the_same_on_every_computer_and_in_every_order():
    # sha256sum of the JSON text, so that results of one version can be resumed by another.
    assert TRIAL.key(VERSIONS) == "97a50328e489213c"
    turned = Trial("gradient-time", "numpy", "cpu", dict(reversed(TRIAL.settings.items())))
    assert turned.key(dict(reversed(VERSIONS.items()))) == TRIAL.key(VERSIONS)


@pytest.mark.parametrize(
    ("trial", "versions"),
    [
        (Trial("gradient-depth", "numpy", "cpu", TRIAL.settings), VERSIONS),
        (Trial("gradient-time", "torch", "cpu", TRIAL.settings), VERSIONS),
        (Trial("gradient-time", "numpy", "cuda", TRIAL.settings), VERSIONS),
        (Trial("gradient-time", "numpy", "cpu", {**TRIAL.settings, "gain": 1.25}), VERSIONS),
        (Trial("gradient-time", "numpy", "cpu", {**TRIAL.settings, "length": 5}), VERSIONS),
        (TRIAL, {**VERSIONS, "numpy": "2.4.7"}),
        (TRIAL, {"numpy": "2.4.6"}),
    ],
)
def test_a_key_changes_with_all_that_is_measured(trial, versions):
    assert trial.key(versions) != TRIAL.key(VERSIONS)


def test_settings_in_one_line():
    assert settings_label({"gain": 1.5, "cell": "lstm"}) == "gain=1.5 cell=lstm"


@pytest.mark.parametrize("name", ["../escaped", "a/b", "<script>", "with space", "", "x" * 81])
def test_a_figure_is_called_as_a_file_may_be(name):
    with pytest.raises(ValueError, match="a figure's name is of small letters"):
        Figure(name, "", None)
