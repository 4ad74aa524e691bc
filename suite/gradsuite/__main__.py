"""The command line: `gradsuite`, or `python -m gradsuite`."""

import errno
import faulthandler
import os
import re
import sys
from typing import NoReturn

import click

from gradsuite.commands import gradsuite
from gradsuite.errors import LINE, VALUE, UserError, one_line, shortened
from gradsuite.hosting import witness
from gradsuite.hosting.rehearsal import rehearsing
from gradsuite.machine.garbage import look_seldom
from gradsuite.plain import printable
from gradsuite.running.interruption import exit_status, stoppable

STDERR = 2
BAD_INPUT = 2
FAULT = 1  # an exception that nobody expected
COMPLETING = "_GRADSUITE_COMPLETE"  # the variable by which a shell asks click to complete a word


def command() -> NoReturn:
    """Be the command `gradsuite`, and nothing else: this process may be left to a witness of what plugins do."""
    with witness.witnessed():
        main()


def main() -> NoReturn:
    """Run a command, and leave with its exit status."""
    look_seldom()
    faulthandler.enable(STDERR)  # where a plugin crashes this process in C, its file is named
    status = FAULT
    with stoppable(), rehearsing():
        try:
            status = obeyed()
        finally:
            witness.testify(status)
    sys.exit(status)


def obeyed() -> int:
    """Run a command and return its status; what a user got wrong is one line on standard error and exit status 2."""
    try:
        status = gradsuite.main(prog_name="gradsuite", standalone_mode=False)
    except UserError as error:
        return complain(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return BAD_INPUT
    except click.ClickException as error:
        return complain(re.sub(r"\S+", lambda word: shortened(word[0], VALUE), error.format_message()))
    except (click.Abort, KeyboardInterrupt) as stop:
        click.echo("interrupted", err=True)
        return exit_status(stop)
    except SystemExit as leaving:
        if COMPLETING in os.environ:
            return int(leaving.code or 0)
        return complain(f"a plugin ended the command before its work was done: {one_line(leaving)}")
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        # Whoever read our output has enough, or the terminal is gone; the interpreter must not try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    return status if isinstance(status, int) else 0


def complain(message: str) -> int:
    """Say what was wrong and return the exit status."""
    click.echo(shortened(printable(f"gradsuite: {message}"), LINE), err=True)
    return BAD_INPUT


if __name__ == "__main__":
    command()
