"""Levels in a file beside the splats they belong to.

Little-endian: MAGIC; the number of splats and of those that can be drawn (int64); size and CRC-32 of the splats' file
(int64); CRC-32 of what follows (int64); then the arrays of `Levels` one after the other, in the record's order. How long
each is follows from the number drawn, so a file that was cut or edited is known before anything is made of it.
"""

import struct
import zlib
from pathlib import Path

import numpy as np

from ...kernels import rasterise
from ...store import atomic_path
from .record import Levels, chunk_starts

MAGIC = b"AnchorStage levels 1\n"
_HEAD = struct.Struct("<qqqqq")
_MOST = 2**31 - 1  # splats, as in the kernels
_PORTION = 1 << 20  # bytes of a file read at a time


def key_of(path: Path) -> tuple[int, int]:
    """Size in bytes and CRC-32 of a file: which splats a file of levels belongs to."""
    size, crc = 0, 0
    with open(path, "rb") as file:
        while portion := file.read(_PORTION):
            size, crc = size + len(portion), zlib.crc32(portion, crc)
    return size, crc


def write_levels(path: Path, levels: Levels, key: tuple[int, int]) -> None:
    """Write atomically; `key` is `key_of` the splats' file.

    Raises:
        OutputError: the place cannot be written to.
    """
    arrays = [
        np.ascontiguousarray(array, kind)
        for (_, kind, _), array in zip(_layout(0), levels.arrays, strict=True)
    ]
    crc = 0
    for array in arrays:
        crc = zlib.crc32(array.data.cast("B") if array.size else b"", crc)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(MAGIC + _HEAD.pack(levels.count, levels.drawn, *key, crc))
        for array in arrays:
            file.write(array.data)


def read_levels(path: Path, count: int, key: tuple[int, int]) -> Levels | None:
    """The levels of a scene of `count` splats whose file has this key; None where they are missing, stale or damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    start = len(MAGIC) + _HEAD.size
    if len(data) < start or not data.startswith(MAGIC):
        return None
    known, drawn, size, crc, own_crc = _HEAD.unpack_from(data, len(MAGIC))
    if (known, (size, crc)) != (count, key) or not 0 <= drawn <= min(count, _MOST):
        return None
    layout = _layout(chunk_starts(drawn)[-1])
    lengths = [
        rows * int(np.prod(tail, dtype=np.int64)) * np.dtype(kind).itemsize
        for rows, kind, tail in layout
    ]
    if len(data) != start + sum(lengths) or zlib.crc32(memoryview(data)[start:]) != own_crc:
        return None
    offsets = np.cumsum([start, *lengths])
    arrays = [
        np.frombuffer(data, kind, length // np.dtype(kind).itemsize, offset)
        .astype(kind[1:])
        .reshape(rows, *tail)
        for (rows, kind, tail), length, offset in zip(layout, lengths, offsets, strict=False)
    ]
    return Levels(count, drawn, *arrays) if _finite(arrays) else None


def _layout(chunks: int) -> list[tuple[int, str, tuple[int, ...]]]:
    """Rows, type on disk and shape of a row of each array of `Levels`."""
    rows = chunks * rasterise.CHUNK_SPLATS
    return [
        (rows // rasterise.LANES, "<f4", (rasterise.PLANES, rasterise.LANES)),
        (rows, "<f4", (3,)),
        (rows, "<f4", (3,)),
        (rows, "<f4", ()),
        (rows, "<i4", ()),
        (rows, "|u1", ()),
        (chunks, "<f4", (6,)),
        (chunks, "<f4", ()),
        (chunks, "<f4", (5,)),
    ]


def _finite(arrays: list[np.ndarray]) -> bool:
    return all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f")
