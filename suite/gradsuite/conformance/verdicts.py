"""`gradsuite.check`: the verdicts on one backend, called from Python."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gradsuite.conformance.check import VERDICTS, Result

if TYPE_CHECKING:
    import pandas as pd

    from gradsuite.backend import Backend

ALWAYS = VERDICTS[:3]  # verdicts that a summary counts, even if there are none of them


class Verdicts:
    """What every check said of one backend, in the order of the checks."""

    def __init__(self, backend: str, results: Iterable[Result] = (), announced: int | None = None) -> None:
        """Hold the results of a backend of this name, of as many checks as were announced (default: all there are)."""
        self.backend = backend
        self.results = list(results)
        self.announced = len(self.results) if announced is None else announced

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def collect(self, results: Iterable[Result], *, exitfirst: bool = False) -> Iterator[Result]:
        """Add each result and yield it; with `exitfirst`, the first failure is the last one."""
        for result in results:
            self.results.append(result)
            yield result
            if exitfirst and result.failure:
                return

    @property
    def failed(self) -> list[Result]:
        """The results of the checks that failed, and of those that passed where a failure was expected."""
        return [result for result in self if result.failure]

    @property
    def not_run(self) -> int:
        """How many checks were announced and have no verdict."""
        return self.announced - len(self)

    @property
    def passed(self) -> bool:
        """Whether every check that was announced has a verdict, at least one is not `unsupported`, and none failed."""
        checked = any(result.verdict != "unsupported" for result in self)
        return checked and not self.failed and not self.not_run

    @property
    def summary(self) -> str:
        """How many checks there are of each verdict, and how many have none, in one line."""
        count = Counter(result.verdict for result in self)
        counts = [f"{count[verdict]} {verdict}" for verdict in VERDICTS if verdict in ALWAYS or count[verdict]]
        return ", ".join(counts + ([f"{self.not_run} not run"] if self.not_run else []))

    @property
    def frame(self) -> "pd.DataFrame":
        """One row per check, device and dtype: verdict, error, bound and what was measured."""
        import pandas as pd

        return pd.DataFrame([result.record for result in self])

    def __repr__(self) -> str:
        return "\n".join([f"<check of {self.backend}: {self.summary}>", *map(str, self.failed)])


def check(
    backend: "str | Backend",
    *,
    device: str | Iterable[str] = (),
    dtype: str | Iterable[str] = (),
    checks: str = "*",
    cell: str = "",
    exitfirst: bool = False,
    timeout: float = 120.0,
) -> Verdicts:
    """Check a backend, by its name or itself, against every promise of the interface, as `gradsuite check` does.

    `device` and `dtype` are one or several names; by default all that the backend claims. `checks` is a pattern of
    their names, such as `gradients-*`; `cell` limits them to one cell, which is then checked thoroughly; `exitfirst`
    stops at the first failure. A backend given by its name runs in a worker: if it exits, dies or hangs, for more than
    `timeout` seconds in one check, that check has failed. A backend given itself runs in this process, where only what
    it raises, SystemExit included, can be caught.

    Raises UserError for a name that it does not claim, a pattern that matches no check, and a backend that cannot be
    had.
    """
    from gradsuite.conformance import Subject, run
    from gradsuite.running.checking import Checking, everything, select

    devices, dtypes = ([names] if isinstance(names, str) else list(names) for names in (device, dtype))
    if isinstance(backend, str):
        with Checking(backend, timeout=timeout) as checking:
            chosen = select(everything(checking.info, devices, dtypes, cell), checks)
            verdicts = Verdicts(checking.info.name, announced=len(chosen))
            list(verdicts.collect(checking.results(chosen), exitfirst=exitfirst))
        return verdicts
    info = backend.describe()
    chosen = select(everything(info, devices, dtypes, cell), checks)
    verdicts = Verdicts(info.name, announced=len(chosen))
    results = (run(one.check, Subject(backend, one.device, one.dtype, finest=one.finest)) for one in chosen)
    list(verdicts.collect(results, exitfirst=exitfirst))
    return verdicts
