"""Plots of a run's rows, as one asks for them: a script for seaborn, and the picture that it draws."""
