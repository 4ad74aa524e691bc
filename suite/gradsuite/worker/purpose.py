"""What a worker is for: a plugin may start one that times nothing in another way, as long as it computes the same."""

from enum import StrEnum


class Purpose(StrEnum):
    """`time`: its speed may be measured; `measure`: only what it computes is; `check`: so that it is checked."""

    TIME = "time"
    MEASURE = "measure"
    CHECK = "check"
