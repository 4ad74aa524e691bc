"""Garbage: how often Python looks for objects that refer to each other alone."""

import gc

NEW, YOUNG, OLD = 200_000, 20, 50  # objects before the new are looked at; how often these, before the older and all are


def look_seldom() -> None:
    """Have this process look for garbage seldom: rows are none, and of a drawing's many objects it takes long."""
    gc.set_threshold(NEW, YOUNG, OLD)
