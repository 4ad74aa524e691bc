"""Virtual environments, and what is typed in a shell where one is active."""

import json
import os
import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.docs.blocks import ROOT


@dataclass(frozen=True)
class Environment:
    """A virtual environment in a folder; what is typed there may use one `core`, or all."""

    folder: Path
    core: int | None = None

    @classmethod
    def make(cls, folder: Path, *requirements: str) -> "Environment":
        """Make one that has these requirements and what they need, in known-good versions."""
        venv.create(folder, with_pip=True)
        environment = cls(folder)
        # What is imported is compiled to bytecode then: a third of all that is installed.
        environment.run("python -m pip install --no-compile " + " ".join(map(repr, requirements)), ROOT)
        return environment

    def beside(self, folder: Path) -> "Environment":
        """Make one that has what this one has, pip and commands too; what is installed there, this one never sees."""
        venv.create(folder)
        environment = Environment(folder)
        (environment.packages / "beside.pth").write_text(f"{self.packages}\n", encoding="utf-8")
        own, other = (bytes(one.folder / "bin" / "python") for one in (self, environment))
        for script in (self.folder / "bin").iterdir():
            if own in (text := script.read_bytes()):  # a command, which begins with the Python that runs it
                (copy := folder / "bin" / script.name).write_bytes(text.replace(own, other))
                copy.chmod(0o755)
        return environment

    @property
    def packages(self) -> Path:
        """Where pip installs."""
        return Path(sysconfig.get_path("purelib", "venv", {"base": str(self.folder)}))

    def run(self, command: str, at: Path) -> str:
        """Run a shell command in a folder and return what it printed; it has to succeed."""
        done = self.attempt(command, at)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def attempt(self, command: str, at: Path) -> subprocess.CompletedProcess[str]:
        """Run a shell command in a folder; it may fail."""
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GRADSUITE_"))}
        inner = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{outer['PATH']}",
            "VIRTUAL_ENV": str(self.folder),
            "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
        }
        return subprocess.run(
            command,
            shell=True,
            cwd=at,
            env=outer | inner,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=None if self.core is None else partial(os.sched_setaffinity, 0, {self.core}),
        )

    def json(self, command: str, at: Path) -> Any:
        """Run a command and return the JSON that it printed."""
        return json.loads(self.run(command, at))
