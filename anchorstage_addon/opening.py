"""Open, relink and reload a scene folder; keep the overlay in step with files, undo and scenes."""

import tempfile
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from . import cameras, link, overlay, scene_state, status

_file_number = 0  # counts loaded files, so that a job's result does not arrive in another file
_stamps: dict[
    str, tuple[int, int]
] = {}  # by folder: the state of the files that the overlay holds or waits for
_arrays: tempfile.TemporaryDirectory[str] | None = (
    None  # where the engine leaves the overlay's arrays
)
_owner = object()  # of the subscription below
_SAME_SCALE = 1e-6
_UNITS = "The unit scale is not 1, so lengths show wrong: set Scene Properties > Units > Unit Scale to 1 for metres."


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


def look_through_camera(scene: bpy.types.Scene) -> None:
    """Turn the first 3D viewport that shows the scene to its camera."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas if window.scene == scene else ():
            if area.type == "VIEW_3D":
                area.spaces.active.region_3d.view_perspective = "CAMERA"
                return


def refresh_overlay(scene: bpy.types.Scene) -> None:
    """Show the scene's splats in the viewport; where they are not loaded yet, have the engine prepare them."""
    folder = scene_state.folder(scene)
    if bpy.app.background or folder is None or scene_state.missing_sentence(scene):
        return
    key, name, file = str(folder), scene.name, _file_number
    status_on_disk = (folder / "scene.json").stat()
    stamp = (status_on_disk.st_mtime_ns, status_on_disk.st_size)
    if _stamps.get(key) == stamp and (overlay.set_scene(key) or _under_way(key)):
        return
    _stamps[key] = stamp
    try:
        output = Path(_folder_of_arrays()) / f"overlay-{abs(hash((key, stamp)))}.npy"
    except OSError as error:
        _stamps.pop(key, None)
        why = f"there is no place for temporary files ({error.strerror})"
        status.tell(
            f"The splats cannot be shown, for {why}. Free some space and open the scene again.",
            is_error=True,
        )
        return

    def prepare(_result: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"packed": overlay.read(str(output))}
        finally:
            output.unlink(missing_ok=True)

    def arrived(result: dict[str, Any]) -> None:
        target = bpy.data.scenes.get(name)
        if target is not None and file == _file_number:
            overlay.show(
                key,
                result["packed"],
                [tuple(region.color) for region in target.anchorstage.regions],
            )

    def failed(error: Exception) -> None:
        _stamps.pop(key, None)
        if not isinstance(error, link.Stopped):
            status.tell(str(error), is_error=True)

    link.submit("overlay", {"scene": key, "output": str(output)}, arrived, failed, prepare)


def _under_way(key: str) -> bool:
    return any(task.job == "overlay" and task.args["scene"] == key for task in link.tasks())


def _folder_of_arrays() -> str:
    global _arrays
    if _arrays is None:
        _arrays = tempfile.TemporaryDirectory(prefix="anchorstage-", ignore_cleanup_errors=True)
    return _arrays.name


class _OpensFolder:
    """What opening and relinking share: a folder chooser, and taking over what the engine says of the folder."""

    directory: StringProperty(name="Scene Folder", subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if any(
            task.job == "reconstruct" for task in link.tasks()
        ):  # the engine would answer after it, Blender stand still
            cls.poll_message_set("A reconstruction is under way")
            return False
        return True

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
        summary = self.take_over(context.scene, scene_state.absolute(self.directory))
        if summary is None:
            return {"CANCELLED"}
        cameras.place_photo_camera(context.scene, summary)
        look_through_camera(context.scene)
        status.tell(f"{summary['name']}: {summary['splats']:,} splats opened.")
        return {"FINISHED"}


class ANCHORSTAGE_OT_relink(_OpensFolder, bpy.types.Operator):
    """Point this Blender scene at the folder's new place; cameras and keyframes stay"""

    bl_idname = "anchorstage.relink"
    bl_label = "Relink…"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        summary = self.take_over(context.scene, scene_state.absolute(self.directory))
        if summary is None:
            return {"CANCELLED"}
        cameras.show_photo(context.scene, summary)
        return {"FINISHED"}


class ANCHORSTAGE_OT_restore_photo_camera(_OpensFolder, bpy.types.Operator):
    """Bring back the photo's camera, where it was deleted or this Blender scene never had one"""

    bl_idname = "anchorstage.restore_photo_camera"
    bl_label = "Photo Camera"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        folder = scene_state.folder(context.scene)
        summary = self.take_over(context.scene, folder) if folder is not None else None
        if summary is None:
            return {"CANCELLED"}
        cameras.place_photo_camera(context.scene, summary)
        return {"FINISHED"}


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
        if abs(context.scene.unit_settings.scale_length - 1) > _SAME_SCALE:
            status.wrapped(layout, _UNITS, icon="ERROR")
        status.wrapped(layout, f"Depth: {state.depth_source}")
        for sentence in filter(None, state.warnings.split("\n")):
            status.wrapped(layout, sentence, icon="INFO")
        if not cameras.has_photo_camera(context.scene):
            layout.operator("anchorstage.restore_photo_camera", icon="OUTLINER_OB_CAMERA")


@bpy.app.handlers.persistent
def _after_load(*_: Any) -> None:
    global _file_number
    _file_number += 1
    _stamps.clear()
    status.dismiss()  # it was about the other file
    overlay.clear()
    _subscribe()  # a load ends subscriptions
    _follow()


@bpy.app.handlers.persistent
def _follow(*_: Any) -> None:
    """After undo, redo, a load, or another scene in a window: the overlay shows what the scenes now say."""
    for scene in {window.scene for window in bpy.context.window_manager.windows}:
        refresh_overlay(scene)


def _subscribe() -> None:
    bpy.msgbus.clear_by_owner(_owner)
    bpy.msgbus.subscribe_rna(key=(bpy.types.Window, "scene"), owner=_owner, args=(), notify=_follow)


_CLASSES = (
    ANCHORSTAGE_OT_open_scene,
    ANCHORSTAGE_OT_relink,
    ANCHORSTAGE_OT_restore_photo_camera,
    ANCHORSTAGE_PT_scene,
)
_HANDLERS = (("load_post", _after_load), ("undo_post", _follow), ("redo_post", _follow))


def register() -> None:
    """Register operators, panel and handlers."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)
    _subscribe()


def unregister() -> None:
    """Undo `register`."""
    global _arrays
    bpy.msgbus.clear_by_owner(_owner)
    for name, handler in _HANDLERS:
        if handler in getattr(bpy.app.handlers, name):
            getattr(bpy.app.handlers, name).remove(handler)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    _stamps.clear()
    if _arrays is not None:
        _arrays.cleanup()
        _arrays = None
