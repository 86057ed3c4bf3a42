"""The photo's camera in Blender with the photo behind it, and a shot camera to move."""

import json
from pathlib import Path
from typing import Any

import bpy

from .. import convert, scene_state
from .keys import can_change

PHOTO_CAMERA_NAME = "AnchorStage Photo"
SHOT_CAMERA_NAME = "AnchorStage Shot"
_RECORD = "anchorstage_camera"  # custom property: the engine's record, to come back to
_CLIP_START = 0.01  # metres: moves into the scene may come close to its splats
_CLIP_END = 100_000.0  # metres: the sky's backdrop must not be cut
_FRAME_SIZE = 0.5  # metres: the size of the camera's drawing in the viewport
_PASSEPARTOUT_ALPHA = 0.8  # of the darkening outside the frame
_BACKGROUND_ALPHA = 0.5  # of the photo, so that it is not taken for the splats before it

# The properties of a camera's data that make its lens.
_LENS_PROPERTIES = (
    "type",
    "lens",
    "sensor_fit",
    "sensor_width",
    "sensor_height",
    "shift_x",
    "shift_y",
)


def place_photo_camera(scene: bpy.types.Scene, summary: dict[str, Any]) -> bpy.types.Object:
    """Make or update the photo's camera, exact to the pixel, and make it the active one.

    Args:
        scene: the Blender scene.
        summary: of the engine's scene: `camera` gives pose and lens, `photo` the background.
    """
    camera = _photo_camera(scene) or _new_camera(scene, PHOTO_CAMERA_NAME)
    camera[_RECORD] = json.dumps(summary["camera"])
    _apply_record(camera, camera)
    _set_background(camera.data, summary["photo"])
    scene.camera = camera
    return camera


def has_photo_camera(scene: bpy.types.Scene) -> bool:
    """Return True where the scene has the camera that took the photo."""
    return _photo_camera(scene) is not None


def show_photo(scene: bpy.types.Scene, summary: dict[str, Any]) -> None:
    """Give the photo's camera its background again, where the scene's folder has moved."""
    camera = _photo_camera(scene)
    if camera is not None:
        _set_background(camera.data, summary["photo"])


def _photo_camera(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """Find the photo's camera.

    One linked from another file would lose every change, so it is not ours to use.
    """
    for camera in scene.objects:
        if camera.type != "CAMERA" or _RECORD not in camera:
            continue
        if camera.is_editable and camera.data.is_editable:
            return camera
    return None


def _new_camera(scene: bpy.types.Scene, name: str) -> bpy.types.Object:
    """Add a camera to a scene."""
    data = bpy.data.cameras.new(name)
    data.clip_start = _CLIP_START
    data.clip_end = _CLIP_END
    data.display_size = _FRAME_SIZE
    data.passepartout_alpha = _PASSEPARTOUT_ALPHA
    camera = bpy.data.objects.new(name, data)
    scene.collection.objects.link(camera)
    return camera


def _apply_record(photo: bpy.types.Object, camera: bpy.types.Object) -> None:
    """Put a camera where the photo's was, with its lens."""
    record = json.loads(photo[_RECORD])
    camera.matrix_world = convert.blender_matrix(record["position"], record["rotation"])
    convert.set_lens(camera.data, record)


def _set_background(data: bpy.types.Camera, photo: str) -> None:
    """Show the photo behind what its camera sees."""
    if not photo:
        return
    try:
        image = bpy.data.images.load(photo, check_existing=True)
        # An overwritten scene has another photo under the same name.
        image.reload()
        image.filepath = scene_state.stored_path(Path(photo))
    except RuntimeError:
        return  # a format that Blender cannot show; the splats show it
    # One background, reused: a second one would lie over the first.
    backgrounds = data.background_images
    background = backgrounds[0] if backgrounds else backgrounds.new()
    background.image = image
    background.alpha = _BACKGROUND_ALPHA
    background.frame_method = "FIT"
    background.display_depth = "BACK"
    data.show_background_images = True


def is_photo_camera(camera: bpy.types.Object | None) -> bool:
    """Return True for the camera that took the photo."""
    return camera is not None and _RECORD in camera


class ANCHORSTAGE_OT_add_camera(bpy.types.Operator):
    """Add a camera where the active one stands, to move without losing the photo's"""

    bl_idname = "anchorstage.add_camera"
    bl_label = "New Shot Camera"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        camera = context.scene.camera
        return camera is not None and camera.type == "CAMERA"

    def execute(self, context: bpy.types.Context) -> set[str]:
        source = context.scene.camera
        camera = _new_camera(context.scene, SHOT_CAMERA_NAME)
        camera.matrix_world = source.matrix_world
        for name in _LENS_PROPERTIES:
            setattr(camera.data, name, getattr(source.data, name))
        context.scene.camera = camera
        self._select(context, camera)
        return {"FINISHED"}

    def _select(self, context: bpy.types.Context, camera: bpy.types.Object) -> None:
        """Select the camera alone, so that the timeline shows its keys."""
        for selected in context.selected_objects:
            selected.select_set(False)
        # Its collection may be excluded from the view layer.
        if camera.name in context.view_layer.objects:
            camera.select_set(True)
            context.view_layer.objects.active = camera


class ANCHORSTAGE_OT_reset_camera(bpy.types.Operator):
    """Put the active camera back where the photo was taken, with the photo's lens"""

    bl_idname = "anchorstage.reset_camera"
    bl_label = "Back to the Photo"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_change(cls, context, lens=True) and has_photo_camera(context.scene)

    def execute(self, context: bpy.types.Context) -> set[str]:
        _apply_record(_photo_camera(context.scene), context.scene.camera)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (ANCHORSTAGE_OT_add_camera, ANCHORSTAGE_OT_reset_camera)
)
