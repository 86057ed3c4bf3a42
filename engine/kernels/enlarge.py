"""The function of `enlarge.c` with its arguments declared; what it does is said there.

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
    """Write rows of `out` (H, W) beside steps of `cells` (h, w), where `parted` (h, w); colours (H, W, 3) and (h, w, 3)."""
    height, width = out.shape
    h, w = cells.shape
    sizes = rows.start, rows.stop, width, height
    small = (array.ctypes.data for array in (cells, cell_colours, parted, out))
    _declared(load()).anchorstage_enlarge(*sizes, colours.ctypes.data, w, h, *small)


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    number, pointer = ctypes.c_int64, ctypes.c_void_p
    library.anchorstage_enlarge.restype = None
    library.anchorstage_enlarge.argtypes = [number] * 4 + [pointer] + [number] * 2 + [pointer] * 4
    return library
