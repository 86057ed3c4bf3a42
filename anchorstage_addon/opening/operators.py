"""Operators that open a scene's folder: open, relink, restore the photo's camera.

Each asks the engine what the folder holds. In a window Blender goes on meanwhile, and the answer
arrives as a step of undo; without one nobody waits, and the operator does.
"""

from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from .. import cameras, link, scene_state
from ..ui import status
from .follow import file_number, refresh_overlay
from .window import look_through_camera, push_undo

Arrive = Callable[[bpy.types.Scene, link.Result], None]


class _OpensFolder:
    """The operators' common part: a folder chooser, and the question to the engine."""

    directory: StringProperty(name="Scene Folder", subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        # The scene that is being made would arrive after the one that is opened, and take its
        # place.
        if any(task.job == "reconstruct" for task in link.tasks()):
            cls.poll_message_set("A reconstruction is under way")
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def take_over(self, scene: bpy.types.Scene, folder: Path | None, arrive: Arrive) -> set[str]:
        """Ask the engine what a folder holds, keep that, then do what the operator is for."""
        if folder is None:
            return {"CANCELLED"}
        if not bpy.app.background:
            _ask(scene, folder, self.bl_label, arrive)
            return {"FINISHED"}
        try:
            summary = link.call("info", {"scene": str(folder)})
        except (link.EngineError, link.Stopped) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        scene_state.remember(scene, summary)
        arrive(scene, summary)
        return {"FINISHED"}


def _ask(scene: bpy.types.Scene, folder: Path, label: str, arrive: Arrive) -> None:
    """Ask without waiting; the answer arrives in the scene, if that still exists then."""
    scene_name = scene.name
    file = file_number()

    def arrived(summary: link.Result) -> None:
        target = bpy.data.scenes.get(scene_name)
        if target is None or file != file_number():
            return
        scene_state.remember(target, summary)
        refresh_overlay(target)
        arrive(target, summary)
        push_undo(label.removesuffix("…"))

    def failed(error: Exception) -> None:
        if not isinstance(error, link.Stopped):
            status.tell(str(error), is_error=True)

    link.submit("info", {"scene": str(folder)}, arrived, failed)


class ANCHORSTAGE_OT_open_scene(_OpensFolder, bpy.types.Operator):
    """Open a NAME.anchorstage folder in this Blender scene"""

    bl_idname = "anchorstage.open_scene"
    bl_label = "Open Scene…"
    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.take_over(context.scene, scene_state.absolute(self.directory), _open)


def _open(scene: bpy.types.Scene, summary: link.Result) -> None:
    cameras.place_photo_camera(scene, summary)
    look_through_camera(scene)
    status.tell(f"{summary['name']}: {summary['splats']:,} splats opened.")


class ANCHORSTAGE_OT_relink(_OpensFolder, bpy.types.Operator):
    """Point this Blender scene at the folder's new place; cameras and keyframes stay"""

    bl_idname = "anchorstage.relink"
    bl_label = "Relink…"
    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        folder = scene_state.absolute(self.directory)
        return self.take_over(context.scene, folder, cameras.show_photo)


class ANCHORSTAGE_OT_restore_photo_camera(_OpensFolder, bpy.types.Operator):
    """Bring back the photo's camera, where it was deleted or this Blender scene never had one"""

    bl_idname = "anchorstage.restore_photo_camera"
    bl_label = "Photo Camera"
    bl_options = {"REGISTER"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        folder = scene_state.folder(context.scene)
        return self.take_over(context.scene, folder, cameras.place_photo_camera)


register, unregister = bpy.utils.register_classes_factory(
    (ANCHORSTAGE_OT_open_scene, ANCHORSTAGE_OT_relink, ANCHORSTAGE_OT_restore_photo_camera)
)
