"""What a framework does not give by itself is not claimed, and refused."""

from gradsuite.errors import Unsupported


def refuse_states(states: bool, backend: str) -> None:
    """Raise Unsupported if state gradients are asked of a backend that has none."""
    if states:
        raise Unsupported(f"{backend} gives no state gradients")
