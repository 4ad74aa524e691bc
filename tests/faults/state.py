"""Faults that outlive their trial: what all trials of a worker share is not as it was."""

import builtins
import math
import os
import signal
import tempfile

import numpy as np
from gradsuite.machine import subnormals

from tests.faults.table import fault


@fault("ok", "which has changed numpy.tanh")
def patches_a_function():
    np.tanh = np.sinh
    return []


@fault("ok", "which has changed numpy.linalg.norm")
def patches_a_function_below():
    np.linalg.norm = lambda *arguments, **options: 0.0
    return []


@fault("ok", "which has changed builtins.sum")
def patches_a_builtin():
    builtins.sum = lambda numbers: 0
    return []


@fault("ok", "which has changed math.exp")
def deletes_a_function():
    del math.exp
    return []


@fault("ok", "which has changed NumPy's handling of floating-point errors")
def raises_at_division():
    np.seterr(all="raise")
    return []


@fault("ok", "which has changed the variable FAULTS_LEFT")
def sets_a_variable():
    os.environ["FAULTS_LEFT"] = "1"
    return []


@fault("ok", "which has changed the variable HOME")
def deletes_a_variable():
    del os.environ["HOME"]
    return []


@fault("ok", "which has changed the working directory")
def goes_elsewhere():
    os.chdir("/")
    return []


@fault("ok", "which has changed the working directory")
def goes_where_nothing_is():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
    return []


@fault("ok", "which has changed the file mode mask")
def masks_files():
    os.umask(0o777)
    return []


@fault("ok", "which has changed the handlers of signals")
def handles_a_signal():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    return []


if subnormals.available():

    @fault("ok", "which has changed how numbers below the smallest normal one are computed")
    def flushes_subnormals():
        subnormals.flush()
        return []
