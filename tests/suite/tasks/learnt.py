"""Tasks to learn from, as tests ask for them: by name, with a model that reads them."""

import pytest
from gradsuite.errors import UserError
from gradsuite.model import Model
from gradsuite.plugins import Plugins
from gradsuite.tasks import register_tasks
from gradsuite.tasks.real.japanese_vowels import JapaneseVowels, folder
from gradsuite.tasks.task import Task


class BuiltIn:
    register_tasks = staticmethod(register_tasks)


def learnt(name: str, length: int) -> tuple[Task, Model]:
    """Return a built-in task and a small model of its own; without the package of its data the test is skipped."""
    plugins = Plugins({"tasks": BuiltIn})
    if missing := plugins.tasks[name].missing():
        pytest.skip(missing)
    task = plugins.task(name)
    if isinstance(task, JapaneseVowels) and not is_installed():
        pytest.skip("the data of japanese-vowels are not installed")
    return task, task.model("gru", 3, length=length)


def is_installed() -> bool:
    """Return whether a package with the files of japanese-vowels is there."""
    try:
        folder()
    except UserError:
        return False
    return True
