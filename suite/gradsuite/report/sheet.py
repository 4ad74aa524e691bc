"""One style sheet for all drawings of a page: each look once, in the colours of the mode, and whose marks are whose."""

import re
from collections.abc import Iterable

from gradsuite.report.palette import THEME, backend_colour, backend_order

STYLE = re.compile(r' style="([^"]*)"')
LOCAL = re.compile(r'(\bid="|href="#|url\(#)')


class Sheet:
    """The looks of a page's drawings by class, and the class of each colour that stands for backends.

    Backends that share a colour, as a backend and its second worker do, share a class.
    """

    def __init__(self, backends: Iterable[str]) -> None:
        """Take the backends of the page, in their order."""
        self.backends: dict[str, str] = {}  # class by name
        self.colours: dict[str, str] = {}  # class by colour
        self._looks: dict[str, str] = {}  # class by style
        self._drawings = 0
        for name in backend_order(list(backends)):
            self.backends[name] = self.colours.setdefault(backend_colour(name), f"b{len(self.colours)}")

    def dress(self, svg: str) -> str:
        """Return a drawing for the page: its looks are classes of this sheet, its ids no other drawing's."""
        self._drawings += 1
        svg = LOCAL.sub(rf"\g<1>d{self._drawings}", svg)
        return STYLE.sub(lambda found: f' class="{self._class(found[1])}"', svg)

    @property
    def rules(self) -> str:
        """The style sheet of all drawings that were dressed."""
        looks = [f".{name}{{{_declarations(look)}}}" for look, name in self._looks.items()]
        colours = [f"i.{name}{{background:{colour}}}" for colour, name in self.colours.items()]
        return "\n".join([*colours, *looks])

    @property
    def groups(self) -> dict[str, list[str]]:
        """The backends of each class."""
        found: dict[str, list[str]] = {}
        for name, group in self.backends.items():
            found.setdefault(group, []).append(name)
        return found

    def _class(self, look: str) -> str:
        name = self._looks.setdefault(look, f"s{len(self._looks)}")
        return next((f"{name} {group}" for colour, group in self.colours.items() if colour in look), name)


def _declarations(look: str) -> str:
    """Return a style without spaces, with the page's colours where the figure has the theme's."""
    look = re.sub(r"\s*([:;])\s*", r"\1", look).strip(";")
    look = re.sub(r"(?<![\d.#\w])0\.(\d)", r".\1", look)
    for role, colour in THEME.items():
        look = look.replace(colour, f"var(--{role})")
    return look
