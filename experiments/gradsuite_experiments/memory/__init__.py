"""Memory of a gradient, and what checkpoints save."""
