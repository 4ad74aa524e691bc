"""The questions that a report answers, in the order in which its readers ask them."""

from enum import Enum


class Topic(Enum):
    """What an experiment is about: its section stands under this question, as do its answers on top of the report."""

    AGREEMENT = "Do the backends agree?"
    SPEED = "Which backend is fastest at what?"
    FLOW = "Where do gradients vanish or explode?"
    THEORY = "Do gradients obey their laws?"
    REMEDIES = "What helps, and at what cost?"
    LEARNING = "What do networks learn?"
    MEMORY = "How much memory does a gradient take?"
    TRUST = "How far can these numbers be trusted?"
    OTHER = "What else was measured?"

    @property
    def anchor(self) -> str:
        """Where a report has it; no experiment is called so, nor any of its claims."""
        return f"topic/{self.name.lower()}"

    @property
    def place(self) -> int:
        """Where it comes among all topics, from 0."""
        return list(Topic).index(self)
