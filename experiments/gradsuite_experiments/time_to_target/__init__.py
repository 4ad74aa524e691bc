"""How long each backend trains until a target is reached: the practical speed."""
