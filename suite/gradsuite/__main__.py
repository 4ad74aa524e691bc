"""The command line: `gradsuite`, or `python -m gradsuite`."""

import errno
import faulthandler
import os
import re
import sys

import click

from gradsuite.commands import gradsuite
from gradsuite.errors import LINE, VALUE, UserError, shortened
from gradsuite.hosting.rehearsal import rehearsing
from gradsuite.machine.garbage import look_seldom
from gradsuite.plain import printable
from gradsuite.running.interruption import exit_status, stoppable

STDERR = 2
BAD_INPUT = 2


def main() -> None:
    """Run a command; what a user got wrong is one line on standard error and exit status 2."""
    look_seldom()
    faulthandler.enable(STDERR)  # where a plugin crashes this process in C, its file is named
    try:
        with stoppable(), rehearsing():
            status = gradsuite.main(prog_name="gradsuite", standalone_mode=False)
    except UserError as error:
        sys.exit(complain(str(error)))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(BAD_INPUT)
    except click.ClickException as error:
        sys.exit(complain(re.sub(r"\S+", lambda word: shortened(word[0], VALUE), error.format_message())))
    except (click.Abort, KeyboardInterrupt) as stop:
        click.echo("interrupted", err=True)
        sys.exit(exit_status(stop))
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        # Whoever read our output has enough, or the terminal is gone; the interpreter must not try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def complain(message: str) -> int:
    """Say what was wrong and return the exit status."""
    click.echo(shortened(printable(f"gradsuite: {message}"), LINE), err=True)
    return BAD_INPUT


if __name__ == "__main__":
    main()
