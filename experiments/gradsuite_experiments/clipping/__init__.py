"""What clipping keeps of a gradient."""
