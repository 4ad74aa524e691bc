"""Plugins that fail as they are imported, register or are asked by a hook: each is named, and all else works."""

import pytest

from tests.faults.plugins import DEEDS, blocked, hook, install_all, is_safe, module, not_available
from tests.throwaway import gradsuite

IMPORTS = {f"import_{deed.replace('-', '_')}": (module(body), said) for deed, (body, said) in DEEDS.items()} | {
    "import_syntax": ("def (", "SyntaxError"),
    "import_missing": ("import no_such_framework", "ModuleNotFoundError"),
    "import_in_thread": (
        module("""
            def leave():
                raise SystemExit
            threading.Thread(target=leave).start()
            raise ValueError("and in a thread")
        """),
        "ValueError: and in a thread",
    ),
    "import_swallowing": (
        module("""
            try:
                sys.exit(0)
            except BaseException:
                os._exit(0)
        """),
        "SystemExit: 0",
    ),
    "import_handlers": (
        module("""
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise ValueError("deaf")
        """),
        "ValueError: deaf",
    ),
    "misspelled": (hook("register_backend", "register", "pass"), "register_backend"),
    "other_arguments": (hook("register_backends", "register, more", "pass"), "more"),
    "no_hook": (hook("register_tasks", "register", "register(5)"), "needs a class"),
}

REGISTERING = {
    f"register_{deed.replace('-', '_')}": (hook("register_experiments", "register", body), said)
    for deed, (body, said) in DEEDS.items()
}

ENTRIES = {
    "nothing": ("", "TypeError"),
    "nameless": ("object()", "needs a class"),
    "number": ("'five', 5", "needs a class or 'package.module:Class'"),
    "none": ("None, 'json:X'", "name is of small letters"),
    "int_name": ("5, 'json:X'", "name is of small letters"),
    "too_many": ("'x', 'json:X', 'more'", "TypeError"),
    "unknown_option": ("'x', 'json:X', colour='red'", "TypeError"),
    "requires_text": ("'x', 'json:X', requires='torch'", "needs a list of modules"),
    "requires_number": ("'x', 'json:X', requires=5", "TypeError"),
    "command_of_a_task": ("'x', command=['mine']", "needs a class"),
    "class_without_name": ("type('Nameless', (), {})", "AttributeError"),
    "taken": ("'adding', 'json:X'", "which the plugin 'tasks' has already"),
}

NAMES = {
    "html": 'x"><img src=x onerror=alert(1)>',
    "parent": "../../x",
    "absolute": "/abs",
    "backslash": "a\\\\b",
    "capital": "Upper",
    "space": "two words",
    "empty": "",
    "long": "x" * 81,
    "newline": "one\\ntwo",
    "escape": "\\x1b[31mred",
    "markup": "[bold]x[/bold]",
    "surrogate": "\\ud83d",
    "formula": "=1+1",
    "dash": "-rf",
    "dot": ".hidden",
    "null": "a\\x00b",
    "right-to-left": "\\u202eabc",
    "alias": "numpy@2",
    "percent": "a%2fb",
    "format": "{0.__class__}",
}
KINDS = {"backend": "backends", "cell": "cells", "experiment": "experiments", "task": "tasks"}


def entries() -> dict[str, tuple[str, str]]:
    """Return plugins that register what makes no sense: of every kind in turn, each beside what does."""
    found = {
        f"entry_{name}": (
            hook(
                "register_tasks", "register", f"register('fine-{name.replace('_', '-')}', 'json:X')\nregister({entry})"
            ),
            said,
        )
        for name, (entry, said) in ENTRIES.items()
    }
    kinds = list(KINDS.items())
    for number, (name, text) in enumerate(NAMES.items()):
        kind, plural = kinds[number % len(kinds)]
        body = f'register("{text}", "json:X")' if '"' not in text else f"register('{text}', 'json:X')"
        said = "is for second names" if name == "alias" else f"{kind}'s name is of small letters"
        found[f"name_{name.replace('-', '_')}"] = (hook(f"register_{plural}", "register", body), said)
    return found


FAULTS = IMPORTS | REGISTERING | entries()


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Return the folder in which all of them are installed, at once."""
    folder = tmp_path_factory.mktemp("faulty")
    install_all(folder, {name: source for name, (source, _) in FAULTS.items()})
    return folder


@pytest.fixture(scope="module")
def listed(faulty):
    return gradsuite(faulty, "tasks", **blocked())


def test_there_are_as_many_faults_as_the_documentation_says():
    assert len(FAULTS) >= 70


def test_everything_that_is_right_is_listed_and_nothing_reaches_the_terminal(listed):
    assert listed.returncode == 0
    assert "adding" in listed.stdout
    assert "fine-" not in listed.stdout
    assert is_safe(listed.stdout)
    assert "Traceback" not in listed.stderr.replace("Exception in thread", "")


@pytest.mark.parametrize("name", FAULTS)
def test_the_culprit_is_named_with_the_reason(listed, name):
    lost = not_available(listed.stdout)
    assert FAULTS[name][1] in lost.pop(name)
    assert len(max(lost.values(), key=len)) < 1100


def test_a_run_is_what_it_would_be_without_them(faulty):
    done = gradsuite(faulty, "run", "good", "--preset", "quick", **blocked())
    assert done.returncode == 0, done.stderr
    assert "ANSWER of good." in done.stdout
    assert set(not_available(done.stderr)) == set(FAULTS)
    assert is_safe(done.stdout + done.stderr)
