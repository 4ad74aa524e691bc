"""Faults of an import: modules of backends that fail while they are imported, and classes that are none."""

SOUND = "from tests.faults.backends import Sound\n"
NO_ANSWER = "what came through the worker's pipe is no answer"
IMPORTS = {  # the source of a module whose class is Imported, and why it is not available
    "import-raises": ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    "import-is-no-python": ("class", "SyntaxError"),
    "import-lacks-a-module": ("import no_such_module", "No module named 'no_such_module'"),
    "import-exits": ("raise SystemExit(0)", "SystemExit: 0"),
    "import-interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "import-leaves": ("import os; os._exit(0)", "the worker ended with exit status 0"),
    "import-crashes": ("import ctypes; ctypes.string_at(0)", "the worker was killed by SIGSEGV"),
    "import-writes": ("from tests.faults.channel import write; write(b'[]')", NO_ANSWER),
    "import-lacks-the-class": ("", "has no attribute 'Imported'"),
    "class-is-none": ("Imported = None", "TypeError: 'NoneType' object is not callable"),
    "class-is-a-module": ("import os as Imported", "TypeError: 'module' object is not callable"),
    "class-is-abstract": ("from gradsuite import Backend as Imported", "Can't instantiate abstract class Backend"),
    "class-is-no-backend": ("class Imported: pass", "has no attribute 'describe'"),
    "class-wants-more": (
        SOUND + "class Imported(Sound):\n    def __init__(self, more): pass",
        "missing 1 required positional argument: 'more'",
    ),
    "class-exits": (SOUND + "class Imported(Sound):\n    def __init__(self): raise SystemExit(0)", "SystemExit: 0"),
}
