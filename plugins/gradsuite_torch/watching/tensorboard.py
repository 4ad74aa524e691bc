"""What a watch over a training sees, as scalars of TensorBoard."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Any

from gradsuite.errors import UserError


@contextmanager
def writing(target: Any) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """Yield what writes to a `SummaryWriter`, which is flushed, or to a folder. Raises UserError for anything else."""
    folder = isinstance(target, str | PathLike)
    if not folder and not callable(getattr(target, "add_scalar", None)):
        raise UserError(f"tensorboard takes a SummaryWriter or a folder, not {type(target).__name__!r}")
    writer = summary_writer(fspath(target)) if folder else target

    def write(step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    try:
        yield write
    finally:
        writer.close() if folder else writer.flush()


def summary_writer(folder: str) -> Any:
    """Return PyTorch's writer of TensorBoard's files. Raises UserError if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError('tensorboard is not installed: python -m pip install "gradsuite[tensorboard]"') from error
    return SummaryWriter(folder)
