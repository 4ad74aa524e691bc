"""How much memory there is, what sizes mean, and what a family of processes has taken."""

import os
import subprocess
import sys

import psutil
import pytest
from gradsuite.errors import UserError
from gradsuite.machine import memory

# JAX, once another test has imported it, warns of copies of this process: these end, or become a program, at once.
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")

MIB = 2**20


@pytest.mark.parametrize(
    ("text", "amount"),
    [("8G", 8 * 10**9), ("8 GB", 8 * 10**9), ("512MiB", 512 * MIB), ("1.5gib", 3 * 2**29), ("300", 300), ("50%", 500)],
)
def test_a_size_is_a_number_with_a_unit_or_a_share(text, amount):
    assert memory.size(text, 1000) == amount


@pytest.mark.parametrize("text", ["", "G", "8 X", "-1G", "0", "nan", "0%", "101%", "1e9", "8G" * 50, "9999999T"])
def test_any_other_size_is_refused_in_a_line(text):
    with pytest.raises(UserError) as refused:
        memory.size(text, 1000)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0 bytes"), (9.1e9, "9.1 GB"), (999.7e6, "1 GB"), (38e12, "38 TB"), (8e26, "8.0e+14 TB")]
)
def test_an_amount_is_said_in_three_digits(amount, text):
    assert memory.spell(amount) == text


def test_without_a_group_that_limits_it_the_memory_is_the_machines(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "none")
    assert memory.capacity() == psutil.virtual_memory().total
    assert 0 < memory.free() <= memory.capacity()


@pytest.mark.parametrize(
    ("line", "controller", "limit", "use"),
    [
        ("0::/slice/job", "", "memory.max", "memory.current"),
        ("4:cpu,memory:/slice/job", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ],
)
def test_the_least_limit_of_the_groups_above_counts(monkeypatch, tmp_path, line, controller, limit, use):
    (tmp_path / "cgroup").write_text(f"{line}\n")
    job = tmp_path / "root" / "slice" / "job"
    job.mkdir(parents=True)
    for group, most in ((job, "max"), (job.parent, str(100 * MIB))):
        (group / limit).write_text(f"{most}\n")
        (group / use).write_text(f"{90 * MIB}\n")
        (group / "memory.stat").write_text(f"anon 5\ninactive_file {30 * MIB}\nactive_file {10 * MIB}\n")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "HIERARCHIES", {controller: (tmp_path / "root", limit, use)})
    assert memory.capacity() == 100 * MIB
    assert memory.free() == 50 * MIB  # 10 are left, and 40 are files that the system only keeps


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all processes are looked through, as psutil does")
def test_the_family_of_a_process_is_all_that_it_started():
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        started.stdout.readline()
        found = set(memory.family(started.pid))
        assert found == {started.pid, *(one.pid for one in psutil.Process(started.pid).children(recursive=True))}
        assert len(found) == 2
        alone = psutil.Process(started.pid).memory_info().rss
        assert memory.resident(started.pid) > alone
        started.stdin.write(b"\n")
        started.stdin.close()
    assert memory.resident(started.pid) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="no other system tells what two processes share")
def test_what_processes_share_is_taken_once():
    block = bytearray(os.urandom(64)) * MIB
    before = memory.taken(os.getpid())
    child = os.fork()
    if not child:
        os.read(0, 0)
        import time

        time.sleep(600)
    try:
        # The child has a copy of each page only once one of the two writes to it: far fewer than the block has.
        assert memory.resident(os.getpid()) > before + len(block) // 2
        assert memory.taken(os.getpid()) < before + len(block) // 2
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
