"""How a number is taken: clocks, neighbours, memory, and intervals of what they say."""
