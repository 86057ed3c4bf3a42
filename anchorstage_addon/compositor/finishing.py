"""After Blender wrote a frame: give the EXR its contract names and its camera.

Blender calls `render_post` when the File Output node has written, for every frame of an animation
and for a single frame, in the render's thread, or the main one with `-b` (seen on 4.2 to 5.2). The
step blocks there, so a file is final when the render ends. Where it fails, the file stays as
Blender wrote it and one sentence says so; a file that Blender could not write completely is
removed. Where the place is at fault the animation ends with the next frame.
"""

import logging
import threading
from pathlib import Path
from typing import Any

import bpy

from .. import link, session
from ..render_engine import Rendered, begin, fail, take
from ..ui import add_handlers, remove_handlers, status
from . import tree

log = logging.getLogger(__name__)

_INCOMPLETE, _NO_PLACE = (
    "IncompleteError",
    "OutputError",
)  # the engine's names of what can go wrong with a file

Stamp = tuple[int, int, int]


class Before:
    """The state of each file before the frame is rendered.

    One that Blender did not write anew is left alone.
    """

    def __init__(self) -> None:
        self.stamps: dict[Path, Stamp | None] = {}


def _stamp(path: Path) -> Stamp | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


def _suffixes(scene: bpy.types.Scene) -> list[str]:
    if not scene.render.use_multiview:
        return [""]
    return [view.file_suffix for view in scene.render.views if view.use]


def written_paths(scene: bpy.types.Scene) -> list[tuple[Path, str]]:
    """List the files that our File Output nodes write for this frame, with their eyes' suffixes."""
    nodes = tree.find(scene)
    if nodes is None or not scene.render.use_compositing:
        return []
    frame = scene.frame_current
    paths = []
    for node in tree.tagged(nodes, tree.OUTPUT):
        # Without a link, Blender writes no file.
        if node.mute or not _is_fed(node):
            continue
        paths += [(tree.frame_path(node, frame, suffix), suffix) for suffix in _suffixes(scene)]
    return paths


def _is_fed(node: bpy.types.Node) -> bool:
    return any(socket.is_linked for socket in node.inputs)


@bpy.app.handlers.persistent
def _begin(scene: bpy.types.Scene, *_: Any) -> None:
    """Before a render or an animation."""
    begin(scene.name)


@bpy.app.handlers.persistent
def _look(scene: bpy.types.Scene, *_: Any) -> None:
    """Before a frame: remember the files that are there already."""
    session.of(Before).stamps = {path: _stamp(path) for path, _suffix in written_paths(scene)}


@bpy.app.handlers.persistent
def _finish(scene: bpy.types.Scene, *_: Any) -> None:
    """After a frame: finish what was written."""
    rendered = take(scene.name, scene.frame_current)
    if rendered is None:
        return  # another engine, or a render that failed and said so itself
    before = session.of(Before).stamps
    for path, suffix in written_paths(scene):
        written = _stamp(path)
        if written is None and "{" in str(path):
            _tell(
                f"“{path}” is not there, so it could not be finished: "
                "the output folder or name may hold a {template}."
            )
        elif suffix in rendered.shots and written in (None, before.get(path)):
            _give_up(
                scene,
                f"{path.name} was not written: “{path.parent}” cannot be written to. "
                "Choose another folder.",
            )
        elif suffix in rendered.shots:
            _finish_file(scene, path, suffix, rendered)


def _finish_file(scene: bpy.types.Scene, path: Path, suffix: str, rendered: Rendered) -> None:
    """Have the engine rewrite a file in its place; where it cannot, say so."""
    shot = rendered.shots[suffix]
    args = {
        "scene": rendered.folder,
        "view": shot.view,
        "camera": shot.camera,
        "frame": rendered.frame,
        "fps": scene.render.fps / scene.render.fps_base,
    }
    keeps = f"{path.name} keeps Blender's channel names"
    try:
        link.call("finish", args, lends={"exr": path}, wants={"finished": path})
    except link.EngineError as error:
        if error.kind == _INCOMPLETE:
            path.unlink(missing_ok=True)
            removed = f"{path.name} could not be written completely, so it was removed"
            again = f"Free some space and render frame {rendered.frame} again."
            _give_up(scene, f"{removed}: the disk is full. {again}")
        elif error.kind == _NO_PLACE:
            _give_up(scene, f"{keeps}, for there is no place for the finished file. {error}")
        else:
            _tell(f"{keeps}: {error}")
    except link.Stopped:
        _tell(f"{keeps}: the engine was stopped. Render the frame again.")


def _give_up(scene: bpy.types.Scene, sentence: str) -> None:
    """Say so, and have an animation end: its other frames would go the same way."""
    fail(scene.name, sentence)
    _tell(sentence)


def _tell(sentence: str) -> None:
    log.error(sentence)
    if threading.current_thread() is threading.main_thread():
        status.tell(sentence, is_error=True)
    else:
        link.on_main_thread(lambda: status.tell(sentence, is_error=True))


_HANDLERS = (("render_init", _begin), ("render_pre", _look), ("render_post", _finish))


def register() -> None:
    """Watch renders."""
    add_handlers(_HANDLERS)


def unregister() -> None:
    """Watch renders no more."""
    remove_handlers(_HANDLERS)
