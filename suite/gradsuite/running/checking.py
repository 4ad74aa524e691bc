"""The checks of one backend, run in its worker: a death or a hang is the failure of the check that it happened in."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gradsuite.backend import BackendInfo
from gradsuite.cells import find
from gradsuite.conformance import VERDICTS, Asked, Result, asked
from gradsuite.conformance.packed import unpacked
from gradsuite.errors import UserError, one_line, quoted
from gradsuite.machine.facts import machine
from gradsuite.plugins import load
from gradsuite.running.availability import asked_backend
from gradsuite.running.configuration import TIMEOUT
from gradsuite.worker.environment import WorkerEnvironment
from gradsuite.worker.loading import require
from gradsuite.worker.process import Lost, Process, start_timeout
from gradsuite.worker.purpose import Purpose

PATIENCE = 120.0  # seconds for one check: a backend that compiles needs a good part of one for each new shape
NEAR = 3  # names that are offered for a misspelled one
# Where a thread was when `faulthandler` wrote it down: the first frame is the innermost.
FRAME = re.compile(r'^(Current thread|Thread) [^\n]*:\n  File "([^"\n]+)", line (\d+)', re.MULTILINE)


class Lacking(UserError):
    """A backend of which nothing can be checked; `printed` is what was written meanwhile.

    `status` is the command's exit status: 2 if the backend cannot be had, 1 if it died, hung, exited or claims nothing.
    """

    def __init__(self, message: str, printed: str = "", *, status: int = 1) -> None:
        super().__init__(message)
        self.printed = printed
        self.status = status


class Checking:
    """One worker that answers check after check; a new one takes its place after each death."""

    def __init__(
        self, backend: str, *, timeout: float = PATIENCE, show: Callable[[str], None] = lambda text: None
    ) -> None:
        """Give each check `timeout` seconds, and tell `show` which one is running.

        Raises UserError if there is no such backend, or it is not installed.
        """
        self.plugins = plugins = load()
        registration = asked_backend(plugins, backend)
        if lost := registration.missing():
            raise UserError(f"backend {backend!r} is not available: {lost}; type: {registration.install}")
        TIMEOUT.parse(timeout)
        self.backend = backend
        self.timeout = timeout
        self.show = show
        self.environment = WorkerEnvironment(plugins, machine(), purpose=Purpose.CHECK)
        self.process: Process | None = None
        self.lost = ""  # why no worker can be had any more

    def __enter__(self) -> Self:
        """Start the worker. Raises Lacking if the backend cannot be had, or took its worker with it."""
        try:
            self.info = self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def results(self, checks: Sequence[Asked]) -> Iterator[Result]:
        """Yield the verdict of each check, however its worker ends."""
        for number, one in enumerate(checks, 1):
            self.show(f"[{number}/{len(checks)}] {one.check.name} on {one.device} in {one.dtype}")
            yield self._result(one)

    def _start(self) -> BackendInfo:
        """Start a worker and have it import its framework."""
        self.show(f"loading {self.backend}")
        try:
            self.process = Process(self.backend, self.environment(self.backend))
        except (Exception, SystemExit) as error:  # a hook that sets the environment may fail in any way
            raise Lacking(f"backend {self.backend!r} cannot be started: {one_line(error)}") from error
        try:
            limit = start_timeout(self.timeout)
            reply = self.process.ask({"do": "describe"}, limit)
            if reply["status"] == "ok":
                self.process.ask({"do": "prepare"}, limit)  # else the first check's time would go into imports
                info: BackendInfo = reply["info"]
                return info
        except Lost as lost:
            printed = self.process.stderr_tail(paths=True)
            raise Lacking(f"backend {self.backend!r} did not come up: {lost}{place(printed)}", printed) from lost
        printed = self.process.stderr_tail(paths=True)
        raise Lacking(f"backend {self.backend!r} cannot be had: {reply['reason']}", printed, status=2)

    def _end(self) -> None:
        if self.process:
            self.process.close()
        self.process = None

    def _result(self, one: Asked) -> Result:
        """Return one verdict, from a new worker if the last one has gone and another can be had."""
        if not (self.process or self.lost):
            try:
                self._start()
            except Lacking as error:
                self.lost = f"not run, for the worker cannot be started again: {error}"
                self._end()
        return failed(one, self.lost) if self.lost else self._ask(one)

    def _ask(self, one: Asked) -> Result:
        assert self.process is not None
        self.process.forget_stderr()
        request = {"do": "check", "check": one.check.name, "device": one.device, "dtype": one.dtype}
        try:
            reply = self.process.ask(request | {"finest": one.finest, "timeout": self.timeout}, self.timeout)
        except Lost as lost:
            printed = self.process.stderr_tail(paths=True)
            self._end()
            return failed(one, f"{lost}, in the middle of this check{place(printed)}", printed)
        result = verdict(one, reply)
        return replace(result, printed=self.process.stderr_tail(paths=True)) if result.failure else result


def verdict(one: Asked, reply: dict[str, Any]) -> Result:
    """Return the verdict that a worker's reply holds: it must be on what was asked."""
    if reply.get("status") != "ok":
        return failed(one, str(reply.get("reason", "the worker gave no reason")))
    try:
        result = unpacked(reply["result"])
    except Exception as error:  # noqa: BLE001  it is what a plugin can have made of it
        return failed(one, f"the worker's verdict is none: {one_line(error)}")
    if (result.check, result.device, result.dtype) != (one.check.name, one.device, one.dtype):
        return failed(one, f"the worker answered for another check: {result.check}")
    return result if result.verdict in VERDICTS else failed(one, f"no verdict: {result.verdict!r}")


