"""A worker's answer to `gradsuite check`: the verdict of one check on its backend."""

import faulthandler
import sys
from collections.abc import Mapping
from io import TextIOWrapper
from typing import Any

from gradsuite.backend import Backend
from gradsuite.conformance import CHECKS, Subject, raised, run
from gradsuite.conformance.packed import packed

STDERR = 2  # the descriptor: a backend may have replaced sys.stderr
SHOWN = 0.9  # of the time limit, after which a check that still runs writes where it is to standard error
BY_NAME = {check.name: check for check in CHECKS}


class Checker:
    """Runs checks on one backend, one at a time; what the oracle has answered is kept for the next."""

    def __init__(self, backend: Backend) -> None:
        """Check this backend. A crash says where it was, and what the backend printed before is not lost in it."""
        self.backend = backend
        faulthandler.enable(STDERR)
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)

    def __len__(self) -> int:
        """Return how many checks there are."""
        return len(CHECKS)

    def check(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of the check of this name on this device in this dtype, ready for JSON.

        `finest` says that no finer dtype is checked, and `timeout` after how many seconds the host will not wait.
        """
        check = BY_NAME[request["check"]]
        faulthandler.dump_traceback_later(SHOWN * request["timeout"], file=STDERR)
        try:
            subject = Subject(self.backend, request["device"], request["dtype"], finest=request["finest"])
            return packed(run(check, subject))
        except BaseException as error:  # noqa: BLE001  Ctrl-C does not reach a worker: the backend raised this too
            return packed(raised(check, request["device"], request["dtype"], error))
        finally:
            faulthandler.cancel_dump_traceback_later()
