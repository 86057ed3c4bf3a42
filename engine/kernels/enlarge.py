"""The function of `enlarge.c` with its arguments declared; the C file says what it does.

Arrays must be C-contiguous, float32 but for `parted` (uint8); nothing is checked here.
"""

import ctypes
from functools import cache

import numpy as np

from . import load


def enlarge(
    rows: range,
    colours: np.ndarray,
    cells: np.ndarray,
    cell_colours: np.ndarray,
    parted: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write rows of a large map beside the steps of a small one, guided by colour.

    Args:
        rows: of `out`.
        colours: (H, W, 3) of the large map.
        cells: (h, w) the small map.
        cell_colours: (h, w, 3) of the small map.
        parted: (h, w) not 0 where a step is near; other cells are left out.
        out: (H, W) the large map; pixels of other cells are left as they are.
    """
    height, width = out.shape
    cell_rows, cell_columns = cells.shape
    _declared(load()).anchorstage_enlarge(
        rows.start,
        rows.stop,
        width,
        height,
        colours.ctypes.data,
        cell_columns,
        cell_rows,
        cells.ctypes.data,
        cell_colours.ctypes.data,
        parted.ctypes.data,
        out.ctypes.data,
    )


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """Return the library with the arguments of the function above."""
    number = ctypes.c_int64
    pointer = ctypes.c_void_p
    enlarge = library.anchorstage_enlarge
    enlarge.restype = None
    enlarge.argtypes = [number] * 4 + [pointer] + [number] * 2 + [pointer] * 4
    return library
