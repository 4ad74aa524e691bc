"""What clipping, and a regulariser that keeps gradients from vanishing, do for a plain RNN that has to remember."""
