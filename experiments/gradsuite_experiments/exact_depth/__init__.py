"""Laws of deep networks, exact at any width."""
