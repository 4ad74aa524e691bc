"""`gradsuite train`: one network learns one task."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradsuite.commands._completion import registered, words
from gradsuite.commands._options import FILE

if TYPE_CHECKING:
    from gradsuite.running.training import Training

# Of a file's own data: what stands in the task's name after its question mark.
OF_FILE = ("target", "horizon", "inputs", "window", "split", "standardise")


@click.command()
@click.option(
    "--task",
    metavar="NAME",
    shell_complete=registered("task"),
    help="Task to learn: any that `gradsuite tasks` lists, csv:FILE or npz:FILE.",
)
@click.option("--cell", metavar="NAME", shell_complete=registered("cell"), help="Cell of the network (default: lstm).")
@click.option("--hidden-size", type=int, metavar="N", help="Units of each layer (default: 64).")
@click.option("--num-layers", type=int, metavar="N", help="Layers of the network (default: 1).")
@click.option("--activation", metavar="NAME", help="Activation of an rnn or mlp (default: tanh).")
@click.option(
    "--backend", metavar="NAME", shell_complete=registered("backend"), help="Backend to train on (default: numpy)."
)
@click.option(
    "--device",
    metavar="NAME",
    shell_complete=words("cpu", "cuda", "mps"),
    help="Device to train on, any that the backend claims (default: cpu).",
)
@click.option(
    "--dtype",
    metavar="NAME",
    shell_complete=words("float64", "float32", "bfloat16", "float16"),
    help="Dtype of the network, any that the backend claims (default: float32).",
)
@click.option("--length", type=int, metavar="T", help="Time steps of a sequence (default: the task's own, or 100).")
@click.option("--batch-size", type=int, metavar="N", help="Sequences of a batch (default: 32).")
@click.option("--steps", type=int, metavar="N", help="Steps to take at most (default: 5000).")
@click.option(
    "--optimizer",
    metavar="NAME",
    shell_complete=words("adam", "adamw", "momentum", "nesterov", "rmsprop", "sgd"),
    help="Optimizer (default: adam).",
)
@click.option("--lr", type=float, metavar="RATE", help="Learning rate (default: 0.001).")
@click.option(
    "--rate",
    metavar="SCHEDULE",
    help="Schedule of the learning rate: constant, cosine, step:N:FACTOR or warmup:N+cosine (default: constant).",
)
@click.option("--momentum", type=float, metavar="SHARE", help="Momentum of an optimizer that has one.")
@click.option("--weight-decay", type=float, metavar="SHARE", help="Weight decay (default: the optimizer's own).")
@click.option("--clip-norm", type=float, metavar="NORM", help="Limit of the norm over all gradients (default: none).")
@click.option("--clip-unit", type=float, metavar="SHARE", help="Limit of a unit's gradient, in norms of its weights.")
@click.option("--clip-value", type=float, metavar="VALUE", help="Limit of every number of a gradient (default: none).")
@click.option("--truncation", metavar="K1,K2", help="Truncated BPTT: every K1 steps, back through K2 (default: none).")
@click.option("--omega", type=float, metavar="WEIGHT", help="Weight of Pascanu's Omega regulariser (default: 0).")
@click.option("--initialiser", metavar="NAME", help="Initialiser of the weights (default: PyTorch's own).")
@click.option("--gain", type=float, metavar="FACTOR", help="Gain of the initialiser (default: 1).")
@click.option("--forget-bias", type=float, metavar="VALUE", help="Bias of the gate that keeps the state.")
@click.option("--chrono", type=float, metavar="T", help="Longest time of chrono initialisation.")
@click.option("--evaluate-every", type=int, metavar="N", help="Steps between looks (default: 100).")
@click.option("--goal", metavar="SCORE", help="Score to stop at, or none (default: the task's own, if it has one).")
@click.option("--seed", type=int, metavar="N", help="Seed of the first parameters and of all batches (default: 0).")
@click.option("--threads", type=int, metavar="N", help="Threads of the worker (default: the number of cores).")
@click.option("--target", metavar="COLUMN", help="Column of a csv:FILE to predict.")
@click.option("--horizon", type=int, metavar="N", help="Steps ahead that the target of a csv:FILE lies (default: 1).")
@click.option("--inputs", metavar="COLUMNS", help="Columns of a csv:FILE to read, with commas between them.")
@click.option("--window", type=int, metavar="N", help="Time steps that are read of a csv:FILE for one prediction.")
@click.option("--split", metavar="A,B,C", help="Shares of a csv:FILE to train, validate and test on.")
@click.option("--standardise", is_flag=True, default=None, help="Columns of a csv:FILE standardised.")
@click.option("--save", type=FILE, metavar="DIR", help="Folder for a checkpoint at every look, and the results.")
@click.option("--resume", type=FILE, metavar="DIR", help="Folder of a checkpoint to go on from, and to save into.")
@click.option("--out", type=FILE, metavar="DIR", help="Folder for page, curve and weights (default: that of --save).")
@click.option("--timeout", type=float, default=600, metavar="SECONDS", help="Time limit for a step (default: 600).")
@click.option("-q", "--quiet", is_flag=True, help="Silence until the end, but for what has to be said.")
def train(save: Path | None, resume: Path | None, out: Path | None, timeout: float, quiet: bool, **options: Any) -> int:
    """Train one network on one task, with a live line, and with a page, its weights and its curve at the end.

    With --save, a checkpoint is written at every look and at Ctrl-C: --resume goes on with the same bits as if nothing
    had happened. A training that diverges is a result: it is said, and the exit status is 0. The last line printed is
    the page's path.
    """
    from gradsuite.errors import UserError
    from gradsuite.running.training import Died, Training, require_folder

    if save is not None and resume is not None:
        raise UserError("give --save or --resume: a training that is resumed is saved where it was")
    asked = _asked({name: value for name, value in options.items() if value is not None}, resume)
    if out is not None:
        require_folder(out)
    folder = out or save or resume
    try:
        return _train(Training(asked, save=save, resume=resume, timeout=timeout), folder, quiet=quiet)
    except Died as died:
        click.echo(f"gradsuite: {died}", err=True)
        return 1


def _asked(given: dict[str, Any], resume: Path | None) -> Any:
    """Return what is asked for, a checkpoint's own where one is resumed. Raises UserError."""
    from gradsuite.errors import UserError
    from gradsuite.training import asked, checkpoint

    of_file = {name: given.pop(name) for name in OF_FILE if name in given}
    if of_file:
        given["task"] = _task_of_file(given.get("task", ""), of_file)
    if resume is not None:
        return asked.resumed(dict(checkpoint.read(resume).asked), given, str(resume))
    if "task" not in given:
        raise UserError("no task to learn: type --task NAME (`gradsuite tasks` lists them)")
    return asked.Asked(**given)


