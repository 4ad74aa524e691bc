"""How far back the gradient reaches while a network learns."""
