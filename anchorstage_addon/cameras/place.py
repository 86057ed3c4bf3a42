"""The photo's camera in Blender, with the photo behind it; a shot camera to move; back to the photo."""

import json
from pathlib import Path
from typing import Any

import bpy

from .. import convert, scene_state
from .keys import can_change

PHOTO_CAMERA_NAME = "AnchorStage Photo"
SHOT_CAMERA_NAME = "AnchorStage Shot"
_RECORD = "anchorstage_camera"  # custom property: the engine's record, to come back to
_CLIP_END = 100_000.0  # metres: the sky's backdrop must not be cut
_FRAME_SIZE = 0.5  # metres: how large the camera is drawn


def place_photo_camera(scene: bpy.types.Scene, summary: dict[str, Any]) -> bpy.types.Object:
    """Make or update the photo's camera, exact to the pixel, with the photo as its background; make it active."""
    camera = _photo_camera(scene) or _new_camera(scene, PHOTO_CAMERA_NAME)
    camera[_RECORD] = json.dumps(summary["camera"])
    _apply_record(camera, camera)
    _set_background(camera.data, summary["photo"])
    scene.camera = camera
    return camera


def has_photo_camera(scene: bpy.types.Scene) -> bool:
    """Whether the scene has the camera that took the photo."""
    return _photo_camera(scene) is not None


def show_photo(scene: bpy.types.Scene, summary: dict[str, Any]) -> None:
    """Give the photo's camera its background again, where the scene's folder has moved."""
    camera = _photo_camera(scene)
    if camera is not None:
        _set_background(camera.data, summary["photo"])


def _photo_camera(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The photo's camera; one linked from another file would lose every change, so it is none of ours."""
    cameras = (ob for ob in scene.objects if ob.type == "CAMERA" and _RECORD in ob)
    return next(
        (camera for camera in cameras if camera.is_editable and camera.data.is_editable), None
    )


def _new_camera(scene: bpy.types.Scene, name: str) -> bpy.types.Object:
    data = bpy.data.cameras.new(name)
    data.clip_start, data.clip_end = 0.01, _CLIP_END
    data.display_size = _FRAME_SIZE
    data.passepartout_alpha = 0.8
    camera = bpy.data.objects.new(name, data)
    scene.collection.objects.link(camera)
    return camera


def _apply_record(photo: bpy.types.Object, camera: bpy.types.Object) -> None:
    """Put a camera where the photo's was, with its lens."""
    record = json.loads(photo[_RECORD])
    camera.matrix_world = convert.blender_matrix(record["position"], record["rotation"])
    convert.set_lens(camera.data, record)


def _set_background(data: bpy.types.Camera, photo: str) -> None:
    if not photo:
        return
    try:
        image = bpy.data.images.load(photo, check_existing=True)
        image.reload()  # an overwritten scene has another photo under the same name
        image.filepath = scene_state.stored_path(Path(photo))
    except RuntimeError:
        return  # a format that Blender cannot show; the splats show it
    background = (
        data.background_images[0] if data.background_images else data.background_images.new()
    )
    background.image = image
    background.alpha = 0.5
    background.frame_method = "FIT"
    background.display_depth = "BACK"
    data.show_background_images = True


def is_photo_camera(camera: bpy.types.Object | None) -> bool:
    """Whether it is the camera that took the photo."""
    return camera is not None and _RECORD in camera


class ANCHORSTAGE_OT_add_camera(bpy.types.Operator):
    """Add a camera where the active one stands, to move without losing the photo's"""

    bl_idname = "anchorstage.add_camera"
    bl_label = "New Shot Camera"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.camera is not None and context.scene.camera.type == "CAMERA"

    def execute(self, context: bpy.types.Context) -> set[str]:
        source = context.scene.camera
        camera = _new_camera(context.scene, SHOT_CAMERA_NAME)
        camera.matrix_world = source.matrix_world
        for name in (
            "type",
            "lens",
            "sensor_fit",
            "sensor_width",
            "sensor_height",
            "shift_x",
            "shift_y",
        ):
            setattr(camera.data, name, getattr(source.data, name))
        context.scene.camera = camera
        for other in context.selected_objects:
            other.select_set(False)
        if camera.name in context.view_layer.objects:  # so that the timeline shows its keys
            camera.select_set(True)
            context.view_layer.objects.active = camera
        return {"FINISHED"}


class ANCHORSTAGE_OT_reset_camera(bpy.types.Operator):
    """Put the active camera back where the photo was taken, with the photo's lens"""

    bl_idname = "anchorstage.reset_camera"
    bl_label = "Back to the Photo"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_change(cls, context, lens=True) and _photo_camera(context.scene) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        _apply_record(_photo_camera(context.scene), context.scene.camera)
        return {"FINISHED"}


_CLASSES = (ANCHORSTAGE_OT_add_camera, ANCHORSTAGE_OT_reset_camera)


def register() -> None:
    """Register the operators."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    """Undo `register`."""
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
