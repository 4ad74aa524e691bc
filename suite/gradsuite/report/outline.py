"""Outlines in SVG: a path's points, moved, rounded to two decimals and written as short as they can be."""

import re
from dataclasses import dataclass
from typing import Self

TOKEN = re.compile(r"([MLHVCQZz])|(-?[\d.]+(?:e-?\d+)?)")
ARGUMENTS = {"M": 1, "L": 1, "Q": 2, "C": 3, "z": 0}  # points


def number(hundredths: int) -> str:
    """Return hundredths as decimals without what can be left out: 50 is .5, -100 is -1."""
    sign, value = ("-" if hundredths < 0 else ""), abs(hundredths)
    whole, part = divmod(value, 100)
    decimals = f"{part:02}".rstrip("0")
    return f"{sign}{whole or ('' if decimals else '0')}{'.' if decimals else ''}{decimals}"


def short(value: float) -> str:
    """Return a coordinate with two decimals at the most."""
    return number(round(100 * value))


def joined(numbers: list[str]) -> str:
    """Return numbers side by side, apart where they would run together."""
    text = ""
    for entry in numbers:
        text += entry if not text or entry.startswith("-") else f" {entry}"
    return text


@dataclass(frozen=True, slots=True)
class Outline:
    """Commands with absolute points, as (letter, ((x, y), ...)); letters are M, L, Q, C and z."""

    parts: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the outline of a path's `d` as Matplotlib writes it. Raises ValueError for anything else."""
        parts: list[tuple[str, tuple[tuple[float, float], ...]]] = []
        letter, numbers = "", []
        for found in [*TOKEN.findall(text), ("z", "")]:
            if found[1]:
                numbers.append(float(found[1]))
                continue
            if letter:
                parts.append(_part(letter, numbers))
            letter, numbers = found[0].replace("Z", "z"), []
        return cls(tuple(parts))

    @property
    def points(self) -> list[tuple[float, float]]:
        """All points, those that steer curves too."""
        return [point for _, points in self.parts for point in points]

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the box around all points."""
        xs, ys = zip(*self.points, strict=True)
        return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2

    def moved(self, x: float, y: float) -> Self:
        """Return the same outline elsewhere."""
        return type(self)(tuple((letter, tuple((a + x, b + y) for a, b in points)) for letter, points in self.parts))

    def text(self) -> str:
        """Return it as `d`: relative to what was rounded before, so that errors do not add up."""
        written, x, y, start, last = "", 0, 0, (0, 0), ""
        for letter, points in self.parts:
            rounded = [(round(100 * a), round(100 * b)) for a, b in points]
            if letter == "z":
                written, last = written + "z", "z"
                x, y = start
                continue
            if letter == "M":
                x, y = start = rounded[0]
                written, last = f"{written}M{joined([number(x), number(y)])}", ""
                continue
            apart = [(a - x, b - y) for a, b in rounded]
            x, y = rounded[-1]
            command, numbers = _shortest(letter, apart)
            if not command:
                continue
            if command == last and not numbers[0].startswith("-"):
                written += " "
            written += ("" if command == last else command) + joined(numbers)
            last = command
        # A line of no length is still drawn where its ends are round.
        return written if last else f"{written}h0"


def _part(letter: str, numbers: list[float]) -> tuple[str, tuple[tuple[float, float], ...]]:
    if len(numbers) != 2 * ARGUMENTS.get(letter, -1):
        raise ValueError(f"a path's {letter!r} with {len(numbers)} numbers is not understood")
    return letter, tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _shortest(letter: str, apart: list[tuple[int, int]]) -> tuple[str, list[str]]:
    """Return a relative command and its numbers; none for a line of no length."""
    if letter == "L":
        ((dx, dy),) = apart
        if not dx and not dy:
            return "", []
        if not dy:
            return "h", [number(dx)]
        if not dx:
            return "v", [number(dy)]
    return letter.lower(), [number(value) for point in apart for value in point]
