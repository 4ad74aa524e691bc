"""A figure as the page has it: no figure of Matplotlib's any more, but text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as the page has it: the title and caption as text, the drawing below them as SVG with its view box."""

    name: str
    title: str
    caption: str
    svg: str
    view: str

    @property
    def anchor(self) -> str:
        """The heading's id: no section's, for a name has no colon."""
        return f"figure:{self.name}"
