"""The functions of `rasterise_backward.c` and `project_backward.c` with their arguments declared.

Arrays must be C-contiguous and of the types that `engine.render.differentiable` makes them; nothing is checked here.
"""

import ctypes
from functools import cache

import numpy as np

from . import load
from .rasterise import Camera, Pointers

SUMS = 10  # what a record gathers; rasterise_backward.h


class Upstream(Pointers):
    """`Upstream` of rasterise_backward.h: the picture and the loss's gradient of it, float32."""

    _fields_ = [
        (name, ctypes.c_void_p)
        for name in (
            "color",
            "alpha",
            "depth",
            "color_gradient",
            "alpha_gradient",
            "depth_gradient",
        )
    ]


class Parameters(Pointers):
    """`Parameters` of project_backward.c: the splats, float32."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("means", "scales", "rotations", "opacities")]


class Gradients(Pointers):
    """`Gradients` of project_backward.c: where the splats' gradients go, float32, nought before."""

    _fields_ = [
        (name, ctypes.c_void_p) for name in ("means", "scales", "rotations", "opacities", "colors")
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
    """Gradients of these tiles' entries into their `slots` (entries, SUMS).

    `buffers`: the entries as scattered, uint64, and of the same length scratch of uint64 and of uint32; none survives.
    """
    scratch = [buffer.ctypes.data for buffer in buffers]
    _declared(load()).anchorstage_backward_retrace(
        tiles.start,
        tiles.stop,
        starts.ctypes.data,
        base,
        *scratch,
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
    """Add these tiles' slots to the `sums` (records, SUMS) of `visible` records; moves `cursors` on as `scatter` does."""
    pointers = cursors.ctypes.data, slots.ctypes.data, sums.ctypes.data
    _declared(load()).anchorstage_backward_gather(
        records.ctypes.data,
        start,
        visible,
        ctypes.byref(camera),
        tiles.start,
        tiles.stop,
        *pointers,
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
    """The parameters' gradients of `visible` records from row `start` on."""
    structures = ctypes.byref(parameters), ctypes.byref(camera), ctypes.byref(gradients)
    _declared(load()).anchorstage_backward_project(
        records.ctypes.data, start, visible, sums.ctypes.data, *structures
    )


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    number, pointer = ctypes.c_int64, ctypes.c_void_p
    signatures = {
        "retrace": [number] * 2 + [pointer, number] + [pointer] * 8,
        "gather": [pointer] + [number] * 2 + [pointer] + [number] * 2 + [pointer] * 3,
        "project": [pointer] + [number] * 2 + [pointer] * 4,
    }
    for name, arguments in signatures.items():
        function = getattr(library, f"anchorstage_backward_{name}")
        function.restype, function.argtypes = None, arguments
    return library