def failed(one: Asked, reason: str, printed: str = "") -> Result:
    """Return the verdict on a check that gave none."""
    return Result(one.check.name, one.check.sentence, one.device, one.dtype, "failed", what=reason, printed=printed)


def place(printed: str) -> str:
    """Return the file and line that a worker was in when it crashed or hung, as far as it could say."""
    threads = FRAME.findall(printed)
    # The crashed thread is marked; of those that hang, the main one is written last.
    current = [thread for thread in threads if thread[0].startswith("Current")] or threads
    return f" ({Path(current[-1][1]).name}:{current[-1][2]})" if current else ""


def everything(
    info: BackendInfo, devices: Iterable[str] = (), dtypes: Iterable[str] = (), cell: str = ""
) -> list[Asked]:
    """Return what there is to check of a backend, by default all that it claims; of a `cell`, thoroughly.

    Raises UserError for a name that the backend does not claim or that no cell has, Lacking if there is nothing.
    """
    devices, dtypes = list(devices), list(dtypes)
    require(info, devices, dtypes)
    if cell and find(cell).name not in info.cells and not info.differentiates(cell):
        raise UserError(f"{info.name} has no cell {quoted(cell)} (it has: {', '.join(info.cells) or 'none'})")
    there = list(asked(info, devices, dtypes, cell))
    if not there:
        raise Lacking(f"backend {info.name!r} claims no device, or no dtype that could be checked")
    return there


def select(checks: Sequence[Asked], pattern: str) -> list[Asked]:
    """Return the checks whose names match a pattern such as `gradients-*`. Raises UserError if there are none."""
    chosen = [one for one in checks if fnmatchcase(one.check.name, pattern)]
    if not chosen:
        raise no_check(pattern, checks)
    return chosen


def no_check(pattern: str, checks: Iterable[Asked]) -> UserError:
    """Return the error for a pattern that matches no check: it, and the nearest names."""
    names = list(dict.fromkeys(one.check.name for one in checks))
    near = get_close_matches(pattern, names, n=NEAR, cutoff=0.0)
    return UserError(f"no check matches {quoted(pattern)}; the nearest names are {', '.join(near)}")
