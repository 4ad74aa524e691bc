"""What a framework does not provide by itself is not claimed, and is refused."""

from gradsuite.errors import Unsupported


def refuse_states(states: bool, backend: str) -> None:
    """Raise Unsupported if state gradients are asked for, which this backend does not have."""
    if states:
        raise Unsupported(f"{backend} gives no state gradients")
