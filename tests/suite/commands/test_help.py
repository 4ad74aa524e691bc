"""Help texts: every option says in a sentence what it takes, and any device or dtype can be named."""

import click
import pytest
from click.testing import CliRunner
from gradsuite.commands import gradsuite
from gradsuite.errors import UserError

THEORY = gradsuite.get_command(None, "theory").commands
COMMANDS = {name: gradsuite.get_command(None, name) for name in gradsuite.list_commands(None)} | THEORY
VERBS = ("Make", "Measure", "Only", "Print", "Show", "Use", "Write")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_help_texts_are_sentences_that_start_with_a_noun(command):
    assert command.help
    texts = {option.name: option.help for option in command.params if isinstance(option, click.Option)}
    assert all(text and text[0].isupper() for text in texts.values()), texts
    assert all(text.endswith(".") for text in texts.values()), texts
    if command.name != "doctor":
        assert not {name: text for name, text in texts.items() if text.startswith(VERBS)}


@pytest.mark.parametrize(("option", "kind"), [("--device", "device"), ("--dtype", "dtype")])
def test_check_takes_any_name_and_refuses_what_the_backend_does_not_claim(option, kind):
    with pytest.raises(UserError, match=rf"unknown {kind} of numpy 'abacus'.* \(allowed: "):
        CliRunner().invoke(
            gradsuite, ["check", "numpy", option, "abacus"], catch_exceptions=False, standalone_mode=False
        )
