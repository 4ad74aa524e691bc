"""Tasks to learn from, as tests ask for them: by name, with a model that reads them."""

from gradsuite.model import Model
from gradsuite.plugins import Plugins
from gradsuite.tasks import register_tasks
from gradsuite.tasks.task import Task


class BuiltIn:
    register_tasks = staticmethod(register_tasks)


def learnt(name: str, length: int) -> tuple[Task, Model]:
    """Return a built-in task and a small model of its own."""
    task = Plugins({"tasks": BuiltIn}).task(name)
    return task, task.model("gru", 3, length=length)
