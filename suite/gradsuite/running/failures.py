"""Which trials failed and why, in as few lines as there are reasons."""

from collections.abc import Collection

from gradsuite.experiment import Result, Trial
from gradsuite.settings import settings_label

FAILED = ("invalid", "timeout", "error")
SHOWN = 3  # trials named per reason


class Failures:
    """Counts failed trials by status, backend and reason."""

    def __init__(self, varied: Collection[str]) -> None:
        """Tell trials apart by their experiment and these settings."""
        self.varied = varied
        self.groups: dict[tuple[str, str, str], list[str]] = {}

    def add(self, trial: Trial, result: Result) -> None:
        """Count a finished trial, if it failed."""
        if result.status in FAILED:
            settings = {name: value for name, value in trial.settings.items() if name in self.varied}
            label = f"{trial.experiment} {settings_label(settings)}".rstrip()
            self.groups.setdefault((result.status, trial.backend, result.reason), []).append(label)

    def lines(self) -> list[str]:
        """Return one line per status, backend and reason: how many trials, the reason, and the first of them."""
        return [
            f"{len(labels)} {status} on {backend}: {reason} ({listed(labels)})"
            for (status, backend, reason), labels in self.groups.items()
        ]


def listed(labels: list[str]) -> str:
    """Return the first labels, and how many there are beyond."""
    different = list(dict.fromkeys(labels))
    more = f" and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
    return ", ".join(different[:SHOWN]) + more
