"""The draw handler: the splats' picture, laid over each 3D viewport with its own depth."""

from typing import Any

import bpy
import gpu
import numpy as np

from .. import session
from . import guard, painting, projection, shaders, store, views

_NO_REGION = -1
_FRONT_IMAGE = 1  # the number of the target that holds depth and region, see `shaders`


class DrawHandler:
    """The draw handler, where there is one."""

    handle: Any = None  # Blender's, to take it away again


def register() -> None:
    """Start drawing; in background there is nothing to draw on."""
    guard.restart()
    handler = session.of(DrawHandler)
    if not bpy.app.background and handler.handle is None:
        handler.handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW")


def unregister() -> None:
    """Stop drawing."""
    handler = session.of(DrawHandler)
    if handler.handle is not None:
        bpy.types.SpaceView3D.draw_handler_remove(handler.handle, "WINDOW")
        handler.handle = None
    painting.free_shaders()


def pick(context: bpy.types.Context, x: int, y: int) -> int:
    """Return the region of the front-most splat under a pixel of the context's 3D region.

    Args:
        context: its `region` is the one to look in.
        x: pixels from the region's left edge, `event.mouse_region_x`.
        y: pixels from its lower edge, `event.mouse_region_y`.

    Returns:
        The region's index; -1 where there is no splat or it belongs to none.
    """
    width, height = _size(context.region)
    is_inside = 0 <= x < width and 0 <= y < height
    if not is_inside or not _visible(context):
        return _NO_REGION
    target = views.shown(context.region.as_pointer())
    if target is None:
        return _NO_REGION
    # The picture may be smaller than the region while the view moves.
    columns, rows = target.size
    column = x * columns // width
    row = y * rows // height
    with target.bound() as buffer:
        texel = buffer.read_color(column, row, 1, 1, 4, _FRONT_IMAGE, "FLOAT")
    # Blender 4.3 gives NumPy wrong strides for buffers of several dimensions.
    texel.dimensions = 4
    _, weighted_region, _, weight = np.asarray(texel)
    if not weight > 0.0:
        return _NO_REGION
    region_and_one = float(weighted_region / weight)
    return round(region_and_one) - 1


@guard.stops_drawing
def _draw() -> None:
    """Draw one viewport; Blender calls this for each."""
    _draw_region(bpy.context)


def _visible(context: bpy.types.Context) -> bool:
    """Return True where this viewport shows the overlay."""
    settings = context.scene.anchorstage_overlay
    # Blender calls draw handlers also where its own overlays are hidden.
    return settings.enabled and settings.opacity > 0.0 and context.space_data.overlay.show_overlays


def _size(region: bpy.types.Region) -> tuple[int, int]:
    """Return width and height in pixels."""
    return region.width, region.height


def _draw_region(context: bpy.types.Context) -> None:
    """Draw the context's region, where there is something to draw."""
    splats = store.current(context.scene)
    if splats is None or not splats.count or not _visible(context):
        return
    settings = context.scene.anchorstage_overlay
    region = context.region
    camera = context.region_data
    request = painting.Request(
        splats=splats,
        view=np.array(camera.view_matrix, np.float32),
        window=np.array(camera.window_matrix, np.float32),
        size=_size(region),
        mode=settings.mode,
        scale=settings.size,
        moving_splats=settings.moving_splats,
    )
    target = views.picture(region.as_pointer(), request)
    floor = projection.floor_depth(request.view, request.window)
    _lay_over(target, settings.opacity, floor)


def _lay_over(
    target: painting.Target, strength: float, floor: tuple[float, float, float, float]
) -> None:
    """Composite a picture into the viewport, hidden by the meshes before it.

    Args:
        target: the picture.
        strength: its opacity.
        floor: of `projection.floor_depth`.
    """
    shader, quad = painting.drawable(shaders.screen_shader)
    gpu.state.depth_test_set("LESS_EQUAL")
    gpu.state.depth_mask_set(False)
    gpu.state.blend_set("ALPHA_PREMULT")
    try:
        shader.bind()
        shader.uniform_float("strength", strength)
        shader.uniform_float("floor_depth", floor)
        shader.uniform_sampler("splat_image", target.color)
        shader.uniform_sampler("front_image", target.front)
        quad.draw(shader)
    finally:
        # Blender draws on after us, and expects the state that it left.
        gpu.state.blend_set("NONE")
        gpu.state.depth_test_set("NONE")
        gpu.state.depth_mask_set(False)
