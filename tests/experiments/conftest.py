"""Fixtures: experiments are timed on cores that never slow."""

from tests.steady import steady_cores  # noqa: F401  for every test
