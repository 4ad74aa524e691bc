"""How fast each backend multiplies matrices."""
