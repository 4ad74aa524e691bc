"""The Dask workers that there are just now, on which machines, and what each of them is doing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gradsuite.errors import one_line
from gradsuite.machine.facts import machine
from gradsuite.running.executors.executor import Halted, Say
from gradsuite.runs.machines import machine_name

ANSWER = 10.0  # seconds that a scheduler has


class Fleet:
    """The workers of a Dask cluster: they come and go, and what is lost or joins is said."""

    def __init__(self, client: Any, threads: int | None, say: Say) -> None:
        self.client = client
        self.threads = threads
        self.say = say
        self.cores: Mapping[str, int] = {}  # threads of each Dask worker, by its address
        self.facts: dict[str, Mapping[str, Any]] = {}  # of the machine of each, those that are lost too

    def look(self) -> None:
        """Find out which workers there are. Raises Halted if the scheduler no longer answers."""
        try:
            cores = dict(self.client.sync(self.client.scheduler.ncores, callback_timeout=ANSWER))
            fresh = [address for address in cores if address not in self.facts]
            found = self.client.run(machine, self.threads, workers=fresh, on_error="ignore") if fresh else {}
        except Exception as error:  # whatever it is, there is no cluster to go on with
            raise Halted(f"the Dask scheduler no longer answers ({one_line(error)})") from error
        self.facts |= found
        known = {address: count for address, count in cores.items() if address in self.facts}
        for address in self.cores.keys() - known.keys():
            self.say(f"the Dask worker at {address} is gone: what it was measuring is measured by another")
        if self.cores:
            for address in known.keys() - self.cores.keys():
                self.say(f"a Dask worker has joined at {address}: {self.machine(address)}")
        self.cores = known

    def machine(self, address: str) -> str:
        """Return the name of the machine that a worker is on."""
        return machine_name(self.facts[address])

    def machines(self) -> dict[str, Mapping[str, Any]]:
        """Return the facts of every machine by its name."""
        return {machine_name(facts): facts for facts in self.facts.values()}

    def idle(self, doing: Iterable[str], *, alone: bool, ahead: int = 1) -> Iterator[str]:
        """Yield the address of a worker for each thing that can be begun, while these are `doing` one each.

        What is measured `alone` has the machine for itself. All else has a thread, and so many things `ahead` wait at
        each worker for the next free one; the worker that has least to do comes first.
        """
        busy = Counter(doing)
        if alone:
            taken = {self.machine(address) for address in busy}
            free = {self.machine(address): address for address in self.cores}
            yield from (address for machine, address in free.items() if machine not in taken)
            return
        places = [
            (place / cores, address)
            for address, cores in self.cores.items()
            for place in range(busy[address], cores + ahead)
        ]
        yield from (address for _, address in sorted(places))
