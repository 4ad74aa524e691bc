"""The backends that have the faults, and the experiment that meets each between two sound trials."""

from importlib import import_module
from types import MappingProxyType

from gradsuite import hookimpl
from gradsuite.backend import Backend, BackendInfo
from gradsuite.experiment import Experiment
from gradsuite.rows import Measurement
from gradsuite.settings import Setting

from tests.faults.table import FAULTS

for module in ("channel", "failures", "rows", "state", "tree"):
    import_module(f"tests.faults.{module}")  # each enters its own

STEPS = (1, 2, 3)
FAULTY = 2


class Sound(Backend):
    """Does nothing, rightly."""

    name = "sound"

    def describe(self):
        return BackendInfo(self.name, {"sound": "1.0"}, ("cpu",), ("float64",), ())

    def build(self, model, parameters, **options):
        raise NotImplementedError

    def act(self):
        return []


class Faults(Experiment):
    """Measures the same number in each trial, or what a backend makes of it."""

    name = "faults"
    question = "What does a fault in the middle cost?"
    timed = False
    settings = (Setting("step", int, "which of the trials", minimum=1),)
    presets = MappingProxyType({"quick": {"step": STEPS}})

    def measure(self, backend, device, settings):
        import numpy as np

        if settings["step"] == FAULTY:
            yield backend.act()
        yield [Measurement("number", float(np.tanh(0.5)))]


@hookimpl
def register_backends(register):
    """Register each fault of a trial as a backend of its name; the others are for `worker` to add."""
    from tests.faults.descriptions import RUBBISH, SOUND
    from tests.faults.imports import IMPORTS

    register(Sound)
    for name, fault in FAULTS.items():
        register(type(name, (Sound,), {"name": name, "act": staticmethod(fault.act)}))
    for name, describe in [*((name, one) for name, (one, _) in RUBBISH.items()), *SOUND.items()]:
        register(type(name, (Sound,), {"name": name, "describe": _described(describe)}))
    for name in IMPORTS:
        register(name, f"{name.replace('-', '_')}:Imported")


@hookimpl
def register_experiments(register):
    register(Faults)


def _described(describe):
    return lambda self: describe(Sound.describe(self))
