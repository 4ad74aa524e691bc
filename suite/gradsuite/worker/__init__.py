"""The other side of the pipe: one process per backend. Imports nothing: a worker starts before NumPy does."""
