"""The worker: a process of its own for one backend, measuring one trial at a time for the host.

Started by `gradsuite.worker.start`, it reads a backend's name, then requests, and writes replies, all JSON, one per
line. The host ends it by closing its standard input; so does the death of the host.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, replace
from functools import cached_property
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TextIO

from gradsuite import plugins
from gradsuite.backend import Backend
from gradsuite.errors import NotAvailable, Unsupported, UserError, one_line
from gradsuite.experiment import Experiment
from gradsuite.machine import family
from gradsuite.machine.libraries import libraries
from gradsuite.measuring import gemm, memory
from gradsuite.rows import Measurement

if TYPE_CHECKING:
    from gradsuite.worker.checking import Checker
    from gradsuite.worker.training import Trainer

PAUSE = 0.001  # seconds in which a thread that spins is seen to
SETTLE = 0.5  # seconds after which a framework is left to spin
PROBES = {gemm.PROBE: gemm.probe}  # what the host measures for itself, with or without any experiment
Reply = dict[str, Any]


class Worker:
    """Answers the host's requests for one backend."""

    def __init__(self, name: str) -> None:
        """Be the worker of the backend of this name; nothing is imported until the first request."""
        self.name = name
        self.rounds: Iterator[list[Measurement]] = iter(())
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
        except Exception as error:  # noqa: BLE001  whatever a backend raises costs its trial alone
            traceback.print_exc()
            return self.failure("error", one_line(error))

    def describe(self) -> Mapping[str, Any]:
        """Return what the backend says of itself, and what this process computes with."""
        info = self.backend.describe()
        return asdict(replace(info, libraries=(*info.libraries, *libraries(info.versions))))

    def preflight(self, device: str, cells: Sequence[str]) -> str:
        """Return what is wrong with the backend's gradients on this device, in these cells too, or nothing."""
        from gradsuite.conformance.preflight import disagreement  # it imports the oracle, which a trial does not need

        return disagreement(self.backend, device, cells)

    def start(self, request: Mapping[str, Any]) -> None:
        """Begin a trial, once the memory and the peak of the trial before are cleared."""
        self.rounds = iter(())
        memory.release()
        memory.reset_peak()
        name = request["experiment"]
        measure = PROBES.get(name) or self.experiment(name).measure
        self.rounds = iter(measure(self.backend, request["device"], request["settings"]))

    def round(self) -> Reply:
        """Measure one round, and leave the cores to the next worker."""
        measured = next(self.rounds, None)
        settle()
        rows = [list(astuple(plain(measurement))) for measurement in measured or ()]
        return {"status": "ok", "done": measured is None, "measurements": rows}

    def failure(self, status: str, reason: str) -> Reply:
        """End the trial."""
        self.rounds = iter(())
        return {"status": status, "reason": reason, "done": True, "measurements": []}

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


def plain(measurement: Measurement) -> Measurement:
    """Return a measurement whose numbers are Python's own, as JSON has them."""
    index, layer, member = (
        None if place is None else int(place) for place in (measurement.index, measurement.layer, measurement.member)
    )
    return replace(measurement, value=float(measurement.value), index=index, layer=layer, member=member)


def settle() -> None:
    """Wait until no thread of this process computes; OpenBLAS's, left to itself, spin for 0.1 s after a product."""
    deadline = time.monotonic() + SETTLE
    while time.monotonic() < deadline:
        before = time.process_time()
        time.sleep(PAUSE)
        if time.process_time() - before < PAUSE / 2:
            return


def take_output() -> TextIO:
    """Return the stream to the host, and send what anyone prints, even in C, to standard error.

    A forked child does not get that stream: were it to outlive this process, the host would wait for its answer.
    """
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: os.dup2(2, replies.fileno()))
    return replies


def listen(requests: "SimpleQueue[str]") -> None:
    """Pass on requests; when the host has gone, end at once, in the middle of a round too, with all that computes."""
    for line in sys.stdin:
        requests.put(line)
    family.kill()
    os._exit(0)


def main() -> None:
    """Serve until standard input ends."""
    replies = take_output()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the host decides what it means
    requests: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=listen, args=(requests,), daemon=True).start()
    worker = Worker(json.loads(requests.get()))
    while True:
        reply = worker.answer(json.loads(requests.get()))
        sys.stdout.flush()
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
