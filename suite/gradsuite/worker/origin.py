"""Where a worker's code comes from: from here, from a folder that is looked in first, or from another Python."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

PATH = "PYTHONPATH"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a worker is started with: folders that are looked in first for modules, and which Python runs it.

    Another Python has modules of its own: this one's paths are not handed on to it.
    """

    folder: str = ""
    python: str = sys.executable

    def environment(self, here: Mapping[str, str]) -> dict[str, str]:
        """Return the variables in which its worker differs from one of here."""
        if self.python != sys.executable:
            return {PATH: self.folder}
        if not self.folder:
            return {}
        return {PATH: os.pathsep.join(filter(None, [self.folder, here.get(PATH, "")]))}


HERE = Origin()
