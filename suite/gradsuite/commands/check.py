"""`gradsuite check`: every gradient of a backend against an independent oracle."""

import sys

import click

from gradsuite.commands._completion import registered, words
from gradsuite.commands._options import PATH, several
from gradsuite.commands._say import say


@click.command()
@click.argument("backend", shell_complete=registered("backend"))
@click.argument("pattern", default="*", metavar="[GLOB]")
@several(
    "--dtype",
    complete=words("float64", "float32", "bfloat16", "float16"),
    help="Dtype to check (default: all that the backend claims).",
)
@several(
    "--device",
    complete=words("cpu", "cuda", "mps"),
    help="Device to check, any that the backend claims (default: all of them).",
)
@click.option(
    "--cell",
    default="",
    metavar="NAME",
    shell_complete=registered("cell"),
    help="Cell to check, and thoroughly: any that is registered (default: all, and the backend's promises).",
)
@click.option("--timeout", type=float, default=120, metavar="SECONDS", help="Time limit for one check (default: 120).")
@click.option("-x", "--exitfirst", is_flag=True, help="Exit at the first failure, with the other checks not run.")
@click.option("--xfails", metavar="FILE", type=PATH, help="Checks that are to fail: CHECK [DEVICE] [DTYPE].")
@click.option(
    "-v", "--verbose", is_flag=True, help="Errors by array, step and layer of each failure, and a script for it."
)
@click.option("-q", "--quiet", is_flag=True, help="Silence but for what failed, and the summary.")
@click.option("--traceback", is_flag=True, help="Traceback of what a backend raised.")
@click.option("--json", "as_json", is_flag=True, help="JSON array on standard output.")
def check(
    backend: str,
    pattern: str,
    dtype: tuple[str, ...],
    device: tuple[str, ...],
    cell: str,
    timeout: float,
    exitfirst: bool,
    xfails: str | None,
    verbose: bool,
    quiet: bool,
    traceback: bool,
    as_json: bool,
) -> int:
    """Check BACKEND against every promise of the interface, in every dtype and on every device that it claims.

    GLOB limits the checks by their names ('gradients-*'). Prints one line per check: verdict, measured error, its
    bound, and what was measured; then how many there are of each verdict. The exit status is 0 only if every check has
    a verdict and none failed. The backend runs in a process of its own: if it exits, dies or hangs, that check failed.
    """
    from gradsuite.commands._verdicts import Printer
    from gradsuite.errors import UserError

    if verbose and quiet:
        raise UserError("give --verbose or --quiet, not both")
    from gradsuite.conformance.verdicts import Verdicts  # imports NumPy: only now
    from gradsuite.running.checking import Checking, Lacking, everything, select
    from gradsuite.running.line import Line
    from gradsuite.running.xfails import Xfails

    expected = Xfails.read(xfails) if xfails else Xfails("")
    printer = Printer(backend, verbose=verbose, quiet=quiet, traceback=traceback, as_json=as_json)
    try:
        with Line(sys.stderr) as line, Checking(backend, timeout=timeout, show=line.show) as checking:
            for fault in checking.plugins.hooks.faults:
                say(fault, err=True)
            asked = everything(checking.info, device, dtype, cell)
            expected.require([*everything(checking.info), *asked])
            chosen = select(asked, pattern)
            verdicts = Verdicts(backend, announced=len(chosen))
            with printer.summing_up(verdicts):
                for result in verdicts.collect(map(expected.judge, checking.results(chosen)), exitfirst=exitfirst):
                    line.clear()
                    printer.print(result)
    except Lacking as lacking:
        printer.give_up(lacking)
        return lacking.status
    return 0 if verdicts.passed else 1
