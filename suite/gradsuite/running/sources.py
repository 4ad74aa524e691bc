"""The code that a trial is measured with: packages, where they lie, and a digest of what may be edited there."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from gradsuite.hosting.registration import Registration
from gradsuite.worker.origin import HERE, Origin

# What is compiled or interpreted, and tables that code reads; prose is not measured.
ENDINGS = tuple(
    f".{ending}"
    for kind in (
        ("py", "pyi", "pyx", "pxd", "so", "pyd", "dylib", "dll"),
        ("c", "cc", "cpp", "cxx", "h", "hh", "hpp", "cu", "cuh", "metal"),
        ("f", "f90", "rs", "go", "jl", "js", "lua"),
        ("json", "toml", "csv", "npz"),
    )
    for ending in kind
)
OWN = "gradsuite"
NOT_MEASURED = ("commands", "report", "running", "runs", "templates")  # rooms of the host's, which no worker enters
LOCATE = "import sys; from importlib.util import find_spec; s = find_spec(sys.argv[1]); print(s and s.origin or '')"


@dataclass(frozen=True, slots=True)
class Package:
    """An importable package, or a module by itself: its folder or file, and the distribution that owns it, if any."""

    name: str
    path: Path | None
    owner: Distribution | None = None

    @property
    def settled(self) -> bool:
        """Whether its version says all: it was installed from an index, and lies where it was installed."""
        if self.owner is None or self.path is None or self.owner.read_text("RECORD") is None:
            return False
        if "dir_info" in json.loads(self.owner.read_text("direct_url.json") or "{}"):
            return False  # from a folder, editable or as a copy of what was there (PEP 610)
        return Path(str(self.owner.locate_file(self.path.name))).resolve() == self.path.resolve()

    def state(self) -> str:
        """Return its version, and a digest of its sources unless the version says all."""
        version = self.owner.version if self.owner else ""
        if self.settled or self.path is None:
            return version
        return f"{version} {digest(self.path, NOT_MEASURED if self.name == OWN else ())}".strip()


def packages(registration: Registration, point: EntryPoint | None, origin: Origin = HERE) -> Iterator[Package]:
    """Yield the packages that something registered is made of: of its class, and of the plugin that registers it.

    `point` is that plugin's entry point, if it has one. Nothing is imported.
    """
    target = registration.target
    module = target.__module__ if isinstance(target, type) else target if isinstance(target, str) else ""
    plugin = point.module if point else ""
    for name in dict.fromkeys(top(one) for one in (module, plugin) if one):
        yield package(name, point.dist if point and name == top(plugin) else None, origin)


def package(name: str, owner: Distribution | None = None, origin: Origin = HERE) -> Package:
    """Return a package by name, with the distribution that owns it; code of another origin is not looked up by one."""
    return Package(name, located(name, origin), (owner or _owner(name)) if origin == HERE else None)


def top(module: str) -> str:
    """Return the top-level package of `package.module:Class`."""
    return module.partition(":")[0].partition(".")[0]


def commands(registration: Registration) -> Iterator[Path]:
    """Yield the files of a command: the program, and what it is given that is a file."""
    if isinstance(registration.target, tuple):
        found = (which(registration.target[0]), *registration.target[1:])
        yield from (path for path in map(Path, filter(None, found)) if path.is_file())


def located(package: str, origin: Origin = HERE) -> Path | None:
    """Return the folder of a package, or the file of a module; None where it is not found."""
    if origin.python != sys.executable:
        found = _asked(origin, package)
    else:
        spec = PathFinder.find_spec(package, [origin.folder]) if origin.folder else None
        found = _file(spec or _spec(package))
    if not found:
        return None
    path = Path(found)
    return path.parent if path.name == "__init__.py" else path


def digest(path: Path, without: tuple[str, ...] = ()) -> str:
    """Return a digest of a file, or of all sources in a folder but for those in these folders of it."""
    made = hashlib.sha256()
    for file in sorted(_files(path, without)):
        content = file.read_bytes()
        made.update(f"{file.relative_to(path).as_posix()} {len(content)}\n".encode(errors="surrogateescape"))
        made.update(content)
    return made.hexdigest()[:16]


def _files(path: Path, without: tuple[str, ...]) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for one in path.iterdir():
        if one.name.startswith(".") or one.name == "__pycache__" or one.name in without:
            continue
        if one.is_dir() and not one.is_symlink():
            yield from _files(one, ())
        elif one.suffix in ENDINGS and one.is_file():
            yield one


def _owner(package: str) -> Distribution | None:
    # Nearly always it is called like the package; to ask all that are installed takes a third of a second.
    with suppress(PackageNotFoundError):
        return distribution(package)
    return next(map(distribution, packages_distributions().get(package, ())), None)


def _asked(origin: Origin, package: str) -> str:
    """Return where another Python has a module's file, or nothing."""
    command = [origin.python, "-P", "-c", LOCATE, package]
    variables = {**os.environ, **origin.environment(os.environ)}
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=variables).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _spec(package: str) -> ModuleSpec | None:
    try:
        return find_spec(package)
    except ValueError:  # a module that was made and not found, such as a test's
        return None


def _file(spec: ModuleSpec | None) -> str:
    """Return where a module's file is; of a package without one, its first folder."""
    if spec is None:
        return ""
    if spec.origin and spec.has_location:
        return spec.origin
    return next(iter(spec.submodule_search_locations or ()), "")
