"""Judging: what an experiment's rows prove and disprove, decided once and stored with the run."""

from gradsuite.claims import decisive
from gradsuite.experiment import Experiment
from gradsuite.runs.store import Run


def judge(run: Run, experiment: Experiment) -> None:
    """Store the verdicts on an experiment's claims, in place of those it had.

    Figures, findings, the report and `gradsuite claims` all read them there, so that no two of them can disagree. Of a
    merged run each machine's rows are judged by themselves.
    """
    for part in run.parts(experiment.name):
        part.keep_claims(experiment.name, decisive(experiment.claims(part.frame(experiment.name))))
