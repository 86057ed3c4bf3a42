"""The overlay follows: files, undo, and the scenes that windows show."""

from pathlib import Path
from typing import Any

import bpy

from .. import link, locks, overlay, scene_state, session
from ..ui import add_handlers, remove_handlers, status

_PLY = "splats.ply"  # the file whose change means other splats

Stamp = tuple[int, int]


class Followed:
    """The folders that the overlay holds or waits for."""

    def __init__(self) -> None:
        # Counts loaded files, so that a job's result does not arrive in another file.
        self.file_number = 0
        # By folder: the state of the splats' file.
        self.stamps: dict[str, Stamp] = {}
        # Who owns the subscription to windows that show another scene.
        self.owner = object()


def _followed() -> Followed:
    return session.of(Followed)


def file_number() -> int:
    """Return a number that changes when another file is loaded."""
    return _followed().file_number


def refresh_overlay(scene: bpy.types.Scene) -> None:
    """Show the scene's splats in the viewport, as soon as the engine has prepared them."""
    folder = scene_state.folder(scene)
    if bpy.app.background or folder is None or scene_state.missing_sentence(scene):
        return
    key = str(folder)
    stamps = _followed().stamps
    stamp = _stamp(folder)
    if stamps.get(key) == stamp and (overlay.set_scene(key) or _is_under_way(key)):
        return
    stamps[key] = stamp
    try:
        _load(scene.name, key)
    except link.NoPlaceError as error:
        stamps.pop(key, None)
        why = f"there is no place for temporary files ({error.strerror})"
        status.tell(
            f"The splats cannot be shown, for {why}. Free some space and open the scene again.",
            is_error=True,
        )


def _stamp(folder: Path) -> Stamp:
    """Time and size of the splats' file; zeros where there is none."""
    try:
        state = (folder / _PLY).stat()
    except OSError:
        return 0, 0
    return state.st_mtime_ns, state.st_size


def _load(scene_name: str, key: str) -> None:
    """Have the engine prepare the splats of a folder, and show them when they are here."""
    file = file_number()

    def prepare(result: link.Result) -> link.Result:
        return {"packed": overlay.read(str(result["blobs"]["rows"].path))}

    def arrived(result: link.Result) -> None:
        scene = bpy.data.scenes.get(scene_name)
        if scene is not None and file == file_number():
            colors = [tuple(region.color) for region in scene.anchorstage.regions]
            overlay.show(key, result["packed"], colors)

    def failed(error: Exception) -> None:
        _followed().stamps.pop(key, None)
        if not isinstance(error, link.Stopped):
            status.tell(str(error), is_error=True)

    link.submit("overlay", {"scene": key}, arrived, failed, prepare, wants=("rows",))


def _is_under_way(key: str) -> bool:
    return any(task.job == "overlay" and task.args["scene"] == key for task in link.tasks())


@bpy.app.handlers.persistent
def _after_load(*_: Any) -> None:
    followed = _followed()
    followed.file_number += 1
    followed.stamps.clear()
    status.dismiss()  # it was about the other file
    overlay.clear()
    _subscribe()  # a load ends subscriptions
    _follow()


@bpy.app.handlers.persistent
def _follow(*_: Any) -> None:
    """Show what the scenes now say: after undo, redo, a load, or another scene in a window."""
    for scene in {window.scene for window in bpy.context.window_manager.windows}:
        refresh_overlay(scene)
        locks.sync(scene)


def _subscribe() -> None:
    owner = _followed().owner
    bpy.msgbus.clear_by_owner(owner)
    bpy.msgbus.subscribe_rna(key=(bpy.types.Window, "scene"), owner=owner, args=(), notify=_follow)


_HANDLERS = (("load_post", _after_load), ("undo_post", _follow), ("redo_post", _follow))


def register() -> None:
    """Follow from now on."""
    add_handlers(_HANDLERS)
    _subscribe()


def unregister() -> None:
    """Follow no more."""
    bpy.msgbus.clear_by_owner(_followed().owner)
    remove_handlers(_HANDLERS)
