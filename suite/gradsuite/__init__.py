"""gradsuite: a plugin-based experiment suite for backpropagation and backpropagation through time.

The names below are the front door; `docs/api.md` says which of them are stable. Nothing is imported before its name is
used: `import gradsuite` costs nothing, and a worker sets its environment before NumPy is there.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors: the table below, as imports
    from gradsuite.backend import Backend as Backend
    from gradsuite.backend import BackendInfo as BackendInfo
    from gradsuite.backend import Batch as Batch
    from gradsuite.backend import Gradients as Gradients
    from gradsuite.backend import Network as Network
    from gradsuite.backend import Tape as Tape
    from gradsuite.cells.cell import Cell as Cell
    from gradsuite.claims import Claim as Claim
    from gradsuite.claims import Resolution as Resolution
    from gradsuite.claims import Source as Source
    from gradsuite.conformance.verdicts import check as check
    from gradsuite.diagnosis.call import diagnose as diagnose
    from gradsuite.diagnosis.watching import GradientWarning as GradientWarning
    from gradsuite.diagnosis.watching import Watch as Watch
    from gradsuite.diagnosis.watching.watch import watch as watch
    from gradsuite.dropout import dropout_masks as dropout_masks
    from gradsuite.errors import Unsupported as Unsupported
    from gradsuite.errors import UserError as UserError
    from gradsuite.experiment import Answer as Answer
    from gradsuite.experiment import Experiment as Experiment
    from gradsuite.experiment import Figure as Figure
    from gradsuite.experiment import Table as Table
    from gradsuite.experiment import Trial as Trial
    from gradsuite.hookspecs import hookimpl as hookimpl
    from gradsuite.model import Model as Model
    from gradsuite.optimizers import SGD as SGD
    from gradsuite.optimizers import Adam as Adam
    from gradsuite.optimizers import AdamW as AdamW
    from gradsuite.optimizers import Momentum as Momentum
    from gradsuite.optimizers import Optimizer as Optimizer
    from gradsuite.optimizers import RMSprop as RMSprop
    from gradsuite.optimizers import optimizer as optimizer
    from gradsuite.parameters import Initialisation as Initialisation
    from gradsuite.parameters import initialise as initialise
    from gradsuite.rows import Measurement as Measurement
    from gradsuite.running.call import run as run
    from gradsuite.runs.load import LoadedRun as LoadedRun
    from gradsuite.runs.load import load as load
    from gradsuite.schedule import Schedule as Schedule
    from gradsuite.settings import Setting as Setting
    from gradsuite.tasks.task import Task as Task
    from gradsuite.topic import Topic as Topic

    def backend(name: str) -> Backend:  # the module of this name, called
        """Return the backend of this name, ready to build networks in this process. Raises UserError."""
        ...


__version__ = "0.1.0"

# Where each public name is defined. `backend` is a module that can be called: plugins import the interface from it.
FRONT_DOOR = {
    "Adam": "gradsuite.optimizers:Adam",
    "AdamW": "gradsuite.optimizers:AdamW",
    "Answer": "gradsuite.experiment:Answer",
    "Backend": "gradsuite.backend:Backend",
    "BackendInfo": "gradsuite.backend:BackendInfo",
    "Batch": "gradsuite.backend:Batch",
    "Cell": "gradsuite.cells.cell:Cell",
    "Claim": "gradsuite.claims:Claim",
    "Experiment": "gradsuite.experiment:Experiment",
    "Figure": "gradsuite.experiment:Figure",
    "GradientWarning": "gradsuite.diagnosis.watching:GradientWarning",
    "Gradients": "gradsuite.backend:Gradients",
    "Initialisation": "gradsuite.parameters:Initialisation",
    "LoadedRun": "gradsuite.runs.load:LoadedRun",
    "Measurement": "gradsuite.rows:Measurement",
    "Model": "gradsuite.model:Model",
    "Momentum": "gradsuite.optimizers:Momentum",
    "Network": "gradsuite.backend:Network",
    "Optimizer": "gradsuite.optimizers:Optimizer",
    "RMSprop": "gradsuite.optimizers:RMSprop",
    "Resolution": "gradsuite.claims:Resolution",
    "SGD": "gradsuite.optimizers:SGD",
    "Schedule": "gradsuite.schedule:Schedule",
    "Setting": "gradsuite.settings:Setting",
    "Source": "gradsuite.claims:Source",
    "Table": "gradsuite.experiment:Table",
    "Tape": "gradsuite.backend:Tape",
    "Task": "gradsuite.tasks.task:Task",
    "Topic": "gradsuite.topic:Topic",
    "Trial": "gradsuite.experiment:Trial",
    "Unsupported": "gradsuite.errors:Unsupported",
    "UserError": "gradsuite.errors:UserError",
    "Watch": "gradsuite.diagnosis.watching:Watch",
    "backend": "gradsuite.backend:",
    "check": "gradsuite.conformance.verdicts:check",
    "diagnose": "gradsuite.diagnosis.call:diagnose",
    "dropout_masks": "gradsuite.dropout:dropout_masks",
    "hookimpl": "gradsuite.hookspecs:hookimpl",
    "initialise": "gradsuite.parameters:initialise",
    "load": "gradsuite.runs.load:load",
    "optimizer": "gradsuite.optimizers:optimizer",
    "run": "gradsuite.running.call:run",
    "watch": "gradsuite.diagnosis.watching.watch:watch",
}
__all__ = ["__version__", *FRONT_DOOR]


def __getattr__(name: str) -> Any:
    """Return a public name, imported at its first use. Raises AttributeError, with the nearest name."""
    if name not in FRONT_DOOR:
        from difflib import get_close_matches

        nearest = get_close_matches(name, __all__, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise AttributeError(f"module 'gradsuite' has no attribute {name!r}{hint}", name=name)
    module, _, attribute = FRONT_DOOR[name].partition(":")
    value = getattr(import_module(module), attribute) if attribute else import_module(module)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *FRONT_DOOR})
