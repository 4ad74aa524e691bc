"""Second names of backends: `NAME@2` is NAME in another worker, `NAME@tuned` is NAME in a tuned one."""

SIGN = "@"
TUNED = "tuned"


def original(name: str) -> str:
    """Return the name that is registered."""
    return name.partition(SIGN)[0]


def twin(name: str) -> str:
    """Return a second name, for another worker that is started in the same way."""
    return f"{name}{SIGN}2"


def tuned(name: str) -> str:
    """Return the name of the tuned worker."""
    return name if is_tuned(name) else f"{name}{SIGN}{TUNED}"


def is_tuned(name: str) -> bool:
    """Whether this names a tuned worker."""
    return TUNED in name.split(SIGN)[1:]
