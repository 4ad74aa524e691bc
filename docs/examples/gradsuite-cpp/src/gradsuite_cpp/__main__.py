"""Build the command: `python -m gradsuite_cpp`."""

import os
import subprocess
import sys

from gradsuite_cpp import COMMAND, SOURCE

compiler = os.environ.get("CXX", "c++")
sys.exit(subprocess.call([compiler, "-std=c++17", "-O2", "-Wall", "-Wextra", "-o", COMMAND, SOURCE]))
