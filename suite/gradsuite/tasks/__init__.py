"""Tasks: where batches come from, a synthetic problem or real data that ships in a package."""

from gradsuite.hookspecs import Register, hookimpl

DATA = "pip install 'gradsuite[data]'"


@hookimpl
def register_tasks(register: Register) -> None:
    """Register the built-in tasks."""
    register("adding", "gradsuite.tasks.synthetic.adding:Adding")
    register("co2", "gradsuite.tasks.real.co2:CO2")
    register("copy", "gradsuite.tasks.synthetic.copy:Copy")
    register("csv", "gradsuite.tasks.files.series:CSV")
    register("delayed-copy", "gradsuite.tasks.synthetic.delayed_copy:DelayedCopy")
    register("digits", "gradsuite.tasks.real.digits:Digits")
    register("digits-permuted", "gradsuite.tasks.real.digits:PermutedDigits")
    register("digits-pixels", "gradsuite.tasks.real.digits:DigitsByPixels")
    register("japanese-vowels", "gradsuite.tasks.real.japanese_vowels:JapaneseVowels")
    register("language", "gradsuite.tasks.real.language:Language")
    register("macro", "gradsuite.tasks.real.macro:Macro")
    register("mnist1d", "gradsuite.tasks.real.mnist1d:MNIST1D", requires=["mnist1d"], install=DATA)
    register("noise", "gradsuite.tasks.synthetic.noise:Noise")
    register("npz", "gradsuite.tasks.files.examples:Examples")
    register("parity", "gradsuite.tasks.synthetic.parity:Parity")
    register("sp500-returns", "gradsuite.tasks.real.sp500:Returns", requires=["arch"], install=DATA)
    register("sp500-volatility", "gradsuite.tasks.real.sp500:Volatility", requires=["arch"], install=DATA)
    register("sunspots", "gradsuite.tasks.real.sunspots:Sunspots")
    register("temporal-order", "gradsuite.tasks.synthetic.temporal_order:TemporalOrder")
    register("variable-copy", "gradsuite.tasks.synthetic.variable_copy:VariableCopy")
