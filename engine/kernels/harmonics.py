"""The function of `harmonics.c` with its arguments declared; the C file says what it does.

Arrays must be C-contiguous float32; nothing is checked here.
"""

import ctypes
from functools import cache

import numpy as np

from . import load
from .rasterise import Camera


def colors(
    records: np.ndarray,
    start: int,
    visible: int,
    camera: Camera,
    positions: np.ndarray,
    base: np.ndarray,
    sh: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write the colours that the camera's eye sees of the splats of some records.

    Args:
        records: of `rasterise.project`.
        start: the first record.
        visible: the number of records.
        camera: whose eye.
        positions: (N, 3) metres, world.
        base: (N, 3) the colours' constant part.
        sh: (N, 3 or 8 or 15, 3) coefficients of the bands above.
        out: (N, 3) the colours; other rows are left as they are.
    """
    eye = ctypes.addressof(camera) + Camera.eye.offset
    coefficients = sh.shape[1]
    _declared(load()).anchorstage_harmonics_colors(
        records.ctypes.data,
        start,
        visible,
        coefficients,
        eye,
        positions.ctypes.data,
        base.ctypes.data,
        sh.ctypes.data,
        out.ctypes.data,
    )


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """Return the library with the arguments of the function above."""
    number = ctypes.c_int64
    pointer = ctypes.c_void_p
    colors = library.anchorstage_harmonics_colors
    colors.restype = None
    colors.argtypes = [pointer] + [number] * 3 + [pointer] * 5
    return library
