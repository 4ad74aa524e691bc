"""For a backend's own tests: `class TestMine(BackendConformance): backend = MyBackend()` runs every check by pytest."""

from typing import ClassVar

import pytest

from gradsuite.backend import Backend
from gradsuite.conformance import Check, Subject, pairs, run


class BackendConformance:
    """Subclass it with a name that begins with Test: each check on each claimed device and dtype is a test of its own.

    `backend` is the backend, or its class. `devices` and `dtypes` limit what is checked. What the backend does not
    claim is skipped.
    """

    backend: ClassVar[Backend | type[Backend]]
    devices: ClassVar[tuple[str, ...]] = ()
    dtypes: ClassVar[tuple[str, ...]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make one test of each check, device and dtype."""
        if "subject" in metafunc.fixturenames:
            backend = self.backend() if isinstance(self.backend, type) else self.backend
            cases = list(pairs(backend, self.devices, self.dtypes))
            names = [f"{check.name}-{subject.device}-{subject.dtype}" for check, subject in cases]
            metafunc.parametrize(("check", "subject"), cases, ids=names)

    def test_conformance(self, check: Check, subject: Subject) -> None:
        """Fail with the line that `gradsuite check` prints."""
        result = run(check, subject)
        if result.verdict == "failed":
            pytest.fail(str(result), pytrace=False)
        if result.verdict == "unsupported":
            pytest.skip(result.what)
