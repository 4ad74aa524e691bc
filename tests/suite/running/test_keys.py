"""What makes a trial be measured again: versions, the code of plugins, other origins, and files that settings name."""

import sys
import time
from importlib.metadata import EntryPoint, PathDistribution
from pathlib import Path

import pytest
from gradsuite.backend import BackendInfo
from gradsuite.errors import UserError
from gradsuite.experiment import Experiment, Trial
from gradsuite.plugins import Plugins, Registration, load
from gradsuite.running.configuration import Configuration
from gradsuite.running.job import Job
from gradsuite.running.keys import Keys
from gradsuite.running.plan import study
from gradsuite.running.sources import Package, digest, located, packages
from gradsuite.settings import Setting
from gradsuite.worker.origin import Origin

TRIAL = Trial("probe", "echo", "cpu", {"size": 1})
INFO = {"echo": BackendInfo("echo", {"echo": "1.0"}, ("cpu",), ("float64",), ())}


def changed(path, text):
    path.write_text(text)
    return path


@pytest.fixture
def package(tmp_path):
    """A package of a plugin's, installed as the test says."""
    folder = tmp_path / "site" / "mine"
    (folder / "part").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "part" / "kernel.cpp").write_text("int x;")
    return folder


def owner(package, version="1.0", record=True, direct_url=None):
    metadata = package.parent / "mine-1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: mine\nVersion: {version}\n")
    for name, content in {"RECORD": "" if record else None, "direct_url.json": direct_url}.items():
        if content is not None:
            (metadata / name).write_text(content)
    return PathDistribution(metadata)


EDITABLE = '{"url": "file:///home/me/mine", "dir_info": {"editable": true}}'
COPIED = '{"url": "file:///home/me/mine", "dir_info": {}}'
ARCHIVE = '{"url": "https://x.org/mine-1.0.whl", "archive_info": {"hash": "sha256=00"}}'


@pytest.mark.parametrize(
    ("how", "settled"),
    [
        ({}, True),
        ({"direct_url": ARCHIVE}, True),
        ({"direct_url": EDITABLE}, False),
        ({"direct_url": COPIED}, False),
        ({"record": False}, False),
    ],
    ids=["index", "archive", "editable", "from a folder", "not by an installer"],
)
def test_of_what_an_index_gave_the_version_says_all_and_else_the_sources_count(package, how, settled):
    before = Package("mine", package, owner(package, **how)).state()
    (package / "part" / "kernel.cpp").write_text("int y;")
    assert (Package("mine", package, owner(package, **how)).state() == before) == settled
    assert Package("mine", package, owner(package, version="1.1", **how)).state() != before


def test_a_package_that_lies_elsewhere_than_where_it_was_installed_is_read(package, tmp_path):
    installed = owner(package)
    other = tmp_path / "elsewhere" / "mine"
    package.rename((other.parent.mkdir(), other)[1])
    assert not Package("mine", other, installed).settled


@pytest.mark.parametrize("name", ["README.md", "notes.rst", "__pycache__/mod.pyc", ".git/index.py"])
def test_prose_and_what_tools_leave_are_no_sources(package, name):
    before = digest(package)
    (package / name).parent.mkdir(exist_ok=True)
    (package / name).write_text("new")
    assert digest(package) == before


@pytest.mark.parametrize("name", ["mod.py", "part/kernel.cpp", "part/fast.so", "table.json"])
def test_code_is_and_so_is_where_it_lies(package, name):
    digests = [digest(package)]
    (package / name).write_text("1")
    digests.append(digest(package))
    (package / name).rename((package / name).with_name(f"other{Path(name).suffix}"))
    digests.append(digest(package))
    assert len(set(digests)) == 3


def test_the_suites_own_sources_are_read_in_a_moment():
    keys = Keys(load(), {"numpy": BackendInfo("numpy", {}, ("cpu",), (), ())})
    began = time.perf_counter()
    for _ in range(3):
        digest(located("gradsuite_numpy")), digest(located("gradsuite"))
    # 0.02 s on an idle core of 2020: with room for a machine that does other things, twenty times as much.
    assert (time.perf_counter() - began) / 3 < 1.0
    assert {"gradsuite"} == set(keys.code)


def test_a_trial_knows_the_code_of_its_backend_experiment_cell_and_task():
    keys = Keys(load(), {"numpy": BackendInfo("numpy", {}, ("cpu",), (), ())})
    keys(Trial("gates", "numpy", "cpu", {"cell": "lstm", "task": "copy"}))
    assert set(keys.code) == {"gradsuite", "gradsuite_numpy", "gradsuite_experiments"}


