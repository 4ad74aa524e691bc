"""Models that count: how often each symbol follows each run of symbols before it."""

from collections import Counter, defaultdict

import numpy as np


def count_model_bits(train: np.ndarray, test: np.ndarray, most: int, symbols: int) -> list[float]:
    """Return the bits per symbol that count models of the orders 0 to `most` spend on the test.

    The probability of a symbol after a context is interpolated with that after the context less its first symbol, down
    to a uniform one: (n(context, symbol) + k p_shorter(symbol)) / (n(context) + k), where k is how many different
    symbols have followed the context (Witten & Bell 1991, method C, as in Chen & Goodman 1999, sec. 2.4).
    """
    levels = [_followers(train, order) for order in range(most + 1)]
    history = np.concatenate([train[len(train) - most :], test])
    spent = np.zeros(most + 1)
    for place in range(most, len(history)):
        probability = 1.0 / symbols
        for order, followers in enumerate(levels):
            seen = followers.get(history[place - order : place].tobytes())
            if seen is not None:
                count, kinds = seen.total(), len(seen)
                probability = (seen[history[place]] + kinds * probability) / (count + kinds)
            spent[order] -= np.log2(probability)
    return [float(bits) for bits in spent / len(test)]


def _followers(text: np.ndarray, order: int) -> dict[bytes, Counter[int]]:
    """Return how often each symbol follows each run of this length."""
    followers: defaultdict[bytes, Counter[int]] = defaultdict(Counter)
    for place in range(order, len(text)):
        followers[text[place - order : place].tobytes()][text[place]] += 1
    return dict(followers)
