import os
import platform
import socket
import subprocess
from pathlib import Path

import psutil
import pytest
from gradsuite.machine import facts as machine
from gradsuite.machine.facts import without_paths


def test_facts_are_this_computers():
    facts = machine.machine()
    assert facts["threads"] == facts["cores"] == len(os.sched_getaffinity(0))
    assert facts["memory"] == psutil.virtual_memory().total
    assert platform.python_version() in facts["python"]
    assert facts["cpu"]
    assert facts["layout"] in ("fixed", "random")
    assert machine.machine(threads=3)["threads"] == 3


def test_facts_say_nothing_of_where():
    text = str(machine.machine())
    assert os.getcwd() not in text  # noqa: PTH109
    assert f"'{socket.gethostname()}'" not in text
    assert "/home" not in text
    assert "/root" not in text


def test_the_first_processor_of_linux_is_read(tmp_path, monkeypatch):
    cpuinfo = (
        "processor\t: 0\nmodel name\t: Some CPU @ 2: fast\nflags\t\t: sse avx2\n\nprocessor\t: 1\nmodel name\t: Other\n"
    )
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    assert machine.cpu_model() == "Some CPU @ 2: fast"
    assert machine.cpu_features() == ["avx2", "sse"]
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "none")
    assert machine.cpu_features() == []
    assert machine.cpu_model() in (platform.processor(), platform.machine()) or platform.system() == "Darwin"


def test_git_state_follows_the_checkout(tmp_path, monkeypatch):
    def git(*arguments):
        command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    monkeypatch.setattr(machine, "HERE", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert machine.git_state() is None
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    assert machine.git_state() == {"commit": git("rev-parse", "HEAD"), "changed": False}
    (tmp_path / "new").write_text("")
    assert machine.git_state() == {"commit": git("rev-parse", "HEAD"), "changed": True}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('File "/a/b/site-packages/torch/nn/x.py", line 3', 'File ".../torch/nn/x.py", line 3'),
        (f"in {Path.home()}/x/y.py:", "in ~/x/y.py:"),
        ("see https://a.b/c/d/e", "see https://a.b/c/d/e"),
        ("and/or 1/2/3 ./x/y ../x", "and/or 1/2/3 ./x/y ../x"),
        ("(/one/two/three/four/five)", "(.../three/four/five)"),
    ],
)
def test_absolute_paths_are_cut(text, expected):
    assert without_paths(text) == expected


@pytest.mark.parametrize(
    ("home", "text", "expected"),
    [
        ("/", "a/b and c/d", "a/b and c/d"),
        ("", "1.5 / 2", "1.5 / 2"),
        ("/home/al", "in /home/al/x, not /home/alice", "in ~/x, not /home/alice"),
        ("/home/al/", "/home/al", "~"),
        ("relative", "a relative path", "a relative path"),
    ],
)
def test_the_users_folder_is_a_tilde_where_there_is_one(monkeypatch, home, text, expected):
    monkeypatch.setenv("HOME", home)
    assert machine.without_home(text) == expected
