"""The layers on their data, which say why a gradient flows so: states, weights, gates, units, and the exponent."""

from gradsuite.diagnosis.layers.states import LayerSeen, layers

__all__ = ["LayerSeen", "layers"]
