"""Blender's window when a result has arrived: an undo step, and a look through the camera."""

import bpy


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
