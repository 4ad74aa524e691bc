"""Facts about this computer that a timing depends on: never its name, nor where anything lies on it."""

import os
import platform
import re
import subprocess
import uuid
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil

from gradsuite.machine.layout import layout

# What every BLAS and OpenMP reads at its first import; afterwards it is too late.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
CPUINFO = Path("/proc/cpuinfo")
MACHINE_ID = Path("/etc/machine-id")  # machine-id(5): confidential, so that only a digest of it may be shown
HERE = Path(__file__).parent
ABSOLUTE_PATH = re.compile(r"""(?<![\w:/.~])/(?:[^\s/"':,()]+/)+[^\s/"':,()]+""")


def machine(threads: int | None = None) -> dict[str, Any]:
    """Return CPU, features, cores, a worker's threads and layout, memory in bytes, platform, Python, git and mark."""
    return {
        "cpu": cpu_model(),
        "features": cpu_features(),
        "cores": available_cores(),
        "threads": threads or available_cores(),
        "layout": layout(),
        "memory": psutil.virtual_memory().total,
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "git": git_state(),
        "mark": mark(),
    }


def available_cores() -> int:
    """Return how many cores this process may use; fewer than there are where it is confined."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count() or 1


def cpu_model() -> str:
    """Return the processor's name as its maker gave it."""
    sysctl = _output("sysctl", "-n", "machdep.cpu.brand_string") if platform.system() == "Darwin" else ""
    return _cpuinfo().get("model name") or sysctl or platform.processor() or platform.machine()


def cpu_features() -> list[str]:
    """Return the instruction sets that the system names (`avx2`, `avx512f`, `asimd`), none where it names none."""
    cpuinfo = _cpuinfo()
    return sorted((cpuinfo.get("flags") or cpuinfo.get("Features") or "").split())


def git_state() -> dict[str, Any] | None:
    """Return the commit of the checkout that gradsuite is run from and whether it was changed; None outside of one."""
    commit = _output("git", "rev-parse", "HEAD")
    # Without a lock: were this process killed meanwhile, the lock would stay, and git would refuse every commit.
    changed = commit and _output("git", "--no-optional-locks", "status", "--porcelain")
    return {"commit": commit, "changed": bool(changed)} if commit else None


def mark() -> str:
    """Return eight digits that tell this computer from another of its kind, and from which nothing else can be told."""
    own = (MACHINE_ID.exists() and MACHINE_ID.read_text().strip()) or f"{uuid.getnode():x}"
    return sha256(f"gradsuite {own} {platform.node()}".encode()).hexdigest()[:8]


def thread_environment(threads: int) -> Mapping[str, str]:
    """Return the variables that make every BLAS and OpenMP use this many threads."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def without_paths(text: str) -> str:
    """Return the text with every absolute path cut to its last three parts: it says nothing of this machine or user."""
    return ABSOLUTE_PATH.sub(lambda path: "/".join(["...", *path[0].strip("/").split("/")[-3:]]), without_home(text))


def without_home(text: str) -> str:
    """Return the text with this user's folder as `~`, if they have one of their own: a service may live in `/`."""
    home = os.path.expanduser("~").rstrip("/")  # noqa: PTH111  which, unlike Path.home, knows no error
    return re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text) if Path(home).is_absolute() else text


def _cpuinfo() -> dict[str, str]:
    first = CPUINFO.read_text().split("\n\n")[0] if CPUINFO.exists() else ""
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
