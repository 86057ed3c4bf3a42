"""Conversions between Blender's conventions and the engine's (docs/conventions.md).

No other file of the add-on converts.
"""

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector

# OpenCV's camera (x right, y down, z forward) to Blender's (x right, y up, looking down -z). It
# turns by 180° around x, so it is its own inverse.
_FLIP = Matrix.Diagonal((1.0, -1.0, -1.0, 1.0))

UNSUPPORTED_LENS = (
    "The camera “{name}” is {kind}; AnchorStage renders perspective cameras. "
    "Set its type to Perspective."
)
_KINDS = {"ORTHO": "orthographic", "PANO": "panoramic"}


class CameraError(Exception):
    """The camera cannot be rendered; one sentence for the artist."""


def blender_matrix(position: Any, rotation: Any) -> Matrix:
    """Return `matrix_world` of a Blender camera for a pose of the engine.

    Args:
        position: (3,) metres, world.
        rotation: (4,) w x y z, world from the camera's OpenCV frame.
    """
    translation = Matrix.Translation(Vector(position))
    turn = Quaternion(rotation).to_matrix().to_4x4()
    return translation @ turn @ _FLIP


def engine_matrix(matrix_world: Matrix) -> np.ndarray:
    """Return `world_from_camera` (4, 4), OpenCV frame, of a Blender camera.

    The engine's cameras are rigid: scale and shear are dropped.
    """
    location, rotation, _ = matrix_world.decompose()
    translation = Matrix.Translation(location)
    turn = rotation.to_matrix().to_4x4()
    return np.array(translation @ turn @ _FLIP)


def set_lens(data: bpy.types.Camera, record: dict[str, Any]) -> None:
    """Give a Blender camera the lens of the engine's camera record."""
    data.type = "PERSP"
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = record["sensor_width"]
    data.lens = record["focal_length"]
    data.shift_x, data.shift_y = record["shift"]


def view_of_camera(
    camera: bpy.types.Object, depsgraph: bpy.types.Depsgraph, width: int, height: int
) -> dict[str, Any]:
    """Return the wire's view of an evaluated Blender camera.

    Args:
        camera: evaluated.
        depsgraph: the one that it comes from.
        width: of the whole frame, pixels.
        height: of the whole frame, pixels.

    Raises:
        CameraError: it is orthographic or panoramic.
    """
    if camera.data.type != "PERSP":
        kind = _KINDS.get(camera.data.type, camera.data.type.lower())
        raise CameraError(UNSUPPORTED_LENS.format(name=camera.name, kind=kind))
    render = depsgraph.scene.render
    projection = camera.calc_matrix_camera(
        depsgraph,
        x=width,
        y=height,
        scale_x=render.pixel_aspect_x,
        scale_y=render.pixel_aspect_y,
    )
    # Clip space is 2 wide and 2 high, with y up; the engine counts pixels from the upper left.
    fx = projection[0][0] * width / 2
    fy = projection[1][1] * height / 2
    cx = (1 - projection[0][2]) * width / 2
    cy = (1 + projection[1][2]) * height / 2
    world_from_camera = engine_matrix(camera.matrix_world)
    return {
        "fx": fx,
        "fy": fy,
        "cx": cx,
        "cy": cy,
        "width": width,
        "height": height,
        "world_from_camera": [float(entry) for entry in world_from_camera.ravel()],
    }


def camera_record(camera: bpy.types.Object, view: dict[str, Any]) -> dict[str, Any]:
    """Return the engine's camera record of a Blender camera that gave this view."""
    opencv_pose = camera.matrix_world @ _FLIP
    location, rotation, _ = opencv_pose.decompose()
    width = view["width"]
    height = view["height"]
    focal_length = camera.data.lens
    # The sensor's width in millimetres goes with the picture's width, whichever side Blender
    # fits the sensor to.
    sensor_width = focal_length * width / view["fx"]
    # The principal point's distance from the picture's middle, as Blender measures a shift.
    shift_x = (width / 2 - view["cx"]) / width
    shift_y = (view["cy"] - height / 2) / width
    return {
        "id": camera.name,
        "position": list(location),
        "rotation": list(rotation),
        "focal_length": focal_length,
        "sensor_width": sensor_width,
        "aspect_ratio": width / height,
        "shift": [shift_x, shift_y],
    }


def bottom_up(plane: np.ndarray) -> np.ndarray:
    """Return a plane as Blender's passes want it: flat, bottom row first, float32.

    Args:
        plane: (H, W, C), top row first.
    """
    return np.ascontiguousarray(plane[::-1], np.float32).ravel()
