"""Tasks: where batches come from, a synthetic problem or real data that ships in a package."""

from gradsuite.hookspecs import Register, hookimpl

DATA = "pip install 'gradsuite[data]'"


@hookimpl
def register_tasks(register: Register) -> None:
    """Register the built-in tasks."""
    register("adding", "gradsuite.tasks.adding:Adding")
    register("co2", "gradsuite.tasks.co2:CO2")
    register("copy", "gradsuite.tasks.copy:Copy")
    register("csv", "gradsuite.tasks.files.series:CSV")
    register("delayed-copy", "gradsuite.tasks.delayed_copy:DelayedCopy")
    register("digits", "gradsuite.tasks.digits:Digits")
    register("digits-permuted", "gradsuite.tasks.digits:PermutedDigits")
    register("digits-pixels", "gradsuite.tasks.digits:DigitsByPixels")
    register("japanese-vowels", "gradsuite.tasks.japanese_vowels:JapaneseVowels")
    register("language", "gradsuite.tasks.language:Language")
    register("macro", "gradsuite.tasks.macro:Macro")
    register("mnist1d", "gradsuite.tasks.mnist1d:MNIST1D", requires=["mnist1d"], install=DATA)
    register("noise", "gradsuite.tasks.noise:Noise")
    register("npz", "gradsuite.tasks.files.examples:Examples")
    register("parity", "gradsuite.tasks.parity:Parity")
    register("sp500-returns", "gradsuite.tasks.sp500:Returns", requires=["arch"], install=DATA)
    register("sp500-volatility", "gradsuite.tasks.sp500:Volatility", requires=["arch"], install=DATA)
    register("sunspots", "gradsuite.tasks.sunspots:Sunspots")
    register("temporal-order", "gradsuite.tasks.temporal_order:TemporalOrder")
    register("variable-copy", "gradsuite.tasks.variable_copy:VariableCopy")
