"""How far back, and how deep, gradients reach."""