def test_no_framework_is_imported_to_find_its_backend(monkeypatch):
    for module in ("torch", "jax", "gradsuite_torch.backend", "gradsuite_jax.backend"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    plugins = load()
    for name in ("torch", "jax"):
        point = EntryPoint(name, f"gradsuite_{name}", "gradsuite")
        assert [one.name for one in packages(plugins.backends[name], point)] == [f"gradsuite_{name}"]
    assert not {"torch", "jax"} & set(sys.modules)


@pytest.fixture
def keys(probe):
    return lambda **options: Keys(load(), INFO, **options)


def test_a_plugin_that_is_mended_has_other_keys_and_a_doc_beside_it_does_not_count(keys, probe):
    before = keys()(TRIAL)
    (probe / "NOTES.md").write_text("a doc")
    assert keys()(TRIAL) == before
    plugin = probe / "probe_plugin.py"
    plugin.write_text(plugin.read_text() + "# mended\n")
    assert keys()(TRIAL) != before


def test_a_plugins_version_is_in_the_key(keys, probe):
    before = keys()(TRIAL)
    metadata = probe / "probe-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "1.1"))
    assert keys()(TRIAL) != before


def test_of_another_origin_its_own_sources_count(keys, probe, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    there = elsewhere / "probe_plugin.py"
    there.write_text((probe / "probe_plugin.py").read_text())
    trial = Trial("probe", "echo@there", "cpu", {"size": 1})
    info = {"echo@there": INFO["echo"]}
    made = lambda: Keys(load(), info, origins={"echo@there": Origin(str(elsewhere))})  # noqa: E731
    before = made()(trial)
    (probe / "probe_plugin.py").write_text(there.read_text() + "# of here\n")
    of_here = Keys(load(), INFO)(TRIAL)
    there.write_text(there.read_text() + "# of there\n")
    assert made()(trial) != before
    assert Keys(load(), INFO)(TRIAL) == of_here
    assert "probe_plugin of echo@there" in (said := made(), said(trial))[0].code


def test_another_python_is_asked_where_its_packages_are(tmp_path):
    (tmp_path / "mine.py").write_text("")
    origin = Origin(str(tmp_path), f"{sys.executable}")
    assert located("mine", origin) == tmp_path / "mine.py"
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    assert located("mine", Origin(str(tmp_path), str(other))) == tmp_path / "mine.py"
    assert located("no_such_package_here", Origin("", str(other))) is None


def test_the_program_of_a_command_counts(tmp_path):
    program = changed(tmp_path / "mine.sh", "#!/bin/sh\n")
    program.chmod(0o755)
    plugins = Plugins()
    plugins.registrations["backend"]["mine"] = Registration("backend", "mine", (str(program), "--fast"), "none")
    info = {"mine": BackendInfo("mine", {}, ("cpu",), (), ())}
    trial = Trial("e", "mine", "cpu", {})
    before = Keys(plugins, info)(trial)
    changed(program, "#!/bin/sh\nexit 1\n")
    assert Keys(plugins, info)(trial) != before


class Filed(Experiment):
    name = "filed"
    question = "?"
    settings = (Setting("weights", str, "a file"), Setting("kind", str, "a word", choices=("a", "b")))
    presets = {"quick": {"weights": ["none"], "kind": ["a"]}}  # noqa: RUF012

    def measure(self, backend, device, settings):
        yield []


def test_the_content_of_a_file_that_a_setting_names_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plugins = Plugins()
    plugins.registrations["experiment"]["filed"] = Registration("experiment", "filed", Filed, "none")

    def key():
        planned = study(plugins, ["filed"], "quick", {"weights": ["w.npz"]})
        ((trial,),) = planned.groups(["echo"], "cpu")
        return Keys(plugins, INFO, files=planned.files)(trial)

    changed(tmp_path / "a", "a file that is called as a choice is")
    keys = [key()]
    for content in ("one", "two", "one"):
        changed(tmp_path / "w.npz", content)
        keys.append(key())
    changed(tmp_path / "a", "and has other content now")
    keys.append(key())
    assert keys[1] == keys[3] == keys[4]
    assert len(set(keys)) == 3


def test_a_file_that_cannot_be_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plugins = Plugins()
    plugins.registrations["experiment"]["filed"] = Registration("experiment", "filed", Filed, "none")
    changed(tmp_path / "w.npz", "")

    def refuse(path, without=()):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gradsuite.running.plan.digest", refuse)
    with pytest.raises(UserError, match=r"cannot read 'w\.npz': Permission denied"):
        study(plugins, ["filed"], "quick", {"weights": ["w.npz"]})


def test_a_backend_mended_after_a_run_is_measured_again_and_the_run_says_so(probe):
    asked = Configuration(experiment=["probe"], backend=["echo"], preset="quick", no_preflight=True)
    said = []
    run, _ = Job(asked, load(), said.append).run()
    Job(Configuration.resumed(run.meta, {}), load(), said.append).run(run)
    assert any("0 of 2 trials to measure" in line for line in said)
    plugin = probe / "probe_plugin.py"
    plugin.write_text(plugin.read_text() + "# mended\n")
    said.clear()
    run, _ = Job(Configuration.resumed(run.meta, {}), load(), said.append).run(run)
    assert any("2 of 2 trials to measure" in line for line in said)
    assert "2 of them again: probe_plugin has changed" in said
    assert len(run.statuses()) == 4
    assert len(run.trials()) == 2


def test_a_run_of_before_there_was_code_in_its_keys_is_measured_again_and_says_so(probe):
    asked = Configuration(experiment=["probe"], backend=["echo"], preset="quick", no_preflight=True)
    said = []
    run, _ = Job(asked, load(), said.append).run()
    with run.database.writing() as connection:
        connection.execute("DELETE FROM meta WHERE name = 'code'")
        connection.execute("UPDATE trials SET key = 'old' || id")
    assert len(run.measurements()) == 2
    Job(Configuration.resumed(run.meta, {}), load(), said.append).run(run)
    assert "2 of them again: the run does not say with which code they were measured" in said
