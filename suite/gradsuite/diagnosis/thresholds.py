"""What counts as sick: every threshold of the diagnosis, with its reason.

A cause is sought only where something is wrong with the gradient, or where units have stopped to learn. What PyTorch's
default initialisation gives is taken for normal: a gradient that vanishes all the same vanishes for the length alone.
"""

from scipy.special import expit

# Growth of the state gradient over the sequence beyond which it explodes: thresholds of clipping are at most 10 times
# the mean gradient norm (Pascanu, Mikolov & Bengio 2013, sec. 3.2). It vanishes where its horizon, the lag at which
# 1/1000 is left, is within the sequence.
GROWN = 10.0

# A gate that keeps less than this, on average over units and data, is closed. PyTorch's default keeps 1/2, and all
# that is advised keeps more (Gers et al. 2000; Jozefowicz et al. 2015; Tallec & Ollivier 2018); a bias of -1 keeps
# 0.27.
CLOSED = float(expit(-1.0))

# A gate or a unit this close to its end is saturated: its slope is below a fifth of the largest.
SATURATED = 0.05

# Shares of units above which they are a cause: at PyTorch's default half of all units have a negative bias, and may be
# dead where inputs are small; and half of all units saturated halve a gradient in every step.
MOSTLY = 0.5

# Gain of PyTorch's default, U(+-1/sqrt(H)), and by the circular law its spectral radius; below half of it one is small.
DEFAULT_GAIN = 3.0**-0.5
SMALL_RADIUS = DEFAULT_GAIN / 2.0

# The relative error of a truncated gradient that still counts as whole: 99% of the gradient is kept.
KEPT_ERROR = 0.01

# Thresholds of clipping that are advised, in mean gradient norms (Pascanu, Mikolov & Bengio 2013, sec. 3.2).
ADVISED = (0.5, 10.0)

# How many times as long a horizon must be, with every seed, for a remedy to help: networks of one initialisation differ
# by a tenth among themselves.
LONGER = 1.1

# A ratio of times whose interval is wider than this, to either side, is called noisy.
NOISY = 0.1
