"""Whether a backend is as fast as itself."""
