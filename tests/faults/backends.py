"""The backends that have the faults, several each, and the experiment that meets each between two sound trials."""

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

# A worker takes longer to start than most faults to happen: a backend has many, and the backends run side by side.
# Those that end by the time limit come one after another in their table, and so to different backends.
SHARED = tuple(f"faulty-{number}" for number in range(8))
PLACES = {  # each fault's backend and step
    **{name: (name, 2) for name, fault in FAULTS.items() if fault.alone},
    **{
        name: (SHARED[n % len(SHARED)], 2 * (n // len(SHARED)) + 2)
        for n, name in enumerate(name for name, fault in FAULTS.items() if not fault.alone)
    },
}
FAULTY = sorted({backend for backend, _ in PLACES.values()})
STEPS = tuple(range(1, max(step for _, step in PLACES.values()) + 2))


class Sound(Backend):
    """Does nothing, rightly."""

    name = "sound"

    def describe(self):
        return BackendInfo(self.name, {"sound": "1.0"}, ("cpu",), ("float64",), ())

    def build(self, model, parameters, **options):
        raise NotImplementedError

    def act(self, step):
        return []


class Faulty(Sound):
    """Has a fault at every second step."""

    def act(self, step):
        at = {place: name for name, place in PLACES.items()}
        return FAULTS[at[self.name, step]].act() if (self.name, step) in at else []


class Faults(Experiment):
    """Measures the same number in each trial, or what a backend makes of it."""

    name = "faults"
    question = "What does a fault in the middle cost?"
    timed = False
    settings = (Setting("step", int, "which of the trials", minimum=1),)
    presets = MappingProxyType({"quick": {"step": STEPS}})

    def measure(self, backend, device, settings):
        import numpy as np

        if settings["step"] % 2 == 0:
            yield backend.act(settings["step"])
        yield [Measurement("number", float(np.tanh(0.5)))]


@hookimpl
def register_backends(register):
    """Register the backends with faults in trials, and each fault of a description or an import as one of its name."""
    from tests.faults.descriptions import RUBBISH, SOUND
    from tests.faults.imports import IMPORTS

    register(Sound)
    for name in FAULTY:
        register(type(name, (Faulty,), {"name": name}))
    for name, describe in [*((name, one) for name, (one, _) in RUBBISH.items()), *SOUND.items()]:
        register(type(name, (Sound,), {"name": name, "describe": _described(describe)}))
    for name in IMPORTS:
        register(name, f"{name.replace('-', '_')}:Imported")


@hookimpl
def register_experiments(register):
    register(Faults)


def _described(describe):
    return lambda self: describe(Sound.describe(self))
