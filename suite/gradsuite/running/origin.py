"""Origins: where the code of `NAME@REF` comes from, a git revision, a wheel, a folder or another Python."""

import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from gradsuite.alias import SIGN, TUNED, original, twin
from gradsuite.errors import UserError, quoted
from gradsuite.hosting.registration import Registration
from gradsuite.paths import require_path
from gradsuite.worker.origin import Origin

SHORT = 40  # characters of a reference that are shown in a backend's name


def second_name(backend: str, reference: str) -> str:
    """Return the name under which a backend of another origin is measured. Raises UserError for one that is taken."""
    name = f"{original(backend)}{SIGN}{reference.rstrip('/').rsplit('/', 1)[-1][:SHORT]}"
    if name == twin(original(backend)) or TUNED in name.split(SIGN)[1:]:
        raise UserError(f"{name!r} has a meaning already: give {reference!r} as refs/heads/... or as a commit's hash")
    return name


@contextmanager
def origin(registration: Registration, reference: str) -> Iterator[Origin]:
    """Give a backend's other origin for as long as it is measured.

    `reference` is a wheel, the folder of a virtual environment, a folder to import from, or a git revision of the
    checkout that the backend comes from. Raises UserError if it is none of these.
    """
    require_path(reference)
    path = Path(reference)
    if path.suffix == ".whl" or path.exists():
        with _from_path(path.absolute()) as found:
            yield found
        return
    with tempfile.TemporaryDirectory(prefix="gradsuite-") as folder:
        yield Origin(str(_checked_out(registration, reference, Path(folder))))


@contextmanager
def _from_path(path: Path) -> Iterator[Origin]:
    if path.suffix == ".whl":
        with tempfile.TemporaryDirectory(prefix="gradsuite-") as folder:
            try:
                with zipfile.ZipFile(path) as wheel:
                    wheel.extractall(folder)
            except (OSError, zipfile.BadZipFile) as error:
                raise UserError(f"cannot read the wheel {str(path)!r}: {error}") from error
            yield Origin(folder)
        return
    if not path.is_dir():
        raise UserError(f"{str(path)!r} is neither a wheel nor a folder")
    pythons = [path / "bin" / "python", path / "Scripts" / "python.exe"]
    python = next((one for one in pythons if one.exists()), None)
    yield Origin(python=str(python)) if python else Origin(str(path))


def _checked_out(registration: Registration, revision: str, folder: Path) -> Path:
    """Return where the backend's modules lie in a copy of a revision of its repository, made in a folder."""
    home = _import_folder(registration)
    top = _git(home, "rev-parse", "--show-toplevel")
    if not top:
        raise UserError(
            f"{registration.name} does not come from a git checkout ({home.name}): give a wheel or a folder, not "
            f"{revision!r}"
        )
    commit = _git(home, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if not commit:
        raise UserError(
            f"{quoted(revision)} is no revision of {Path(top).name!r}, and no wheel or folder (try: git log)"
        )
    archive = folder / "revision.tar"
    _git(Path(top), "archive", "--output", str(archive), commit)
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
    archive.unlink()
    within = folder / home.resolve().relative_to(Path(top).resolve())
    if not (within / _package(registration)).exists() and not (within / f"{_package(registration)}.py").exists():
        raise UserError(f"{revision!r} has no {_package(registration)!r}, of which {registration.name} is made")
    return within


def _package(registration: Registration) -> str:
    """Return the top-level module that a backend is made of. Raises UserError for a command."""
    if isinstance(registration.target, tuple):
        raise UserError(
            f"{registration.name} is a command, which no revision has built: build both, and register them as two "
            "backends"
        )
    target = registration.target
    module = target.__module__ if isinstance(target, type) else target.partition(":")[0]
    return module.partition(".")[0]


def _import_folder(registration: Registration) -> Path:
    """Return the folder that a backend's modules are imported from."""
    spec = find_spec(_package(registration))
    if spec is None or spec.origin is None:
        raise UserError(
            f"{registration.name} is not imported from files: give a wheel or a folder to measure it against"
        )
    path = Path(spec.origin)
    return path.parent.parent if path.name == "__init__.py" else path.parent


def _git(folder: Path, *arguments: str) -> str:
    """Return what git says in a folder, nothing where it refuses."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
