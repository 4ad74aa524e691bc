"""The worker: a process of its own for one backend, measuring one trial at a time for the host.

Started by `gradsuite.worker.start`, which has answered the host's greeting, it takes requests and sends replies. Its
guard ends it when the host closes the channel, as the death of the host does.
"""

import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gradsuite import plugins
from gradsuite.backend import Backend
from gradsuite.errors import NotAvailable, Unsupported, UserError, one_line
from gradsuite.experiment import Experiment
from gradsuite.machine.libraries import libraries
from gradsuite.measuring import gemm, memory
from gradsuite.rows import Measurement
from gradsuite.worker import described, measured
from gradsuite.worker.channel import Channel
from gradsuite.worker.malformed import Malformed
from gradsuite.worker.shared import Shared

if TYPE_CHECKING:
    from gradsuite.worker.checking import Checker
    from gradsuite.worker.training import Trainer

PAUSE = 0.001  # seconds in which a thread that spins is seen to
SETTLE = 0.5  # seconds after which a framework is left to spin
END = object()  # what comes after the last round; an experiment may yield None
PROBES = {gemm.PROBE: gemm.probe}  # what the host measures for itself, with or without any experiment
Reply = dict[str, Any]


class Worker:
    """Answers the host's requests for one backend."""

    def __init__(self, name: str) -> None:
        """Be the worker of the backend of this name; nothing is imported until the first request."""
        self.name = name
        self.rounds: Iterator[list[Measurement]] = iter(())
        self.shared: Shared | None = None  # before the trial that is measured
        self.packages: tuple[str, ...] = ()  # that the backend says it computes with
        self.measuring = ""  # the experiment that is measured
        self.timed = True  # whether it times anything, so that rounds of several workers take turns
        self.experiments: dict[str, Experiment] = {}

    def answer(self, request: Mapping[str, Any]) -> Reply:
        """Answer a request: a failure is an answer too.

        `describe`; `prepare` and `check` for `gradsuite check`; `train`; `preflight`; `start` (a trial's first round)
        or `resume` (its next).
        """
        try:
            if request["do"] == "describe":
                return {"status": "ok", "info": self.describe()}
            if request["do"] == "prepare":
                return {"status": "ok", "checks": len(self.checker)}
            if request["do"] == "check":
                return {"status": "ok", "result": self.checker.check(request)}
            if request["do"] == "train":
                return {"status": "ok", **self.trainer.answer(request)}
            if request["do"] == "preflight":
                return {"status": "ok", "reason": self.preflight(request["device"], request["cells"])}
            if request["do"] == "start":
                self.start(request)
            return self.round()
        except Unsupported as error:
            return self.failure("unsupported", str(error))
        except NotAvailable as error:
            return self.failure("error", str(error))
        except UserError as error:
            return self.failure("invalid", str(error))
        except Malformed as error:
            return self.failure("error", str(error))
        except BaseException as error:  # noqa: BLE001  whatever a backend raises costs its trial alone
            return self.failure("error", told(error))

    def describe(self) -> Mapping[str, Any]:
        """Return what the backend says of itself, and what this process computes with."""
        info = described.packed(self.name, self.backend.describe())
        self.packages = tuple(info["versions"])
        return info | {"libraries": (*info["libraries"], *libraries(info["versions"]))}

    def preflight(self, device: str, cells: Sequence[str]) -> str:
        """Return what is wrong with the backend's gradients on this device, in these cells too, or nothing."""
        from gradsuite.conformance.preflight import disagreement  # it imports the oracle, which a trial does not need

        return disagreement(self.backend, device, cells)

    def start(self, request: Mapping[str, Any]) -> None:
        """Begin a trial, once the memory and the peak of the trial before are cleared."""
        self.rounds = iter(())
        memory.release()
        memory.reset_peak()
        name = self.measuring = request["experiment"]
        measure, settings = PROBES.get(name) or self.experiment(name).measure, request["settings"]
        backend = self.backend
        self.timed = name in PROBES or self.experiment(name).times(settings)
        self.shared = Shared(self.packages)
        self.rounds = iter(measure(backend, request["device"], settings))

    def round(self) -> Reply:
        """Measure one round, and leave the cores to the next worker: after the last one, and each that is timed."""
        yielded = next(self.rounds, END)
        if self.timed or yielded is END:
            settle()
        if yielded is END:
            return {"status": "ok", "done": True, "measurements": [], "changed": self.changes()}
        return {"status": "ok", "done": False, "measurements": measured.packed(self.measuring, yielded), "changed": []}

    def failure(self, status: str, reason: str) -> Reply:
        """End the trial, if there is one."""
        self.rounds = iter(())
        return {"status": status, "reason": reason, "done": True, "measurements": [], "changed": self.changes()}

    def changes(self) -> list[str]:
        """Return what the trial that has ended has changed of what all trials share."""
        before, self.shared = self.shared, None
        return before.changes() if before else []

    @cached_property
    def plugins(self) -> plugins.Plugins:
        """The plugins that the host has too: those blocked there are blocked by the environment here."""
        return plugins.load()

    @cached_property
    def backend(self) -> Backend:
        """The backend; its framework is imported here."""
        registration = self.plugins.find("backend", self.name)
        if missing := registration.missing():
            raise UserError(missing)
        backend: Backend = registration.load()()
        memory.keep()
        return backend

    @cached_property
    def checker(self) -> "Checker":
        """What runs checks; the kit is imported here, which a worker that measures never does."""
        from gradsuite.worker.checking import Checker

        return Checker(self.backend)

    @cached_property
    def trainer(self) -> "Trainer":
        """What trains a network, for `gradsuite train`."""
        from gradsuite.worker.training import Trainer

        return Trainer(self.backend, self.plugins)

    def experiment(self, name: str) -> Experiment:
        """Return the experiment of this name, imported once."""
        if name not in self.experiments:
            try:
                self.experiments[name] = self.plugins.experiment(name)
            except UserError as error:  # the host has it, so that another time it may be here too
                raise NotAvailable(str(error)) from error
            memory.keep()
        return self.experiments[name]


def told(error: BaseException) -> str:
    """Return an exception in one line, with its traceback on standard error; its own class may fail at both."""
    try:
        traceback.print_exception(error)
        return one_line(error)
    except BaseException:  # noqa: BLE001
        return f"{type(error).__name__}, which cannot say what it is"


def settle() -> None:
    """Wait until no thread of this process computes; OpenBLAS's, left to itself, spin for 0.1 s after a product."""
    deadline = time.monotonic() + SETTLE
    while time.monotonic() < deadline:
        before = time.process_time()
        time.sleep(PAUSE)
        if time.process_time() - before < PAUSE / 2:
            return


def main(channel: Channel, backend: str) -> None:
    """Serve until the host has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what interrupts the host means, the host decides
    worker = Worker(backend)
    while (request := channel.receive()) is not None:
        reply = worker.answer(request)
        with suppress(Exception):  # what a backend has put in the place of these is its own affair
            sys.stdout.flush()
            sys.stderr.flush()
        try:
            channel.send(reply)
        except (TypeError, ValueError, RecursionError) as error:  # it holds what JSON does not have
            channel.send(worker.failure("error", told(error)))
