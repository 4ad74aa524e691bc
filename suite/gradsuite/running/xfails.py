"""Checks that are expected to fail, declared in a file: a deviation either way is a failure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from gradsuite.conformance import Asked, Result
from gradsuite.errors import UserError, quoted
from gradsuite.paths import read_text
from gradsuite.running.checking import no_check

COMMENT = "#"
FORM = "CHECK [DEVICE] [DTYPE]"


@dataclass(frozen=True, slots=True)
class Expected:
    """One line: patterns of a check, a device and a dtype, such as `gradients-* cpu float32`."""

    line: int
    check: str
    device: str = "*"
    dtype: str = "*"

    def matches(self, check: str, device: str, dtype: str) -> bool:
        """Whether this line is about this check on this device in this dtype."""
        patterns = ((check, self.check), (device, self.device), (dtype, self.dtype))
        return all(fnmatchcase(name, pattern) for name, pattern in patterns)


class Xfails:
    """The checks that a file expects to fail."""

    def __init__(self, path: str, lines: Iterable[Expected] = ()) -> None:
        self.path = path
        self.lines = tuple(lines)

    @classmethod
    def read(cls, path: str) -> "Xfails":
        """Read a file of lines `CHECK [DEVICE] [DTYPE]`, in which # begins a comment. Raises UserError."""
        expected = []
        for number, line in enumerate(read_text(path).splitlines(), 1):
            words = line.partition(COMMENT)[0].split()
            if len(words) > len(FORM.split()):
                raise UserError(f"{path}:{number}: a line is {FORM}, not {quoted(' '.join(words))}")
            if words:
                expected.append(Expected(number, *words))
        return cls(path, expected)

    def require(self, known: Sequence[Asked]) -> None:
        """Raise UserError for a line that matches none of these checks: it would never be missed."""
        for line in self.lines:
            if not any(line.matches(one.check.name, one.device, one.dtype) for one in known):
                named = [one for one in known if fnmatchcase(one.check.name, line.check)]
                if not named:
                    raise UserError(f"{self.path}:{line.line}: {no_check(line.check, known)}")
                where = ", ".join(sorted({f"{one.device} {one.dtype}" for one in named}))
                raise UserError(
                    f"{self.path}:{line.line}: {line.check} is checked on {where}, and not as this line says"
                )

    def judge(self, result: Result) -> Result:
        """Return a result as this file sees it: `xfailed` if it failed as expected, `xpassed` if it did not."""
        if not any(line.matches(result.check, result.device, result.dtype) for line in self.lines):
            return result
        if result.verdict == "failed":
            return replace(result, verdict="xfailed")
        if result.verdict == "passed":
            return replace(result, verdict="xpassed", what=f"{self.path} expects it to fail")
        return result
