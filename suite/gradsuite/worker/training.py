"""A worker's answers to `gradsuite train`: one session that is begun, watched, saved and ended."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gradsuite import state_dict
from gradsuite.backend import Backend
from gradsuite.plugins import Plugins
from gradsuite.training import checkpoint
from gradsuite.training.asked import Asked
from gradsuite.training.curve import Look
from gradsuite.training.evaluation import has_split
from gradsuite.training.session import Session
from gradsuite.worker.loading import require

Reply = dict[str, Any]


class Trainer:
    """Answers requests about one training; what it is asked for comes in the first."""

    session: Session
    asked: Asked
    steps: Iterator[Look | None]

    def __init__(self, backend: Backend, plugins: Plugins) -> None:
        """Train this backend's networks on tasks of these plugins."""
        self.backend = backend
        self.plugins = plugins

    def answer(self, request: Mapping[str, Any]) -> Reply:
        """Answer one request: begin, walk, save, or end. Raises UserError for what cannot be done."""
        verbs: dict[str, Callable[[Mapping[str, Any]], Reply]] = {
            "begin": self.begin,
            "walk": self.walk,
            "save": self.save,
            "end": self.end,
        }
        return verbs[request["verb"]](request)

    def begin(self, request: Mapping[str, Any]) -> Reply:
        """Build the network, or take it from the checkpoint in `resume`; return what is known before the first step."""
        asked = self.asked = Asked(**request["asked"])
        require(self.backend.describe(), [asked.device], [asked.dtype])
        task = asked.found(self.plugins)
        model, recipe = asked.model(task), asked.recipe(task)
        self.session = Session(
            self.backend,
            task,
            model,
            asked.parameters(model),
            recipe,
            device=asked.device,
            dtype=asked.dtype,
            schedule=asked.schedule(),
        )
        versions = dict(self.backend.describe().versions)
        found = checkpoint.resume(self.session, request["resume"]) if request["resume"] else None
        self.steps = self.session.walk()
        score = task.score
        return {
            "step": self.session.steps,
            "end": self.session.curve.end,
            "task": task.name,
            "split": self.session.split,
            "score": {"name": score.name, "higher": score.higher, "unit": score.unit},
            "goal": recipe.goal,
            "length": recipe.length,
            "summary": task.summary,
            "source": task.source,
            "baselines": dict(task.baselines(length=recipe.length)),
            "parameters": sum(array.size for array in self.session.parameters().values()),
            "versions": versions,
            "versions_before": dict(found.versions) if found else versions,
        }

    def walk(self, request: Mapping[str, Any]) -> Reply:
        """Take steps until the next look, or for about `seconds`; return where the training then is."""
        session, look = self.session, None
        before, deadline = session.steps, time.monotonic() + request["seconds"]
        seconds = session.seconds
        for look in self.steps:
            if look is not None or time.monotonic() >= deadline:
                break
        losses = session.read() or session.curve.losses
        return {
            "step": session.steps,
            "loss": losses[-1] if losses else float("nan"),
            "end": session.curve.end,
            "look": asdict(look) if look else None,
            "pace": (session.steps - before) / max(session.seconds - seconds, 1e-9),
        }

    def save(self, request: Mapping[str, Any]) -> Reply:
        """Write a checkpoint into `folder`."""
        checkpoint.save(self.session, request["folder"], asked=asdict(self.asked))
        return {"step": self.session.steps}

    def end(self, request: Mapping[str, Any]) -> Reply:
        """Return the whole curve and the score on test, and write the weights to the file `weights` if there is one."""
        session, sound = self.session, self.session.curve.end != "diverged"
        if request["weights"]:
            state_dict.save(Path(request["weights"]), session.model, session.parameters())
        tested = has_split(session.task, "test", session.model, length=session.recipe.length)
        return {
            "losses": session.curve.losses,
            "looks": [asdict(look) for look in session.curve.looks],
            "seconds": session.seconds,
            "test": session.score("test") if sound and tested else None,
        }
