"""From a job's result to a Blender scene."""

from typing import Any

import bpy

from .. import cameras, opening, render_engine, scene_state
from ..ui import status


def arrive(scene: bpy.types.Scene, result: dict[str, Any], set_up_render: bool) -> None:
    """Take a scene over: panels, the photo's camera, the render's size, the overlay."""
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
        f"{result['name']}: {result['splats']:,} splats, "
        f"{len(result['regions'])} regions in {seconds:.1f} s."
    )
    opening.refresh_overlay(scene)
    opening.look_through_camera(scene)
