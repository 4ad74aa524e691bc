"""All tests: examples that are the same in every run, none that fails because the machine is busy, and BLAS at rest."""

import os

from hypothesis import settings

settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")

# A process of pytest per core leaves none for the threads that BLAS would start in each: they wait for one another, at
# four times the processor time. Workers have the threads that the host gives them, as always.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
