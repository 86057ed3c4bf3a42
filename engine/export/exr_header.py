"""A frame's header: OpenEXR's standard attributes for the camera, and ours under `anchorstage/`.

Matrices are Imath's: a row vector times the matrix, p' = p M. Meanings and units are those of
OpenEXR's own documentation ("Standard Attributes"): camera space is x right, y up, z forward, so it
is left-handed, as in RenderMan; the readers that Nuke artists use expect exactly this. NDC is 0..1
from the upper left corner of the display window to the lower right one. Lengths of lens and sensor
are millimetres.
"""

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ..camera import FULL_FRAME_WIDTH_MM, Camera, View
from ..colour import REC709_CHROMATICITIES

NEAR = 0.01  # metres; z of worldToNDC is 0 here and 1 at infinity
PREFIX = "anchorstage/"

_FLIP_Y = np.diag([1.0, -1.0, 1.0, 1.0])
_INT_LIMIT = 2**31
# Two focal lengths this near are the same: Blender's projection matrix is single precision.
_SQUARE = 1e-5
# People write 23.98 for 24000/1001.
_NTSC = 0.005


def frame_rate(fps: float | Fraction) -> Fraction:
    """Return frames a second as the rational number that is meant.

    23.976 and 29.97 are NTSC's 24000/1001 and 30000/1001.
    """
    rate = float(fps)
    nearest_thousand = round(rate * 1001 / 1000) * 1000
    ntsc = Fraction(nearest_thousand, 1001)
    is_whole = rate == round(rate)
    if not is_whole and abs(float(ntsc) - rate) < _NTSC:
        return ntsc
    return Fraction(fps).limit_denominator(1001)


def world_to_camera(view: View) -> np.ndarray:
    """Return the matrix from world metres to camera space, x right, y up, z forward.

    Returns:
        (4, 4) float64, for row vectors.
    """
    return (_FLIP_Y @ view.camera_from_world).T


def world_to_ndc(view: View) -> np.ndarray:
    """Return the matrix from world metres to normalised device coordinates.

    Returns:
        (4, 4) float64, for row vectors; after the division by w, x and y are 0..1 from the upper
        left corner.
    """
    # The intrinsics in shares of the picture's size.
    fx = view.fx / view.width
    fy = view.fy / view.height
    cx = view.cx / view.width
    cy = view.cy / view.height
    projection = np.array(
        [
            [fx, 0, cx, 0],
            [0, fy, cy, 0],
            [0, 0, 1, -NEAR],
            [0, 0, 1, 0],
        ]
    )
    return (projection @ view.camera_from_world).T


def header(
    view: View,
    camera: Camera | None,
    frame: int,
    fps: float | Fraction,
    metadata: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the attributes of one frame.

    They have the types that OpenEXR's Python door maps to the standard's.

    Args:
        view: the picture's pinhole.
        camera: whose sensor width in millimetres the lens is given for; a full frame where there
            is none.
        frame: the frame's number.
        fps: frames a second.
        metadata: written as `anchorstage/<name>`; None and empty text are left out.

    Returns:
        Attribute names to values for `write_exr`.
    """
    sensor_width = camera.sensor_width if camera else FULL_FRAME_WIDTH_MM
    focal_length_mm = view.fx / view.width * sensor_width
    pixel_aspect = view.fy / view.fx
    sensor_height = sensor_width * view.height / view.width / pixel_aspect
    if abs(pixel_aspect - 1) < _SQUARE:
        pixel_aspect = 1.0
    attributes = {
        "worldToCamera": np.ascontiguousarray(world_to_camera(view), np.float32),
        "worldToNDC": np.ascontiguousarray(world_to_ndc(view), np.float32),
        "pinholeFocalLength": float(focal_length_mm),
        "sensorOverallDimensions": np.array([sensor_width, sensor_height], np.float32),
        "framesPerSecond": frame_rate(fps),
        "imageCounter": int(frame),
        "chromaticities": REC709_CHROMATICITIES,
        "pixelAspectRatio": float(pixel_aspect),
    }
    if camera is not None:
        metadata = {"camera": camera.id, **metadata}
    for name, value in metadata.items():
        if value not in (None, ""):
            attributes[PREFIX + name] = _attribute(value)
    return attributes


def _attribute(value: Any) -> Any:
    """Convert a value to the nearest type that OpenEXR stores; to JSON where there is none."""
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, int | np.integer) and -_INT_LIMIT <= value < _INT_LIMIT:
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
