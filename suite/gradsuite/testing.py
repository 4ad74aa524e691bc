"""For tests of a backend: `class TestMine(BackendConformance): backend = MyBackend()` runs every check in pytest."""

from typing import ClassVar

import pytest

from gradsuite.backend import Backend
from gradsuite.conformance import Check, Subject, pairs, run
from gradsuite.errors import one_line


class BackendConformance:
    """Subclass it under a name that begins with Test: there is one test per check, claimed device and claimed dtype.

    `backend` is the backend or its class. `devices` and `dtypes` limit the checks. What the backend does not claim is
    skipped. The tests run in pytest's own process: a backend that raises, SystemExit included, fails its test; one that
    crashes takes pytest with it, which `gradsuite check` survives.
    """

    backend: ClassVar[Backend | type[Backend]]
    devices: ClassVar[tuple[str, ...]] = ()
    dtypes: ClassVar[tuple[str, ...]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make one test per check, device and dtype."""
        if "subject" in metafunc.fixturenames:
            try:
                backend = self.backend() if isinstance(self.backend, type) else self.backend
                cases = list(pairs(backend, self.devices, self.dtypes))
            except SystemExit as error:  # else it would end pytest, before any test has run
                pytest.fail(f"{self.backend} tried to exit: {one_line(error)}", pytrace=False)
            names = [f"{check.name}-{subject.device}-{subject.dtype}" for check, subject in cases]
            metafunc.parametrize(("check", "subject"), cases, ids=names)

    def test_conformance(self, check: Check, subject: Subject) -> None:
        """Fail with the line that `gradsuite check` prints."""
        result = run(check, subject)
        if result.verdict == "failed":
            pytest.fail(str(result), pytrace=False)
        if result.verdict == "unsupported":
            pytest.skip(result.what)
