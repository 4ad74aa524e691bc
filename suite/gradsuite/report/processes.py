"""Processes in which sections are made: one that dies names what it was at, and costs that alone."""

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from threading import Lock, Thread
from types import ModuleType
from typing import Any

from gradsuite.hosting.contained import Fault, contained
from gradsuite.machine.descent import ended
from gradsuite.machine.garbage import look_seldom
from gradsuite.plugins import load
from gradsuite.report.piece import Piece
from gradsuite.report.section import Section

PATIENCE = 600.0  # seconds for one part of a section: a page's largest figure takes two
GLANCE = 0.2  # seconds after which a process is looked at that says nothing: a copy of it may hold its pipe open
BEGINNING = "beginning"  # what a process is at before an experiment's first part: it imports the experiment


@dataclass(slots=True)
class Task:
    """A piece to be made a section of; parts that took a process with them are `lost`, with the reason."""

    piece: Piece
    lost: dict[str, str] = field(default_factory=dict)


class Processes:
    """Makes sections side by side, each once. Once this is closed, by whichever thread, no process is left.

    One thread at a time asks for sections.
    """

    def __init__(self, blocked: Collection[str], count: int) -> None:
        """Use so many processes, which block these plugins; none is started yet."""
        self.makers = [MakerProcess(blocked) for _ in range(count)]
        self.waiting: deque[Task] = deque()
        self.made: dict[Piece, Section] = {}
        self.closed = False
        self.lock = Lock()  # of the processes: none is started once this is closed

    def begin(self, pieces: Collection[Piece]) -> None:
        """Have these pieces made, which `sections` then waits for."""
        begun = {task.piece for task in [*self.waiting, *(maker.task for maker in self.makers)] if task}
        self.waiting += [Task(piece) for piece in pieces if piece not in begun and piece not in self.made]
        self._hand_out()

    def sections(self, pieces: Collection[Piece]) -> list[Section]:
        """Return the sections of these pieces in order. Raises RuntimeError if this is closed meanwhile."""
        self.begin(pieces)
        while not all(piece in self.made for piece in pieces):
            wait([maker.connection for maker in self.makers if maker.task], GLANCE)
            self._collect()
            self._hand_out()
        return [self.made[piece] for piece in pieces]

    def close(self) -> None:
        """End every process, whatever it does."""
        with self.lock:
            self.closed = True
            for maker in self.makers:
                maker.end()

    def _hand_out(self) -> None:
        with self.lock:
            if self.closed:
                raise RuntimeError("no sections are made any more")
            for maker in self.makers:
                if maker.task is None and self.waiting:
                    maker.begin(self.waiting.popleft())

    def _collect(self) -> None:
        with self.lock:
            for maker in self.makers:
                if (task := maker.task) is None or self.closed:
                    continue
                if (section := maker.section()) is not None:
                    self.made[task.piece] = section
                elif maker.task is None:  # it died of a part: the others are made once more, without that one
                    self.waiting.append(task)


class MakerProcess:
    """One process, started when there is something to do, and again after it has died."""

    def __init__(self, blocked: Collection[str]) -> None:
        """Start nothing yet."""
        self.blocked = blocked
        self.task: Task | None = None
        self.part = BEGINNING
        self.since = 0.0
        self.made = 0  # sections, by this process
        self.process: Any = None  # of multiprocessing's context, which has no public type
        self.connection: Connection[Any, Any]

    def begin(self, task: Task) -> None:
        """Have a section made."""
        if self.process is not None and not self.process.is_alive():
            self.end()
        if self.process is None:
            context = get_context("spawn")
            self.connection, theirs = context.Pipe()
            self.process = context.Process(target=serve, args=(theirs, self.blocked))
            with main_hidden(), interrupts_held():
                self.process.start()
            theirs.close()
        self.task, self.part, self.since = task, BEGINNING, time.monotonic()
        try:
            self.connection.send((task.piece, task.lost))
        except OSError:  # it died meanwhile: `section` finds out
            return

    def section(self) -> Section | None:
        """Return the section once it is made. Of a process that died or hangs, note what it was at, and start anew."""
        alive = self.process.is_alive()  # asked before the pipe is read: what it said last is then in there
        try:
            while self.connection.poll():
                kind, content = self.connection.recv()
                if kind == "made":
                    self.task = None
                    self.made += 1
                    return content
                self.part, self.since = content, time.monotonic()
        except Exception:  # noqa: BLE001  the pipe's end, or what cannot be read: either way there will be no answer
            return self._lost()
        if not alive or time.monotonic() - self.since > PATIENCE:
            return self._lost()
        return None

    def end(self) -> None:
        """End the process, whatever it does."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
        self.process, self.made = None, 0

    def _lost(self) -> Section | None:
        """Note why the part is lost; return a section that says so if there can be no other."""
        task = self.task
        if task is None:
            return None
        self.process.join(GLANCE)
        late = time.monotonic() - self.since > PATIENCE
        reason = f"it took more than {PATIENCE / 60:g} minutes" if late else ended(self.process.exitcode)
        innocent = self.part == BEGINNING and self.made > 0  # the process may have died of what another one left there
        self.end()
        self.task = None
        if innocent:
            return None
        task.lost[self.part] = reason
        if self.part != BEGINNING:
            return None
        return task.piece.unmade(f"Its section could not be made: {reason}")


@contextmanager
def main_hidden() -> Iterator[None]:
    """Let new processes not import the script that called, as `spawn` does: it may begin with `gradsuite.run`."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let a process that is started never hear of Ctrl-C, which reaches a whole group; this one hears it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # else multiprocessing starts it before the process, and unblocks SIGINT then
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(connection: "Connection[Any, Any]", blocked: Collection[str]) -> None:
    """Make sections until the pipe ends, in a process of its own, which blocks what the host blocks.

    When the host has gone, it ends without a word: a terminal is no place for its troubles then.
    """
    Thread(target=leave_with_the_host, daemon=True).start()
    look_seldom()
    os.dup2(2, 1)  # what is printed mixes with nothing that the host says
    plugins = load(blocked)
    with suppress(EOFError, OSError):
        while True:
            piece, lost = connection.recv()
            try:
                section = contained(piece.section, plugins, lost, lambda part: connection.send(("at", part)))
            except Fault as fault:
                section = piece.unmade(f"Its section could not be made: {fault}")
            connection.send(("made", section))


def leave_with_the_host() -> None:
    """End this process, in the middle of a figure too, when the host has gone."""
    host = parent_process()
    assert host is not None
    host.join()
    os.kill(os.getpid(), signal.SIGKILL)
