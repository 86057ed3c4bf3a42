"""Start a reconstruction: choose the scene's folder, send the job, take the engine's answer."""

import os
from pathlib import Path
from typing import Any

import bpy

from .. import link, opening
from ..ui import status
from .arriving import arrive

SUFFIX = ".anchorstage"  # of a scene's folder


def default_folder(photo: Path, beside_photo: bool = True) -> Path:
    """Return a free NAME.anchorstage.

    It lies in the first of these that can be written: the saved .blend's folder, the photo's
    (if `beside_photo`), the artist's home folder.
    """
    places = [Path(bpy.data.filepath).parent] if bpy.data.filepath else []
    places += [photo.parent, Path.home()] if beside_photo else [Path.home()]
    home = next((place for place in places if os.access(place, os.W_OK)), places[0])
    candidate = home / f"{photo.stem}{SUFFIX}"
    number = 2
    while candidate.exists():
        candidate = home / f"{photo.stem}_{number:03d}{SUFFIX}"
        number += 1
    return candidate


def start(
    scene: bpy.types.Scene, photo: Path, args: dict[str, Any], set_up_render: bool
) -> link.Task:
    """Send the job to the engine.

    Its result is put into the scene of that name, if the same file is still open on arrival.
    """
    status.dismiss()
    scene_name = scene.name
    file = opening.file_number()

    def arrived(result: dict[str, Any]) -> None:
        target = bpy.data.scenes.get(scene_name)
        if target is None or file != opening.file_number():
            status.tell(
                f"The scene is at {result['scene']}; open it with Open Scene, "
                "since another file was loaded meanwhile."
            )
            return
        arrive(target, result, set_up_render)
        opening.push_undo("Reconstruct from image")

    return link.submit("reconstruct", args, arrived, failed, lends={"photo": photo})


def failed(error: Exception) -> None:
    """Tell the reason; a cancelled job needs no error."""
    if isinstance(error, link.Stopped):
        status.tell("Cancelled; nothing was written.")
    else:
        status.tell(str(error), is_error=True)
