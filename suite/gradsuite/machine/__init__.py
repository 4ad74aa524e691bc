"""This computer, and what a process on it starts with. Imports nothing: a worker starts before NumPy does."""
