"""The report: figures, tables and one self-contained page."""
