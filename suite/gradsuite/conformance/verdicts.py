"""`gradsuite.check`: the verdicts on one backend, called from Python."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gradsuite.conformance.check import VERDICTS, Result

if TYPE_CHECKING:
    import pandas as pd

    from gradsuite.backend import Backend


class Verdicts:
    """What every check said of one backend, in the order of the checks."""

    def __init__(self, backend: str, results: Iterable[Result]) -> None:
        """Hold the results of a backend of this name."""
        self.backend = backend
        self.results = tuple(results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    @property
    def failed(self) -> list[Result]:
        """The results of the checks that failed."""
        return [result for result in self if result.verdict == "failed"]

    @property
    def passed(self) -> bool:
        """Whether something was checked and nothing failed."""
        return any(result.verdict == "passed" for result in self) and not self.failed

    @property
    def frame(self) -> "pd.DataFrame":
        """One row per check, device and dtype: verdict, error, bound and what was measured."""
        import pandas as pd

        return pd.DataFrame([result.record for result in self])

    def __repr__(self) -> str:
        count = Counter(result.verdict for result in self)
        lines = [f"<check of {self.backend}: {', '.join(f'{count[verdict]} {verdict}' for verdict in VERDICTS)}>"]
        return "\n".join([*lines, *map(str, self.failed)])


def check(backend: "str | Backend", *, device: str | Iterable[str] = (), dtype: str | Iterable[str] = ()) -> Verdicts:
    """Check a backend, by its name or itself, against every promise of the interface, as `gradsuite check` does.

    `device` and `dtype` are one or several names; by default all that the backend claims. Raises UserError for a name
    that it does not claim.
    """
    from gradsuite.conformance import examine
    from gradsuite.worker.loading import load_backend, require

    devices, dtypes = ([names] if isinstance(names, str) else list(names) for names in (device, dtype))
    subject = load_backend(backend) if isinstance(backend, str) else backend
    info = subject.describe()
    require(info, devices, dtypes)
    return Verdicts(info.name, examine(subject, devices, dtypes))
