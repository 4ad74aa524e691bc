"""All tests: the same examples in every run, none that fails because the machine is busy, and one thread a process."""

import os

from hypothesis import settings

settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")

# A process of pytest per core leaves none for the threads that BLAS (NumPy) and OpenMP (PyTorch) would start in each:
# they wait for one another, at four to six times the processor time. Workers are given a thread per core, as always.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
