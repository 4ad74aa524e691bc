"""Fixtures: experiments are timed on cores that never slow, and draw each network once for all faults."""

from collections.abc import Iterator
from functools import lru_cache

import gradsuite_experiments.common.sweep
import pytest
from gradsuite.parameters import initialise

from tests.steady import steady_cores  # noqa: F401  for every test


@pytest.fixture(autouse=True, scope="module")
def drawn_once() -> Iterator[None]:
    """Keep the networks of a seed for the tests of one module, which measure with one fault after another.

    An experiment keeps those of its last setting alone, and drawing takes longer than a pass. Whoever asks gets copies.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradsuite_experiments.common.sweep, "initialise", lru_cache(maxsize=1024)(initialise))
        yield
