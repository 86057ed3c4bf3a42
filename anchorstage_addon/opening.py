"""Open, relink and reload a scene folder; keep the overlay in step with files, undo and scenes."""

import tempfile
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from . import cameras, link, overlay, scene_state, status

_file_number = 0  # counts loaded files, so that a job's result does not arrive in another file
_loaded: str = ""  # what the overlay holds or is about to hold: folder and state of its files
_folder_of_arrays: tempfile.TemporaryDirectory[str] | None = None


def file_number() -> int:
    """A number that changes when another file is loaded."""
    return _file_number


def push_undo(message: str) -> None:
    """Make what a timer did one step of undo."""
    manager = bpy.context.window_manager
    if bpy.app.background or not manager.windows:
        return
    with bpy.context.temp_override(window=manager.windows[0]):
        bpy.ops.ed.undo_push(message=message)


def look_through_camera() -> None:
    """Turn the first 3D viewport to the scene's camera."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.spaces.active.region_3d.view_perspective = "CAMERA"
                return


def refresh_overlay(scene: bpy.types.Scene) -> None:
    """Have the engine prepare the scene's splats for the viewport, where they are not loaded yet."""
    global _loaded, _folder_of_arrays
    folder = scene_state.folder(scene)
    if bpy.app.background or folder is None or scene_state.missing_sentence(scene):
        return
    stamp = (folder / "scene.json").stat()
    wanted = f"{folder}|{stamp.st_mtime_ns}|{stamp.st_size}"
    if wanted == _loaded:
        return
    _loaded = wanted
    if _folder_of_arrays is None:
        _folder_of_arrays = tempfile.TemporaryDirectory(prefix="anchorstage-", ignore_cleanup_errors=True)
    output = Path(_folder_of_arrays.name) / "overlay.npy"

    scene_name = scene.name

    def scene_regions() -> Any:
        current = bpy.data.scenes.get(scene_name)
        return current.anchorstage.regions if current is not None else ()

    def arrived(_result: dict[str, Any]) -> None:
        if _loaded == wanted:
            overlay.load_arrays(str(folder), str(output), [tuple(region.color) for region in scene_regions()])

    def failed(error: Exception) -> None:
        global _loaded
        _loaded = ""
        if not isinstance(error, link.Stopped):
            status.tell(str(error), is_error=True)

    link.submit("overlay", {"scene": str(folder), "output": str(output)}, arrived, failed)


class _OpensFolder:
    """What opening and relinking share: a folder chooser, and taking over what the engine says of the folder."""

    directory: StringProperty(name="Scene Folder", subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def take_over(self, scene: bpy.types.Scene, folder: Path) -> dict[str, Any] | None:
        """The engine's summary of the folder, kept in the scene; None where it was refused and reported."""
        try:
            summary = link.call("info", {"scene": str(folder)})
        except (link.EngineError, link.Stopped) as error:
            self.report({"ERROR"}, str(error))
            return None
        scene_state.remember(scene, summary)
        refresh_overlay(scene)
        return summary


class ANCHORSTAGE_OT_open_scene(_OpensFolder, bpy.types.Operator):
    """Open a NAME.anchorstage folder in this Blender scene"""

    bl_idname = "anchorstage.open_scene"
    bl_label = "Open Scene…"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        summary = self.take_over(context.scene, Path(bpy.path.abspath(self.directory)))
        if summary is None:
            return {"CANCELLED"}
        cameras.place_photo_camera(context.scene, summary)
        look_through_camera()
        status.tell(f"{summary['name']}: {summary['splats']:,} splats opened.")
        return {"FINISHED"}


class ANCHORSTAGE_OT_relink(_OpensFolder, bpy.types.Operator):
    """Point this Blender scene at the folder's new place; cameras and keyframes stay"""

    bl_idname = "anchorstage.relink"
    bl_label = "Relink…"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        summary = self.take_over(context.scene, Path(bpy.path.abspath(self.directory)))
        return {"CANCELLED"} if summary is None else {"FINISHED"}


class ANCHORSTAGE_PT_scene(bpy.types.Panel):
    """The scene behind the splats"""

    bl_idname = "ANCHORSTAGE_PT_scene"
    bl_label = "Scene"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "AnchorStage"
    bl_order = 10

    def draw(self, context: bpy.types.Context) -> None:
        layout, state = self.layout, context.scene.anchorstage
        layout.operator("anchorstage.open_scene", icon="FILE_FOLDER")
        if not state.path:
            return
        problem = scene_state.missing_sentence(context.scene)
        if problem:
            status.wrapped(layout, problem, icon="ERROR")
            layout.operator("anchorstage.relink", icon="FILE_REFRESH")
            return
        column = layout.column(align=True)
        column.label(text=state.title, icon="SCENE_DATA")
        column.label(text=f"{state.splats:,} splats, confidence {state.confidence:.2f}")
        for sentence in filter(None, state.warnings.split("\n")):
            status.wrapped(layout, sentence, icon="INFO")


@bpy.app.handlers.persistent
def _after_load(*_: Any) -> None:
    global _file_number, _loaded
    _file_number += 1
    _loaded = ""
    overlay.clear()
    _follow()


@bpy.app.handlers.persistent
def _follow(*_: Any) -> None:
    """After undo, redo or a load: the overlay shows what the scene now says."""
    if bpy.context.scene is not None:
        refresh_overlay(bpy.context.scene)


_CLASSES = (ANCHORSTAGE_OT_open_scene, ANCHORSTAGE_OT_relink, ANCHORSTAGE_PT_scene)
_HANDLERS = (("load_post", _after_load), ("undo_post", _follow), ("redo_post", _follow))


def register() -> None:
    """Register operators, panel and handlers."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Undo `register`."""
    global _loaded, _folder_of_arrays
    for name, handler in _HANDLERS:
        if handler in getattr(bpy.app.handlers, name):
            getattr(bpy.app.handlers, name).remove(handler)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    _loaded = ""
    if _folder_of_arrays is not None:
        _folder_of_arrays.cleanup()
        _folder_of_arrays = None
