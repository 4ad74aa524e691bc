import json

import pytest
from gradsuite.errors import UserError
from gradsuite.running.configuration import Configuration, parse_changes, read_options, read_toml

FLAGS = {
    "experiment": (), "backend": (), "preset": None, "set": (), "device": None, "out": None, "resume": None,
    "threads": None, "timeout": None, "no_plugin": (), "executor": None, "scheduler": None,
}  # fmt: skip


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "study.toml"
        path.write_text(text)
        return str(path)

    return write


def test_without_flags_everything_is_default():
    assert read_options(FLAGS) == {}
    assert Configuration.make({}) == Configuration()


def test_flags_become_the_configuration():
    options = read_options(
        {**FLAGS, "experiment": ("speed",), "backend": ("numpy", "jax"), "set": ("gain=1,2",), "no_plugin": ("torch",)}
    )
    made = Configuration.make(options)
    assert (list(made.experiment), list(made.backend), made.set) == (["speed"], ["numpy", "jax"], {"gain": ["1", "2"]})
    assert list(made.no_plugin) == ["torch"]


def test_a_file_has_the_same_keys(toml):
    path = toml(
        """
        experiment = ["speed", "gradient-time"]
        backend = "numpy"
        preset = "quick"
        device = "cuda"
        out = "elsewhere"
        threads = 2
        timeout = 5
        no-plugin = ["jax"]
        [set]
        gain = [0.5, 1]
        cell = "lstm"
        """
    )
    made = Configuration.make(read_options({**FLAGS, "experiment": (path,)}))
    assert made == Configuration(
        experiment=["speed", "gradient-time"], backend=["numpy"], preset="quick", device="cuda", out="elsewhere",
        threads=2, timeout=5, no_plugin=["jax"], set={"gain": [0.5, 1], "cell": ["lstm"]},
    )  # fmt: skip


def test_flags_win_over_the_file_and_settings_are_merged(toml):
    path = toml("experiment = 'speed'\npreset = 'full'\nset = {gain = 1, size = 2}")
    options = read_options({**FLAGS, "experiment": (path, "other"), "preset": "quick", "set": ("gain=3",)})
    assert options == {"experiment": ["other"], "preset": "quick", "set": {"gain": ["3"], "size": [2]}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prest = 'quick'", r"unknown key in '.*study.toml' 'prest'; did you mean 'preset'\?"),
        ("preset = ", "is not TOML: Invalid value"),
        ("preset = 3", "preset in .* must be a text, not 3"),
        ("backend = 3", "backend in .* must be texts, not 3"),
        ("backend = [['numpy']]", "backend in .* must be texts"),
        ("threads = '2'", "threads in .* must be a whole number, not '2'"),
        ("threads = 2.5", "threads in .* must be a whole number, not 2.5"),
        ("timeout = true", "timeout in .* must be a number, not True"),
        ("set = 'gain=1'", "set in .* must be a table, not 'gain=1'"),
        ("set.gain = [true]", r"set.gain in .* must be texts or numbers, not \[True\]"),
        ("set.gain = {x = 1}", "set.gain in .* must be texts or numbers"),
        ("select = 3", "select in .* must be texts, not 3"),
        ("exclude = [['gates']]", "exclude in .* must be texts"),
        ("no_plugin = 'jax'", r"did you mean 'no-plugin'\?"),
    ],
)
def test_a_faulty_file_is_refused(toml, text, message):
    with pytest.raises(UserError, match=message):
        read_toml(toml(text))


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"cannot read 'none.toml': No such file"):
        read_toml("none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"preset = '\xff'")
    with pytest.raises(UserError, match="it is not UTF-8"):
        read_toml(str(tmp_path / "bytes.toml"))


def test_changes_are_keys_with_values():
    assert parse_changes(["gain=1, 2", "cell=lstm", "gain=3"]) == {"gain": ["1", "2", "3"], "cell": ["lstm"]}
    assert parse_changes(["gain="]) == {"gain": []}


@pytest.mark.parametrize("text", ["gain", "=1", ""])
def test_a_change_of_another_form_is_refused(text):
    with pytest.raises(UserError, match="--set takes KEY=V1,V2"):
        parse_changes([text])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "dusk"}, r"unknown executor 'dusk'; did you mean 'dask'\?"),
        ({"threads": 0}, "threads must be at least 1, not 0"),
        ({"timeout": 0.0}, "timeout must be more than 0, not 0"),
        ({"timeout": float("nan")}, "timeout must be a number, not nan"),
        ({"timeout": 1e10}, "timeout must be at most 10000000, not 10000000000.0"),
        ({"out": ""}, "a path cannot be empty"),
        ({"executor": "dask"}, "--scheduler"),
        ({"scheduler": "tcp://x:1"}, "--executor dask"),
    ],
)
def test_values_that_are_not_allowed_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        Configuration.make(options)


def test_a_run_is_resumed_as_it_was_asked_for():
    lists = {"backend": ["numpy"], "select": [], "exclude": ["*jax*"], "no_plugin": ["jax"]}
    asked = Configuration(experiment=["speed"], preset="quick", set={"gain": [1.0]}, out="x", **lists)
    meta = json.loads(json.dumps({"configuration": asked.stored()}))
    again = Configuration.resumed(meta, {"timeout": 3.0})
    assert again == Configuration(experiment=["speed"], preset="quick", set={"gain": [1.0]}, timeout=3.0, **lists)
    with pytest.raises(UserError, match="preset cannot be changed"):
        Configuration.resumed(meta, {"preset": "full"})
