"""Which machine measured what: two runs are of one machine only if nothing tells their machines apart."""

from collections.abc import Mapping
from typing import Any

MARK = "mark"
NOT_OF_THE_MACHINE = ("git",)  # of gradsuite's own checkout


def machine_name(facts: Mapping[str, Any], run: str = "") -> str:
    """Return what a machine is called in tables: its processor and cores, and what tells it from others of its kind.

    That is its mark; of a run made before machines had one, the run's name if it is given.
    """
    if not facts:
        return run
    cores, threads = facts.get("cores"), facts.get("threads")
    parts = [str(facts.get("cpu", "unknown processor")), f"{cores} core{'' if cores == 1 else 's'}"]
    parts += [f"{threads} thread{'' if threads == 1 else 's'}"] if threads != cores else []
    which = facts.get(MARK) or (f"of {run}" if run else "")
    return ", ".join(parts) + (f" ({which})" if which else "")


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether these facts are one machine's, set up alike, so that times measured on it may be compared.

    Machines of one kind have the same facts but for their mark: without it, none is the same as another.
    """
    return bool(one.get(MARK)) and _compared(one) == _compared(other)


def _compared(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in NOT_OF_THE_MACHINE}
