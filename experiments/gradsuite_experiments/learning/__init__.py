"""The two classic tasks of long dependencies: which networks learn them, beside exact baselines."""
