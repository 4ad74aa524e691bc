"""`gradsuite.diagnose`: a network, what it is seen on, and what there is to say about it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradsuite.diagnosis.files import StoredNetwork
from gradsuite.diagnosis.patient import INSTALL, MOST, Loss, Patient, Question, Traced
from gradsuite.errors import UserError, unknown
from gradsuite.plugins import Plugins, load

if TYPE_CHECKING:
    from gradsuite.diagnosis.diagnosis import Diagnosis


def diagnose(
    network: Any,
    batch: Any,
    loss: Loss,
    *,
    layer: str | None = None,
    batches: int = MOST,
    call: Callable[[Any, Any], Any] | None = None,
    params: Any = None,
    carry: Any = None,
    say: Callable[[str], None] | None = None,
) -> "Diagnosis":
    """Diagnose where a network's gradient goes, why, and what would help; nothing about the network is changed.

    `network` is a torch.nn.Module, a flax.nnx.Module, or a JAX function `step(params, carry, x) -> (carry, y)` with its
    `params` and first `carry`. `batch` is one batch as the network takes it, or several, such as a DataLoader, of which
    the first `batches` are looked at; of a tuple the last element is the target, of a dict `target`. `loss` is `mse`,
    `cross_entropy` or a function of the network's output and the batch. Where a network is to be called in another way,
    `call(network, batch)` returns its output. `layer` is the name of the recurrent layers to look at, where there are
    several; `say` is told what is being done.

    Raises UserError for what cannot be computed, and for a network in which there is nothing to see.
    """
    from gradsuite.diagnosis.diagnosis import diagnose_patient

    question = Question(network, batch, loss, call, params, carry, batches, type(network).__name__)
    return diagnose_patient(chosen(find_patients(question, load()), layer), say=say or (lambda line: None))


def find_patients(question: Question, plugins: Plugins) -> Sequence[Patient | Traced]:
    """Return what there is to diagnose in a network. Raises UserError if no plugin knows its kind."""
    found: Sequence[Patient | Traced] | None = plugins.hooks.first("find_patients", question=question)
    if not found and isinstance(question.network, StoredNetwork):
        raise UserError(f"stored weights are computed by torch, which is not installed; type: {INSTALL}")
    if not found:
        kind = type(question.network).__name__
        raise UserError(
            f"nothing can be seen of this {kind}: it must be a torch.nn.Module ({INSTALL}), a flax.nnx.Module or a JAX "
            "function step(params, carry, x) with its params and carry"
        )
    return found


def chosen(patients: Sequence[Patient | Traced], layer: str | None) -> Patient | Traced:
    """Return the patient that is asked for, or the only one. Raises UserError, with all names, for any other."""
    names = {patient.title.partition(" of ")[0]: patient for patient in patients}
    if layer is None:
        if len(patients) > 1:
            raise UserError(f"there are {len(patients)} recurrent layers: choose one by its name ({', '.join(names)})")
        return patients[0]
    if layer not in names:
        raise unknown("layer", layer, names)
    return names[layer]
