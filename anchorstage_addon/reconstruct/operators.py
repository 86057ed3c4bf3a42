"""Operators: reconstruct from a file, a dropped photo or the active image; cancel."""

import tempfile
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from .. import link, preferences, scene_state
from .arriving import arrive
from .starting import default_folder, start

EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".exr", ".hdr")


def running() -> link.Task | None:
    """The reconstruction under way, if any."""
    return next((task for task in link.tasks() if task.job == "reconstruct"), None)


class ANCHORSTAGE_OT_reconstruct(bpy.types.Operator, ImportHelper):
    """Turn a photo into a metric scene of Gaussian splats, with the photo's camera"""

    bl_idname = "anchorstage.reconstruct"
    bl_label = "Reconstruct from Image"
    bl_options = {"REGISTER"}

    filter_glob: StringProperty(
        default=";".join(f"*{extension}" for extension in EXTENSIONS), options={"HIDDEN"}
    )
    output: StringProperty(
        name="Scene Folder",
        description="Where the scene is written; empty: beside the .blend, or beside the photo",
        subtype="DIR_PATH",
        options={"SKIP_SAVE"},
    )
    overwrite: BoolProperty(
        name="Overwrite",
        description="Replace an existing scene of that name",
        default=False,
        options={"SKIP_SAVE"},
    )
    focal_mm: FloatProperty(
        name="Focal Length",
        description="Focal length for a 36 mm wide frame; 0: from the photo's EXIF, else estimated",
        default=0.0,
        min=0.0,
        soft_max=300.0,
        options={"SKIP_SAVE"},
    )
    camera_height: FloatProperty(
        name="Camera Height",
        description=(
            "Metres between the ground and the camera, which fixes the scale; "
            "0: a standing photographer's"
        ),
        default=0.0,
        min=0.0,
        soft_max=100.0,
        subtype="DISTANCE",
        options={"SKIP_SAVE"},
    )
    max_splats: IntProperty(
        name="Splats",
        description="At most so many; 0: as the preferences say",
        default=0,
        min=0,
        max=preferences.MOST_SPLATS,
    )
    set_up_render: BoolProperty(
        name="Set Up Render",
        description=(
            "The AnchorStage engine, the photo's size, and the view transform that shows "
            "a render as the photo is"
        ),
        default=True,
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if running() is not None:
            cls.poll_message_set("A reconstruction is under way")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        photo = scene_state.absolute(self.filepath)
        if not self.filepath or not photo.is_file():
            self.report({"ERROR"}, f"“{photo.name}” is not a file. Choose a photo.")
            return {"CANCELLED"}
        if not bpy.app.background:
            start(context.scene, photo, self._args(photo), self.set_up_render)
            return {"FINISHED"}
        try:
            result = link.call("reconstruct", self._args(photo), lends={"photo": photo})
        except (link.EngineError, link.Stopped) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        arrive(context.scene, result, self.set_up_render)
        return {"FINISHED"}

    def _args(self, photo: Path) -> dict[str, Any]:
        """The job's options; 0 and an empty folder stand for "not given"."""
        chosen = preferences.get()
        budget = chosen.max_splats if chosen else None
        folder = scene_state.absolute(self.output) if self.output else default_folder(photo)
        return {
            "output": str(folder),
            "overwrite": self.overwrite,
            "focal_mm": self.focal_mm or None,
            "camera_height": self.camera_height or None,
            "max_splats": self.max_splats or budget,
        }


class ANCHORSTAGE_OT_reconstruct_image(bpy.types.Operator):
    """Reconstruct from the image that the Image Editor shows"""

    bl_idname = "anchorstage.reconstruct_image"
    bl_label = "Reconstruct from Active Image"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return running() is None and active_image(context) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        image = active_image(context)
        path = scene_state.absolute(image.filepath_from_user()) if image.filepath else None
        if path is not None and path.is_file() and not image.is_dirty and image.packed_file is None:
            return bpy.ops.anchorstage.reconstruct(filepath=str(path))
        try:
            path = _unpacked(image)
        except (RuntimeError, OSError):
            self.report(
                {"ERROR"},
                f"The pixels of “{image.name}” are gone and its file is missing. "
                "Load the image again.",
            )
            return {"CANCELLED"}
        # Not beside that file: it disappears with Blender.
        output = str(default_folder(path, beside_photo=False))
        return bpy.ops.anchorstage.reconstruct(filepath=str(path), output=output)


def active_image(context: bpy.types.Context) -> bpy.types.Image | None:
    """The image of the first Image Editor on the screen, if it is a picture."""
    for area in context.screen.areas if context.screen else ():
        image = area.spaces.active.image if area.type == "IMAGE_EDITOR" else None
        if (
            image is not None
            and image.source in {"FILE", "GENERATED"}
            and image.type in {"IMAGE", "UV_TEST"}
        ):
            return image
    return None


def _unpacked(image: bpy.types.Image) -> Path:
    """Write the pixels of an image that lives in the .blend alone to a file.

    Blender deletes it when it quits.
    """
    folder = Path(tempfile.mkdtemp(prefix="anchorstage-", dir=bpy.app.tempdir))
    name = bpy.path.clean_name(Path(image.name).stem) or "image"
    path = folder / f"{name}{'.exr' if image.is_float else '.png'}"
    copy = image.copy()
    copy.file_format = "OPEN_EXR" if image.is_float else "PNG"
    try:
        copy.save(filepath=str(path))
    finally:
        bpy.data.images.remove(copy)
    return path


class ANCHORSTAGE_OT_cancel(bpy.types.Operator):
    """Stop the engine's work; nothing is written"""

    bl_idname = "anchorstage.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    number: IntProperty(
        name="Job", description="Which job, by its number; 0: all", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return bool(link.tasks())

    def execute(self, _context: bpy.types.Context) -> set[str]:
        for task in link.tasks():
            if self.number in (0, task.number):
                task.cancel()
        return {"FINISHED"}


class ANCHORSTAGE_FH_photo(bpy.types.FileHandler):
    """Dropping a photo on the viewport offers to reconstruct it"""

    bl_idname = "ANCHORSTAGE_FH_photo"
    bl_label = "Reconstruct with AnchorStage"
    bl_import_operator = "anchorstage.reconstruct"
    bl_file_extensions = ";".join(EXTENSIONS)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


register, unregister = bpy.utils.register_classes_factory(
    (
        ANCHORSTAGE_OT_reconstruct,
        ANCHORSTAGE_OT_reconstruct_image,
        ANCHORSTAGE_OT_cancel,
        ANCHORSTAGE_FH_photo,
    )
)
