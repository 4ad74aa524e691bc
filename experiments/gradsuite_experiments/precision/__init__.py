"""Where gradients underflow and overflow, by precision."""
