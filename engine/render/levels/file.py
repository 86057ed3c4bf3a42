"""Levels in a file beside the splats they belong to.

Little-endian: MAGIC; the number of splats and of those that can be drawn (int64); size and CRC-32
of the splats' file (int64); CRC-32 of the rest (int64); then the arrays of `Levels` one after the
other, in the record's order. The length of each follows from the number drawn, so a file that was
cut or edited is recognised before anything is made of it.
"""

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...kernels import rasterise
from ...store import atomic_path
from .record import Levels, chunk_starts

MAGIC = b"AnchorStage levels 1\n"
# Splats, splats drawn, size of the splats' file, its CRC-32, CRC-32 of the arrays.
_HEAD = struct.Struct("<qqqqq")
# Splats, as in the kernels.
_MOST = 2**31 - 1
# Bytes of a file read at a time.
_PORTION = 1 << 20


class _Layout(NamedTuple):
    """One array of `Levels` on disk."""

    rows: int
    kind: str  # NumPy's name of the type on disk
    row_shape: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return (self.rows, *self.row_shape)

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        numbers_a_row = int(np.prod(self.row_shape, dtype=np.int64))
        return self.rows * numbers_a_row * np.dtype(self.kind).itemsize


def key_of(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the CRC-32 of a file of splats.

    They identify the splats that a file of levels belongs to.
    """
    size = 0
    crc = 0
    with open(path, "rb") as file:
        while portion := file.read(_PORTION):
            size += len(portion)
            crc = zlib.crc32(portion, crc)
    return size, crc


def write_levels(path: Path, levels: Levels, key: tuple[int, int]) -> None:
    """Write levels to a file, atomically.

    Args:
        path: the file.
        levels: what to write.
        key: `key_of` the splats' file.

    Raises:
        OutputError: the place cannot be written to.
    """
    arrays = [
        np.ascontiguousarray(array, part.kind)
        for part, array in zip(_layout(0), levels.arrays, strict=True)
    ]
    crc = 0
    for array in arrays:
        crc = zlib.crc32(array.data.cast("B") if array.size else b"", crc)
    head = _HEAD.pack(levels.count, levels.drawn, *key, crc)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(MAGIC + head)
        for array in arrays:
            file.write(array.data)


def read_levels(path: Path, count: int, key: tuple[int, int]) -> Levels | None:
    """Read the levels of a scene.

    Args:
        path: the file.
        count: splats of the scene.
        key: `key_of` the splats' file.

    Returns:
        The levels; None where they are missing, damaged or those of other splats.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return None
    start = len(MAGIC) + _HEAD.size
    if len(data) < start or not data.startswith(MAGIC):
        return None
    stored_count, drawn, size, crc, arrays_crc = _HEAD.unpack_from(data, len(MAGIC))
    if stored_count != count or (size, crc) != key:
        return None
    if not 0 <= drawn <= min(count, _MOST):
        return None

    # The number drawn says how long the file must be.
    layout = _layout(chunk_starts(drawn)[-1])
    if len(data) != start + sum(part.nbytes for part in layout):
        return None
    if zlib.crc32(memoryview(data)[start:]) != arrays_crc:
        return None

    arrays = _arrays(data, start, layout)
    return Levels(count, drawn, *arrays) if _are_finite(arrays) else None


def _arrays(data: bytes, start: int, layout: list[_Layout]) -> list[np.ndarray]:
    """Copy the arrays, in the machine's byte order, out of the bytes from `start` on."""
    arrays = []
    for part in layout:
        numbers = np.frombuffer(data, part.kind, int(np.prod(part.shape)), start)
        native_kind = part.kind[1:]  # without the mark of the byte order
        arrays.append(numbers.astype(native_kind).reshape(part.shape))
        start += part.nbytes
    return arrays


def _layout(chunks: int) -> list[_Layout]:
    """Describe the arrays of `Levels` on disk, in the order of the record."""
    rows = chunks * rasterise.CHUNK_SPLATS
    blocks = rows // rasterise.LANES
    return [
        _Layout(blocks, "<f4", (rasterise.PLANES, rasterise.LANES)),
        _Layout(rows, "<f4", (3,)),  # normals
        _Layout(rows, "<f4", (3,)),  # colors
        _Layout(rows, "<f4", ()),  # confidence
        _Layout(rows, "<i4", ()),  # region
        _Layout(rows, "|u1", ()),  # origin
        _Layout(chunks, "<f4", (6,)),  # covariances
        _Layout(chunks, "<f4", ()),  # losses
        _Layout(chunks, "<f4", (5,)),  # spheres
    ]


def _are_finite(arrays: list[np.ndarray]) -> bool:
    floats = [array for array in arrays if array.dtype.kind == "f"]
    return all(np.isfinite(array).all() for array in floats)
