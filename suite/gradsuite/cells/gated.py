"""The parameters of torch.nn's recurrent layers: two matrices and two biases, with their gates in blocks of rows."""

from gradsuite.cells.parameter import Parameter


def weights(gates: int, inputs: int, units: int) -> dict[str, Parameter]:
    """Return weight_ih (G H, I), weight_hh (G H, H), bias_ih and bias_hh (G H)."""
    rows = gates * units
    return {
        "weight_ih": Parameter((rows, inputs), units, gates),
        "weight_hh": Parameter((rows, units), units, gates, between_states=True),
        "bias_ih": Parameter((rows,), units, gates, noise=True),
        "bias_hh": Parameter((rows,), units, gates),
    }
