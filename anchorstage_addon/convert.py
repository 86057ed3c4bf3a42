"""The one file that converts between Blender's conventions and the engine's (docs/conventions.md)."""

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector

# OpenCV's camera (x right, y down, z forward) to Blender's (x right, y up, looking down -z), and back.
_FLIP = Matrix.Diagonal((1.0, -1.0, -1.0, 1.0))

UNSUPPORTED_LENS = "The camera “{name}” is {type}; AnchorStage renders perspective cameras. Set its type to Perspective."


class CameraError(Exception):
    """The camera cannot be rendered; one sentence for the artist."""


def blender_matrix(position: Any, rotation: Any) -> Matrix:
    """`matrix_world` of a Blender camera from the engine's position (3) and rotation (w x y z, OpenCV frame)."""
    return Matrix.Translation(Vector(position)) @ Quaternion(rotation).to_matrix().to_4x4() @ _FLIP


def engine_matrix(matrix_world: Matrix) -> np.ndarray:
    """`world_from_camera` (4, 4), OpenCV frame, of a Blender camera; scale and shear are dropped."""
    location, rotation, _ = matrix_world.decompose()
    return np.array(Matrix.Translation(location) @ rotation.to_matrix().to_4x4() @ _FLIP)


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
    """The wire's view of an evaluated Blender camera, for a whole frame of `width` x `height` pixels.

    Raises:
        CameraError: it is orthographic or panoramic.
    """
    if camera.data.type != "PERSP":
        kind = {"ORTHO": "orthographic", "PANO": "panoramic"}.get(
            camera.data.type, camera.data.type.lower()
        )
        raise CameraError(UNSUPPORTED_LENS.format(name=camera.name, type=kind))
    render = depsgraph.scene.render
    projection = camera.calc_matrix_camera(
        depsgraph, x=width, y=height, scale_x=render.pixel_aspect_x, scale_y=render.pixel_aspect_y
    )
    return {
        "fx": projection[0][0] * width / 2,
        "fy": projection[1][1] * height / 2,
        "cx": (1 - projection[0][2]) * width / 2,
        "cy": (1 + projection[1][2]) * height / 2,
        "width": width,
        "height": height,
        "world_from_camera": [float(x) for x in engine_matrix(camera.matrix_world).ravel()],
    }


def camera_record(camera: bpy.types.Object, view: dict[str, Any]) -> dict[str, Any]:
    """The engine's camera record of a Blender camera that gave this view."""
    location, rotation, _ = (camera.matrix_world @ _FLIP).decompose()
    width, height, lens = view["width"], view["height"], camera.data.lens
    return {
        "id": camera.name,
        "position": list(location),
        "rotation": list(rotation),
        "focal_length": lens,
        "sensor_width": lens
        * width
        / view["fx"],  # of the picture's width, whichever side the sensor is fitted to
        "aspect_ratio": width / height,
        "shift": [(width / 2 - view["cx"]) / width, (view["cy"] - height / 2) / width],
    }


def bottom_up(plane: np.ndarray) -> np.ndarray:
    """A plane (H, W, C), top row first, as Blender's passes want it: flat, bottom row first, float32."""
    return np.ascontiguousarray(plane[::-1], np.float32).ravel()
