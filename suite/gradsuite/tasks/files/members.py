"""The arrays of an `.npz` file, mapped from disk: none of them is read into memory as a whole."""

import mmap
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from gradsuite.errors import UserError

LOCAL_HEADER = 30  # bytes of a zip member's own header, before its name
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@lru_cache(4)
def members(path: Path, stamp: tuple[int, int]) -> Mapping[str, np.ndarray]:
    """Return the arrays of a file by name; mapped where they lie, or unpacked to a temporary file if compressed.

    Raises UserError for a file that is no npz, or that holds Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if not names:
                raise UserError(f"{path.name} holds no arrays: write it with numpy.savez")
            return {info.filename.removesuffix(".npy"): _member(path, archive, info) for info in names}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:  # torn, or encrypted
        raise UserError(f"{path.name} is no npz file: write it with numpy.savez") from error


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    if info.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as stream:
            stream.seek(info.header_offset + LOCAL_HEADER - 4)  # the lengths of the name and of what follows it
            name, extra = (int.from_bytes(stream.read(2), "little") for _ in range(2))
            stream.seek(info.header_offset + LOCAL_HEADER + name + extra)
            return _mapped(path, info.filename, stream)
    with archive.open(info) as packed, tempfile.TemporaryFile() as stream:
        copyfileobj(packed, stream, 2**20)
        stream.seek(0)
        return _mapped(path, info.filename, stream)


def _mapped(path: Path, name: str, stream: IO[bytes]) -> np.ndarray:
    """Return the array that begins where the stream is, as a view of its file."""
    try:
        shape, fortran, dtype = _header(stream)
        if dtype.hasobject:
            raise UserError(f"{path.name}: {name.removesuffix('.npy')!r} holds Python objects; save it as numbers")
        count = int(np.prod(shape, dtype=np.int64))
        if not count:
            return np.empty(shape, dtype)
        view = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        flat: np.ndarray = np.frombuffer(view, dtype, count, stream.tell())
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path.name}: {name} is no NumPy array: {error}") from error
    return flat.reshape(shape, order="F" if fortran else "C")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"version {version} is not known")
    return HEADERS[version](stream)
