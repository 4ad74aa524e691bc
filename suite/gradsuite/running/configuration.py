"""What one run is asked to do: the flags of `gradsuite run`, or the keys of its TOML file."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any, Self

from gradsuite.errors import VALUE, UserError, quoted, shortened, unknown
from gradsuite.machine.memory import capacity, size
from gradsuite.paths import read_text, require_path
from gradsuite.running.log import LEVELS
from gradsuite.running.shard import Shard
from gradsuite.runs.names import RESULTS, check_name
from gradsuite.settings import Grid, Setting

MEMORY_LIMIT = "75%"  # of the memory there is: the rest is for the host, other workers and what else the machine does
MOST_JOBS = 1024  # workers side by side: each is a process, with a thread of the host's
EXECUTORS = ("local", "dask")
LISTS = ("experiment", "backend", "no-plugin", "select", "exclude")
KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {  # of values in a file; all others are texts
    "set": ((dict,), "a table"),
    "threads": ((int,), "a whole number"),
    "jobs": ((int,), "a whole number"),
    "tuned": ((bool,), "true or false"),
    "no-preflight": ((bool,), "true or false"),
    "timeout": ((int, float), "a number"),
}
WHERE = ("out", "name")  # a run lies, and is called
RESUMABLE = ("timeout", "memory-limit", "jobs", "log-level", "executor", "scheduler", "no-preflight")
THREADS = Setting("threads", int, "threads per worker", minimum=1, maximum=4096)
JOBS = Setting("jobs", int, "workers side by side", minimum=1, maximum=MOST_JOBS)
TIMEOUT = Setting("timeout", float, "seconds for one round", minimum=0, above=True, maximum=1e7)


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Raises UserError for a value that is not allowed. Empty lists mean all there are."""

    experiment: Sequence[str] = ()
    backend: Sequence[str] = ()
    preset: str = "standard"
    set: Grid = field(default_factory=dict)
    device: str = "cpu"
    out: str = RESULTS
    name: str | None = None
    threads: int | None = None
    tuned: bool = False
    no_plugin: Sequence[str] = ()
    select: Sequence[str] = ()
    exclude: Sequence[str] = ()
    no_preflight: bool = False
    executor: str = "local"
    scheduler: str | None = None
    timeout: float = 600.0
    memory_limit: str = MEMORY_LIMIT
    jobs: int | None = None
    log_level: str = "info"
    shard: str | None = None

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise unknown("executor", self.executor, EXECUTORS)
        if self.name is not None:
            check_name(self.name)
        if self.threads is not None:
            THREADS.parse(self.threads)
        if self.jobs is not None:
            JOBS.parse(self.jobs)
        if self.log_level not in LEVELS:
            raise unknown("log level", self.log_level, LEVELS)
        if self.shard is not None:
            Shard.parse(self.shard)
        TIMEOUT.parse(self.timeout)
        size(self.memory_limit, capacity())
        require_path(self.out)
        if (self.scheduler is None) == (self.executor == "dask"):
            raise UserError("--executor dask and --scheduler ADDRESS go together: one was given without the other")

    @classmethod
    def make(cls, options: Mapping[str, Any]) -> Self:
        """Return the configuration of these flags, by their names without dashes in front."""
        return cls(**{name.replace("-", "_"): value for name, value in options.items()})

    def stored(self) -> dict[str, Any]:
        """Return what a run keeps of it, to be resumed: not where the run lies, nor how its trials are run."""
        kept = {name.replace("_", "-"): value for name, value in asdict(self).items() if name not in WHERE}
        return {name: value for name, value in kept.items() if name not in RESUMABLE}

    @classmethod
    def resumed(cls, meta: Mapping[str, Any], options: Mapping[str, Any]) -> Self:
        """Return what the run with this meta data was asked for, with options that do not change its trials."""
        for name in options:
            if name not in RESUMABLE:
                raise UserError(f"--resume goes on with what the run was asked for: {name} cannot be changed")
        asked = {name: value for name, value in meta["configuration"].items() if value is not None}
        return cls.make({**checked("what the run was asked for", asked), **options})


KEYS = frozenset({"resume", *(one.name.replace("_", "-") for one in fields(Configuration))})  # of a file: the flags


def read_options(flags: Mapping[str, Any], project: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Return the options that were given, and those of a TOML file among the experiments.

    Flags win over the file, and the file over what holds for the whole project; what is `set` by flags is merged.
    Raises UserError as `read_toml` and `parse_changes` do.
    """
    given = {name.replace("_", "-"): value for name, value in flags.items() if name != "set"}
    given["experiment"] = [name for name in flags["experiment"] if not name.endswith(".toml")]
    resumed = flags.get("resume") is not None  # what a project asks for otherwise is of new runs
    options = {name: value for name, value in project.items() if name in RESUMABLE or not resumed}
    for path in flags["experiment"]:
        if path.endswith(".toml"):
            options |= read_toml(path)
    options |= {name: value for name, value in given.items() if value not in (None, (), [])}
    changes = {**options.get("set", {}), **parse_changes(flags["set"])}
    return options | {"set": changes} if changes else options


def read_toml(path: str) -> dict[str, Any]:
    """Return the options in a TOML file. Raises UserError for a syntax error, an unknown key or a value of no use."""
    return checked(repr(path), parsed(path))


def parsed(path: str) -> dict[str, Any]:
    """Return what a TOML file holds. Raises UserError if it cannot be read."""
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise UserError(f"{quoted(path)} is not TOML: {error}") from error
    except RecursionError as error:
        raise UserError(f"{quoted(path)} is nested deeper than a study is") from error


def checked(place: str, table: Any) -> dict[str, Any]:
    """Return the options of a table that stands in this place. Raises UserError, with the place, for a fault in it."""
    if not isinstance(table, dict):
        raise UserError(f"{place} must be a table, not {quoted(table)}")
    for key in table:
        if key not in KEYS:
            raise unknown(f"key in {place}", key, KEYS)
    return {key: _checked(place, key, value) for key, value in table.items()}


def parse_changes(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Return `KEY=V1,V2` texts as values by key. Raises UserError for a text of another form."""
    changes: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not (name.strip() and equals):
            raise UserError(f"--set takes KEY=V1,V2 (such as gain=0.5,1.5), not {quoted(text)}")
        changes.setdefault(name.strip(), []).extend(value.strip() for value in values.split(",") if value.strip())
    return changes


def _checked(place: str, key: str, value: Any) -> Any:
    """Return a value of the kind its key takes; a single one may stand for a list of one."""
    if key == "set" and isinstance(value, dict):
        return {name: _list(f"set.{name}", values, place, (str, int, float)) for name, values in value.items()}
    if key in LISTS:
        return _list(key, value, place, (str,))
    kinds, kind = KINDS.get(key, ((str,), "a text"))
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise UserError(f"{key} in {place} must be {kind}, not {quoted(value)}")
    return value


def _list(key: str, value: Any, place: str, kinds: tuple[type, ...]) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    if any(isinstance(one, bool) or not isinstance(one, kinds) for one in values):
        kind = "texts" if kinds == (str,) else "texts or numbers"
        raise UserError(f"{shortened(key, VALUE)} in {place} must be {kind}, not {quoted(value)}")
    return values
