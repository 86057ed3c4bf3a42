"""From the artist's wish to a job, and from the job's result to a Blender scene."""

import os
from pathlib import Path
from typing import Any

import bpy

from .. import cameras, link, opening, render_engine, scene_state, status

SUFFIX = ".anchorstage"


def default_folder(photo: Path, beside_photo: bool = True) -> Path:
    """A free NAME.anchorstage beside the saved .blend; else beside the photo; else in the artist's home folder."""
    places = [Path(bpy.data.filepath).parent] if bpy.data.filepath else []
    places += [photo.parent, Path.home()] if beside_photo else [Path.home()]
    home = next((place for place in places if os.access(place, os.W_OK)), places[0])
    candidate, number = home / f"{photo.stem}{SUFFIX}", 2
    while candidate.exists():
        candidate = home / f"{photo.stem}_{number:03d}{SUFFIX}"
        number += 1
    return candidate


def start(
    scene: bpy.types.Scene, photo: Path, args: dict[str, Any], set_up_render: bool
) -> link.Task:
    """Start the job; its result arrives in `scene`, if that still exists then."""
    status.dismiss()
    scene_name, file = scene.name, opening.file_number()

    def arrived(result: dict[str, Any]) -> None:
        target = bpy.data.scenes.get(scene_name)
        if target is None or file != opening.file_number():
            status.tell(
                f"The scene is at {result['scene']}; open it with Open Scene, since another file was loaded meanwhile."
            )
            return
        arrive(target, result, set_up_render)
        opening.push_undo("Reconstruct from image")

    return link.submit("reconstruct", args, arrived, failed, lends={"photo": photo})


def failed(error: Exception) -> None:
    """Tell why; a cancelled job needs no error."""
    if isinstance(error, link.Stopped):
        status.tell("Cancelled; nothing was written.")
    else:
        status.tell(str(error), is_error=True)


def arrive(scene: bpy.types.Scene, result: dict[str, Any], set_up_render: bool) -> None:
    """Take a scene over: what the panels show, the photo's camera, the render's size, the overlay."""
    scene_state.remember(scene, result)
    cameras.place_photo_camera(scene, result)
    if set_up_render:
        scene.render.resolution_x, scene.render.resolution_y = result["width"], result["height"]
        scene.render.resolution_percentage = 100
        scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0
        scene.view_settings.view_transform = (
            "Standard"  # others, AgX above all, show the photo's colours greyer
        )
        scene.view_settings.look = "None"
        scene.render.engine = render_engine.ENGINE
    seconds = sum(result.get("seconds", {}).values())
    status.tell(
        f"{result['name']}: {result['splats']:,} splats, {len(result['regions'])} regions in {seconds:.1f} s."
    )
    opening.refresh_overlay(scene)
    opening.look_through_camera(scene)
