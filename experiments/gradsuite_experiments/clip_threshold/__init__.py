"""How much the clipping threshold matters, in units of the mean norm of the gradient."""
