"""Watching a training: hooks on somebody's module, what they saw of its gradient, and when to warn."""

from gradsuite.diagnosis.watching.alarms import GradientWarning
from gradsuite.diagnosis.watching.reach import Reach, reach
from gradsuite.diagnosis.watching.records import Reading, Records, place
from gradsuite.diagnosis.watching.watch import Watch, Watcher

__all__ = ["GradientWarning", "Reach", "Reading", "Records", "Watch", "Watcher", "place", "reach"]
