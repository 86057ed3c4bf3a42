"""The function of `harmonics.c` with its arguments declared; what it does is said there.

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
    """Write the colours (N, 3) that the camera's eye sees of the splats of `visible` records from row `start` on.

    Args:
        records: of `rasterise.project`.
        start: the first record.
        visible: how many.
        camera: whose eye.
        positions: (N, 3) metres, world.
        base: (N, 3) the colours' constant part.
        sh: (N, 3 or 8 or 15, 3) coefficients of the bands above.
        out: (N, 3); other rows are left as they are.
    """
    eye = ctypes.addressof(camera) + Camera.eye.offset
    arrays = [array.ctypes.data for array in (positions, base, sh, out)]
    _declared(load()).anchorstage_harmonics_colors(
        records.ctypes.data, start, visible, sh.shape[1], eye, *arrays
    )


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    number, pointer = ctypes.c_int64, ctypes.c_void_p
    library.anchorstage_harmonics_colors.restype = None
    library.anchorstage_harmonics_colors.argtypes = [pointer] + [number] * 3 + [pointer] * 5
    return library
