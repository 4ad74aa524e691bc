"""Somebody's torch module as a patient: what it does is heard by hooks, and its recurrent layers are swapped."""
