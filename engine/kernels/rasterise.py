"""The functions of `rasterise.c` and `rasterise_blend.c` with their arguments declared.

The C files say what each function does. Arrays must be C-contiguous and of the types that the
callers in `engine.render` make them; nothing is checked here.
"""

import ctypes
from functools import cache

import numpy as np

from ..tables.attributes import BLENDED
from ..tables.passes import DRAWN
from . import load
from .constants import CHUNK_SPLATS
from .constants import CULLED as CULLED
from .constants import LANES as LANES
from .constants import LOG_OPACITY as LOG_OPACITY
from .constants import PLANES as PLANES
from .constants import TILE_HEIGHT as TILE_HEIGHT
from .constants import TILE_WIDTH as TILE_WIDTH

CHUNK = CHUNK_SPLATS  # splats that are culled as one

# `Record` of rasterise.h: a splat on the picture.
RECORD = np.dtype(
    [
        ("x", np.float32),  # pixels
        ("y", np.float32),
        ("p", np.float32),  # the Cholesky factor of the conic
        ("q", np.float32),
        ("r", np.float32),
        ("log_opacity", np.float32),  # to the base 2
        ("depth", np.float32),  # metres, planar
        ("left", np.uint16),  # pixels; right and bottom are exclusive
        ("right", np.uint16),
        ("top", np.uint16),
        ("bottom", np.uint16),
        ("splat", np.uint32),  # row
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
        pointers = {
            name: None if array is None else array.ctypes.data  # NULL or an address
            for name, array in arrays.items()
        }
        super().__init__(**pointers)
        self.arrays = arrays


class Scene(Pointers):
    """`Scene` of rasterise.h: what is blended, one row a splat."""

    _fields_ = [(attribute.name, ctypes.c_void_p) for attribute in BLENDED]


class Passes(Pointers):
    """`Passes` of rasterise.h: where a frame is written."""

    _fields_ = [(each.name, ctypes.c_void_p) for each in DRAWN]


def prepare(
    start: int, end: int, arrays: list[np.ndarray], blocks: np.ndarray, normals: np.ndarray
) -> None:
    """Prepare blocks [start, end) of the splats; see rasterise.h for what a block holds.

    Args:
        start: the first block.
        end: the block after the last.
        arrays: the attributes PREPARED of the table, in that order, float32.
        blocks: (B, PLANES, LANES) float32, written.
        normals: (N, 3) float32, written: each splat's shortest axis.
    """
    inputs = [array.ctypes.data for array in arrays]
    _declared(load()).anchorstage_splats_prepare(
        start,
        end,
        len(normals),
        *inputs,
        blocks.ctypes.data,
        normals.ctypes.data,
    )


def project(
    part: range,
    chunks: np.ndarray,
    blocks: np.ndarray,
    camera: Camera,
    records: np.ndarray,
    counts: np.ndarray,
) -> int:
    """Project the splats of `chunks[part]` and count the tiles that they touch.

    Args:
        part: of the chunks.
        chunks: (M,) int32, numbers of chunks.
        blocks: (B, PLANES, LANES) float32, from `prepare`.
        camera: the view.
        records: (M * CHUNK_SPLATS,) RECORD, written from row `part.start * CHUNK_SPLATS` on.
        counts: (tiles,) int32, set to the number of records that touch each tile.

    Returns:
        The number of visible splats.
    """
    first_record = part.start * CHUNK_SPLATS
    return _declared(load()).anchorstage_splats_project(
        part.start,
        part.stop,
        chunks.ctypes.data,
        len(blocks),
        blocks.ctypes.data,
        ctypes.byref(camera),
        len(counts),
        records.ctypes.data + first_record * RECORD.itemsize,
        counts.ctypes.data,
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
    """Write the entries, depth and record, of some records into these tiles.

    Args:
        records: (R,) RECORD.
        start: the first record.
        visible: the number of records.
        camera: the view.
        tiles: those that are written; others are left out.
        cursors: (tiles,) int64, the place of each tile's next entry; moved on.
        entries: (E,) uint64, written.
    """
    _declared(load()).anchorstage_splats_scatter(
        records.ctypes.data,
        start,
        visible,
        ctypes.byref(camera),
        tiles.start,
        tiles.stop,
        cursors.ctypes.data,
        entries.ctypes.data,
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
    """Sort the entries of these tiles, blend them and write the passes.

    Args:
        tiles: their numbers.
        starts: (tiles + 1,) int64, the place of each tile's first entry in the whole picture.
        base: the place in the whole picture of `entries[0]`.
        entries: (E,) uint64, from `scatter`; left in any order.
        spare: (E,) uint64, scratch.
        records: (R,) RECORD.
        scene: the splats' attributes.
        camera: the view.
        passes: written.
    """
    _declared(load()).anchorstage_splats_blend(
        tiles.start,
        tiles.stop,
        starts.ctypes.data,
        base,
        entries.ctypes.data,
        spare.ctypes.data,
        records.ctypes.data,
        ctypes.byref(scene),
        ctypes.byref(camera),
        ctypes.byref(passes),
    )


_NUMBER = ctypes.c_int64
_POINTER = ctypes.c_void_p

# Types of the arguments, in the order of the C files.
_ARGUMENTS = {
    "prepare": [
        _NUMBER,  # start
        _NUMBER,  # end
        _NUMBER,  # splats
        _POINTER,  # positions
        _POINTER,  # scales
        _POINTER,  # rotations
        _POINTER,  # opacities
        _POINTER,  # colors
        _POINTER,  # confidence
        _POINTER,  # blocks
        _POINTER,  # normals
    ],
    "project": [
        _NUMBER,  # start
        _NUMBER,  # end
        _POINTER,  # chunks
        _NUMBER,  # blocks in all
        _POINTER,  # blocks
        _POINTER,  # camera
        _NUMBER,  # tiles
        _POINTER,  # records
        _POINTER,  # counts
    ],
    "scatter": [
        _POINTER,  # records
        _NUMBER,  # start
        _NUMBER,  # visible
        _POINTER,  # camera
        _NUMBER,  # first tile
        _NUMBER,  # end of the tiles
        _POINTER,  # cursors
        _POINTER,  # entries
    ],
    "blend": [
        _NUMBER,  # first tile
        _NUMBER,  # end of the tiles
        _POINTER,  # starts
        _NUMBER,  # base
        _POINTER,  # entries
        _POINTER,  # spare
        _POINTER,  # records
        _POINTER,  # scene
        _POINTER,  # camera
        _POINTER,  # passes
    ],
}


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """Return the library with the types of the functions above."""
    for name, arguments in _ARGUMENTS.items():
        function = getattr(library, f"anchorstage_splats_{name}")
        function.argtypes = arguments
        function.restype = None
    # The number of visible splats.
    library.anchorstage_splats_project.restype = _NUMBER
    return library
