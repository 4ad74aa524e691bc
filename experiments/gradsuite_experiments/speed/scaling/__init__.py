"""How the time of a gradient grows with each size."""
