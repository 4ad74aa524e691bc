"""A task that reads a file, pinned to that file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pin:
    """`name` is the task's name that means the same data in every folder; `digest` stands for what is in them."""

    name: str
    digest: str
