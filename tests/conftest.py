"""All tests: examples that are the same in every run, and none that fails because the machine is busy."""

from hypothesis import settings

settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")
