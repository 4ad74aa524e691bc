"""How fast each backend is, and how well that is known."""
