"""Tasks: where batches come from, a synthetic problem or real data that ships in a package."""

from gradsuite.hookspecs import Register, hookimpl


@hookimpl
def register_tasks(register: Register) -> None:
    """Register the built-in tasks."""
    register("adding", "gradsuite.tasks.adding:Adding")
    register("copy", "gradsuite.tasks.copy:Copy")
    register("csv", "gradsuite.tasks.files.series:Series")
    register("digits", "gradsuite.tasks.digits:Digits")
    register("noise", "gradsuite.tasks.noise:Noise")
    register("npz", "gradsuite.tasks.files.examples:Examples")
    register("sunspots", "gradsuite.tasks.sunspots:Sunspots")
    register("temporal-order", "gradsuite.tasks.temporal_order:TemporalOrder")
