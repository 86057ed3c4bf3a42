"""The functions of `rasterise.c` and `rasterise_blend.c` with their arguments declared; what each does is said there.

Arrays must be C-contiguous and of the types that the callers in `engine.render` make them; nothing is checked here.
"""

import ctypes
from functools import cache

import numpy as np

from ..tables.attributes import BLENDED_NAMES
from ..tables.passes import DRAWN
from . import load
from .constants import (
    CHUNK_SPLATS,
    CULLED,
    LANES,
    LOG_OPACITY,
    PLANES,
    TILE_HEIGHT,
    TILE_WIDTH,
)

__all__ = [
    "CHUNK_SPLATS",
    "CULLED",
    "LANES",
    "LOG_OPACITY",
    "PLANES",
    "RECORD",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "Camera",
    "Passes",
    "Pointers",
    "Scene",
    "blend",
    "prepare",
    "project",
    "scatter",
]

RECORD = np.dtype(
    [
        *((name, np.float32) for name in ("x", "y", "p", "q", "r", "log_opacity", "depth")),
        *((name, np.uint16) for name in ("left", "right", "top", "bottom")),
        ("splat", np.uint32),
    ]
)


class Camera(ctypes.Structure):
    """`Camera` of rasterise.h: a view as the kernels read it."""

    _fields_ = [
        ("rotation", ctypes.c_float * 9),
        ("eye", ctypes.c_float * 3),
        ("focal", ctypes.c_float * 2),
        ("centre", ctypes.c_float * 2),
        ("slope_min", ctypes.c_float * 2),
        ("slope_max", ctypes.c_float * 2),
        ("photo", ctypes.c_float * 3),
        ("near", ctypes.c_float),
        ("photo_focal", ctypes.c_float),
        ("has_photo", ctypes.c_int32),
        ("antialiased", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("tiles_x", ctypes.c_int32),
    ]


class Pointers(ctypes.Structure):
    """A structure of pointers into NumPy arrays, which it keeps alive."""

    def __init__(self, **arrays: np.ndarray | None) -> None:
        """Take one array, or None for NULL, for each field."""
        super().__init__(
            **{name: None if array is None else array.ctypes.data for name, array in arrays.items()}
        )
        self.arrays = arrays


class Scene(Pointers):
    """`Scene` of rasterise.h: the attributes that are blended, one row a splat."""

    _fields_ = [(name, ctypes.c_void_p) for name in BLENDED_NAMES]


class Passes(Pointers):
    """`Passes` of rasterise.h: the places where a frame is written."""

    _fields_ = [(one.name, ctypes.c_void_p) for one in DRAWN]


def prepare(
    start: int, end: int, arrays: list[np.ndarray], blocks: np.ndarray, normals: np.ndarray
) -> None:
    """Prepare blocks [start, end); `arrays`: positions, scales, rotations, opacities, colors, confidence, float32."""
    pointers = [array.ctypes.data for array in (*arrays, blocks, normals)]
    _declared(load()).anchorstage_splats_prepare(start, end, len(normals), *pointers)


def project(
    part: range,
    chunks: np.ndarray,
    blocks: np.ndarray,
    camera: Camera,
    records: np.ndarray,
    counts: np.ndarray,
) -> int:
    """Project `chunks[part]` (int32) into `records` from row `part.start * CHUNK_SPLATS` on and set `counts` (tiles,) int32.

    Returns:
        The number of visible splats.
    """
    target = records.ctypes.data + part.start * CHUNK_SPLATS * RECORD.itemsize
    source = chunks.ctypes.data, len(blocks), blocks.ctypes.data, ctypes.byref(camera)
    return _declared(load()).anchorstage_splats_project(
        part.start, part.stop, *source, len(counts), target, counts.ctypes.data
    )


def scatter(
    records: np.ndarray,
    start: int,
    visible: int,
    camera: Camera,
    tiles: range,
    cursors: np.ndarray,
    entries: np.ndarray,
) -> None:
    """Write the entries of `visible` records from row `start` on for these tiles; moves `cursors` (tiles,) int64 on."""
    pointers = cursors.ctypes.data, entries.ctypes.data
    _declared(load()).anchorstage_splats_scatter(
        records.ctypes.data,
        start,
        visible,
        ctypes.byref(camera),
        tiles.start,
        tiles.stop,
        *pointers,
    )


def blend(
    tiles: range,
    starts: np.ndarray,
    base: int,
    entries: np.ndarray,
    spare: np.ndarray,
    records: np.ndarray,
    scene: Scene,
    camera: Camera,
    passes: Passes,
) -> None:
    """Sort, blend and write these tiles; entries come out in any order."""
    buffers = entries.ctypes.data, spare.ctypes.data, records.ctypes.data
    structures = ctypes.byref(scene), ctypes.byref(camera), ctypes.byref(passes)
    _declared(load()).anchorstage_splats_blend(
        tiles.start, tiles.stop, starts.ctypes.data, base, *buffers, *structures
    )


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    number, pointer = ctypes.c_int64, ctypes.c_void_p
    signatures = {
        "prepare": (None, [number] * 3 + [pointer] * 8),
        "project": (
            number,
            [number] * 2 + [pointer, number] + [pointer] * 2 + [number] + [pointer] * 2,
        ),
        "scatter": (None, [pointer] + [number] * 2 + [pointer] + [number] * 2 + [pointer] * 2),
        "blend": (None, [number] * 2 + [pointer, number] + [pointer] * 6),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"anchorstage_splats_{name}")
        function.restype, function.argtypes = result, arguments
    return library