def _task_of_file(task: str, options: dict[str, Any]) -> str:
    """Return the name of a task whose data are a file, with these options. Raises UserError for another task."""
    from gradsuite.errors import UserError

    if ":" not in task:
        raise UserError(f"--{next(iter(options))} is for data of your own: --task csv:FILE or npz:FILE")
    from gradsuite.tasks.files.query import named

    lists = {name: value.split(",") for name, value in options.items() if name in ("inputs", "split")}
    return named(task, options | lists)


def _train(training: "Training", folder: Path | None, *, quiet: bool) -> int:
    """Train to the end, or until Ctrl-C; return the exit status."""
    import sys

    from gradsuite.running.interruption import Interruption
    from gradsuite.running.watching import Watching

    with Watching(sys.stderr, training.asked, quiet=quiet) as watching:
        training.show = watching.line.show
        with training:
            watching.begin(training.begun, training.step)
            for note in training.notes():
                watching.say(note)
            with Interruption(lambda: watching.line.show("stopping; Ctrl-C again stops at once")) as interruption:
                for place in training.walk():
                    watching.show(place)
                    if interruption.came and training.end == "running":
                        training.save()
                        watching.say(f"interrupted at step {training.step}; {training.going_on()}")
                        return 128 + interruption.came
            watching.line.show("the score on test")
            _publish(training, folder, watching.line.clear)
    return 0


def _publish(training: "Training", folder: Path | None, clear: Any) -> None:
    """Print what came out, and write page, curve and weights into the folder, if there is one."""
    from gradsuite.training.outcome import write_curve

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    outcome = training.outcome(folder / "weights.safetensors" if folder else None)
    clear()
    click.echo("\n".join(outcome.summary()))
    if folder is None:
        return
    write_curve(outcome, folder / "curve.csv")
    from gradsuite.report.training import write_page  # slow to import

    write_page(outcome, folder / "page.html")
    click.echo(folder / "page.html")
