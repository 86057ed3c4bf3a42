"""The functions of `rasterise_backward.c` and `project_backward.c` with their arguments declared.

The C files say what each function does. Arrays must be C-contiguous and of the types that
`engine.render.differentiable` makes them; nothing is checked here.
"""

import ctypes
from functools import cache

import numpy as np

from . import load
from .constants import SUMS as SUMS
from .rasterise import Camera, Pointers


class Upstream(Pointers):
    """`Upstream` of rasterise_backward.h: the picture and the loss's gradient of it, float32."""

    _fields_ = [
        ("color", ctypes.c_void_p),
        ("alpha", ctypes.c_void_p),
        ("depth", ctypes.c_void_p),
        ("color_gradient", ctypes.c_void_p),
        ("alpha_gradient", ctypes.c_void_p),
        ("depth_gradient", ctypes.c_void_p),
    ]


class Parameters(Pointers):
    """`Parameters` of project_backward.c: the splats, float32."""

    _fields_ = [
        ("means", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("rotations", ctypes.c_void_p),
        ("opacities", ctypes.c_void_p),
    ]


class Gradients(Pointers):
    """`Gradients` of project_backward.c: where the splats' gradients go, float32, zero before."""

    _fields_ = [
        ("means", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("rotations", ctypes.c_void_p),
        ("opacities", ctypes.c_void_p),
        ("colors", ctypes.c_void_p),
    ]


def retrace(
    tiles: range,
    starts: np.ndarray,
    base: int,
    buffers: tuple[np.ndarray, np.ndarray, np.ndarray],
    records: np.ndarray,
    colors: np.ndarray,
    upstream: Upstream,
    camera: Camera,
    slots: np.ndarray,
) -> None:
    """Follow the picture's gradient back to the entries of these tiles.

    Args:
        tiles: their numbers.
        starts: (tiles + 1,) int64, the place of each tile's first entry in the whole picture.
        base: the place in the whole picture of the first entry in `buffers`.
        buffers: the entries as scattered, uint64, and scratch of the same length, uint64 and
            uint32; none keeps its contents.
        records: (R,) RECORD.
        colors: (N, 3) of the splats.
        upstream: the picture and its gradient.
        camera: the view.
        slots: (E, SUMS) float32, written: the gradients of each entry.
    """
    entries, spare, numbers = buffers
    _declared(load()).anchorstage_backward_retrace(
        tiles.start,
        tiles.stop,
        starts.ctypes.data,
        base,
        entries.ctypes.data,
        spare.ctypes.data,
        numbers.ctypes.data,
        records.ctypes.data,
        colors.ctypes.data,
        ctypes.byref(upstream),
        ctypes.byref(camera),
        slots.ctypes.data,
    )


def gather(
    records: np.ndarray,
    start: int,
    visible: int,
    camera: Camera,
    tiles: range,
    cursors: np.ndarray,
    slots: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Add the slots of these tiles to the sums of some records.

    Args:
        records: (R,) RECORD.
        start: the first record.
        visible: the number of records.
        camera: the view.
        tiles: those whose slots are added.
        cursors: (tiles,) int64, the place of each tile's next entry; moved on as by `scatter`.
        slots: (E, SUMS) float32, from `retrace`.
        sums: (R, SUMS) float32, added to.
    """
    _declared(load()).anchorstage_backward_gather(
        records.ctypes.data,
        start,
        visible,
        ctypes.byref(camera),
        tiles.start,
        tiles.stop,
        cursors.ctypes.data,
        slots.ctypes.data,
        sums.ctypes.data,
    )


def project(
    records: np.ndarray,
    start: int,
    visible: int,
    sums: np.ndarray,
    parameters: Parameters,
    camera: Camera,
    gradients: Gradients,
) -> None:
    """Write the parameters' gradients of `visible` records from row `start` on."""
    _declared(load()).anchorstage_backward_project(
        records.ctypes.data,
        start,
        visible,
        sums.ctypes.data,
        ctypes.byref(parameters),
        ctypes.byref(camera),
        ctypes.byref(gradients),
    )


_NUMBER = ctypes.c_int64
_POINTER = ctypes.c_void_p

# Types of the arguments, in the order of the C files.
_ARGUMENTS = {
    "retrace": [
        _NUMBER,  # first tile
        _NUMBER,  # end of the tiles
        _POINTER,  # starts
        _NUMBER,  # base
        _POINTER,  # entries
        _POINTER,  # spare
        _POINTER,  # numbers
        _POINTER,  # records
        _POINTER,  # colors
        _POINTER,  # upstream
        _POINTER,  # camera
        _POINTER,  # slots
    ],
    "gather": [
        _POINTER,  # records
        _NUMBER,  # start
        _NUMBER,  # visible
        _POINTER,  # camera
        _NUMBER,  # first tile
        _NUMBER,  # end of the tiles
        _POINTER,  # cursors
        _POINTER,  # slots
        _POINTER,  # sums
    ],
    "project": [
        _POINTER,  # records
        _NUMBER,  # start
        _NUMBER,  # visible
        _POINTER,  # sums
        _POINTER,  # parameters
        _POINTER,  # camera
        _POINTER,  # gradients
    ],
}


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """Return the library with the types of the functions above."""
    for name, arguments in _ARGUMENTS.items():
        function = getattr(library, f"anchorstage_backward_{name}")
        function.argtypes = arguments
        function.restype = None
    return library
