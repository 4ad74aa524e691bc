"""What a gate keeps of a gradient."""
