"""Tasks made of a file that somebody brings: `csv:FILE`, a series by rows, and `npz:FILE`, examples in arrays."""
