"""`gradsuite diagnose`: where somebody's own network loses its gradient, why, and what would help."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradsuite.commands._completion import registered, words
from gradsuite.commands._options import FILE, PATH
from gradsuite.commands._say import say

if TYPE_CHECKING:
    from gradsuite.diagnosis.patient import Question
    from gradsuite.plugins import Plugins

# Of a file's own data: what stands in the task's name after its question mark.
OF_FILE = ("target", "horizon", "inputs", "window", "standardise")
# Of stored weights: a Python file says these itself.
OF_WEIGHTS = ("data", "task", "length", "batch_size", "head", "activation", "loss", "device", *OF_FILE)
PYTHON = ".py"
LISTS = ("inputs",)
PAGE = "report.html"


@click.command()
@click.argument("model", metavar="MODEL", type=PATH)
@click.option("--data", metavar="FILE", help="Data to see the model on: FILE.csv or FILE.npz.")
@click.option("--task", metavar="NAME", shell_complete=registered("task"), help="Task to see the model on, for --data.")
@click.option("--target", metavar="COLUMN", help="Column of a CSV file to predict.")
@click.option("--window", type=int, metavar="N", help="Time steps of a CSV file that are read for one prediction.")
@click.option("--inputs", metavar="COLUMNS", help="Columns of a CSV file to read, with commas between them.")
@click.option("--horizon", type=int, metavar="N", help="Steps ahead that the target of a CSV file lies (default: 1).")
@click.option("--standardise", is_flag=True, default=None, help="Columns of the data standardised.")
@click.option("--length", type=int, metavar="T", help="Time steps of a sequence (default: the data's own, or 100).")
@click.option(
    "--loss", metavar="NAME", shell_complete=words("mse", "cross_entropy"), help="Loss (default: the data's)."
)
@click.option("--batches", type=int, metavar="N", default=8, help="Batches to look at (default: 8).")
@click.option("--batch-size", type=int, metavar="N", help="Sequences of a batch (default: 32).")
@click.option("--prefix", metavar="NAME", help="Prefix of the recurrent layers' names, where there are several.")
@click.option("--head", metavar="NAME", help="Prefix of the linear layer that reads them (default: the one that fits).")
@click.option("--activation", metavar="NAME", shell_complete=words("tanh", "relu"), help="Activation of an RNN.")
@click.option("--device", metavar="NAME", shell_complete=words("cpu", "cuda"), help="Device (default: cpu).")
@click.option("--out", type=FILE, metavar="DIR", default="diagnosis", help="Folder for the page.")
def diagnose(model: str, out: Path, **options: Any) -> None:
    """Diagnose MODEL: where its gradient goes, why, and what would help.

    MODEL is a state dict with a torch.nn.RNN, LSTM or GRU in it, FILE.safetensors or FILE.pt, from which nothing is
    executed; or a Python file, which is executed, with `module`, `batch` and `loss` in it. The answers are printed, and
    written with their figures into report.html in --out (default: diagnosis); the last line printed is its path.
    """
    from gradsuite.diagnosis.call import chosen, find_patients
    from gradsuite.plugins import load
    from gradsuite.running.training import require_folder

    require_folder(out)
    given = {name: value for name, value in options.items() if value is not None}
    plugins = load()
    weights = Path(model).suffix != PYTHON
    question = _of_weights(model, given, plugins) if weights else _of_program(model, given)
    patient = chosen(find_patients(question, plugins), None if weights else given.get("prefix"))
    for fault in plugins.hooks.faults:
        say(fault, err=True)
    from gradsuite.diagnosis.diagnosis import diagnose_patient  # slow to import

    diagnosis = diagnose_patient(patient, say=lambda line: click.echo(line, err=True))
    click.echo(str(diagnosis))
    out.mkdir(parents=True, exist_ok=True)
    click.echo(diagnosis.report(out / PAGE))


def _of_program(model: str, given: dict[str, Any]) -> "Question":
    """Return what a Python file asks. Raises UserError for options that it has itself."""
    from gradsuite.diagnosis.files import asked
    from gradsuite.errors import UserError

    if others := [name for name in given if name in OF_WEIGHTS]:
        raise UserError(
            f"--{others[0].replace('_', '-')} is for a state dict: a Python file has its own batch and loss"
        )
    return asked(model, most=given["batches"])


def _of_weights(model: str, given: dict[str, Any], plugins: "Plugins") -> "Question":
    """Return what there is to ask of stored weights on data. Raises UserError for what does not go together."""
    from gradsuite.diagnosis.files import data, read_state_dict, stored_network
    from gradsuite.diagnosis.patient import Question

    of_file = {name: value.split(",") if name in LISTS else value for name, value in given.items() if name in OF_FILE}
    name = data.task_name(given.get("data"), given.get("task"), of_file)
    state = read_state_dict(model, plugins)
    task = plugins.task(name)
    source = Path(model).name
    kept = {name: given[name] for name in ("prefix", "head", "activation", "loss", "device") if name in given}
    network = stored_network(state, task, source=source, **kept)
    length = data.length_of(task, given.get("length"))
    batches = data.batches(task, network.model, count=given["batches"], size=given.get("batch_size", 32), length=length)
    return Question(network, batches, network.model.loss, most=given["batches"], title=source)
