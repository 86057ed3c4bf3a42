"""The draw handler: the splats' picture, laid over each 3D viewport with its own depth."""

import bpy
import gpu
import numpy as np

from . import guard, store, textures, views

_state: dict = {"handle": None}


def register() -> None:
    """Starts drawing; in background there is nothing to draw on."""
    guard.restart()
    if not bpy.app.background and _state["handle"] is None:
        _state["handle"] = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW")


def unregister() -> None:
    """Stops drawing."""
    if _state["handle"] is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_state["handle"], "WINDOW")
        _state["handle"] = None
    views.free_shaders()


def pick(context: bpy.types.Context, x: int, y: int) -> int:
    """The region of the front-most splat under a pixel of the context's 3D region.

    Args:
        context: its `region` is the one to look in.
        x: pixels from the region's left edge, `event.mouse_region_x`.
        y: pixels from its lower edge, `event.mouse_region_y`.

    Returns:
        The region's index; -1 where there is no splat or it belongs to none.
    """
    target = views.shown(context.region.as_pointer()) if _visible(context) else None
    if target is None or not (0 <= x < context.region.width and 0 <= y < context.region.height):
        return -1
    column, row = (
        at * pixels // whole
        for at, pixels, whole in zip((x, y), target.size, _size(context.region), strict=True)
    )
    with target.bound() as buffer:
        texel = buffer.read_color(column, row, 1, 1, 4, 1, "FLOAT")
    texel.dimensions = 4  # Blender 4.3 gives NumPy wrong strides for buffers of several dimensions
    _, region_and_one, _, weight = np.asarray(texel)
    return round(float(region_and_one / weight)) - 1 if weight > 0.0 else -1


@guard.stops_drawing
def _draw() -> None:
    """Called by Blender for every 3D viewport."""
    _draw_region(bpy.context)


def _visible(context: bpy.types.Context) -> bool:
    """Whether this viewport shows the overlay."""
    settings = context.scene.anchorstage_overlay
    return settings.enabled and settings.opacity > 0.0 and context.space_data.overlay.show_overlays


def _size(region: bpy.types.Region) -> tuple[int, int]:
    """Width and height, pixels."""
    return region.width, region.height


def _draw_region(context: bpy.types.Context) -> None:
    """Draws the context's region, where there is something to draw."""
    splats = store.current(context.scene)
    if splats is None or not splats.count or not _visible(context):
        return
    settings, region, camera = (
        context.scene.anchorstage_overlay,
        context.region,
        context.region_data,
    )
    request = views.Request(
        splats=splats,
        view=np.array(camera.view_matrix, np.float32),
        window=np.array(camera.window_matrix, np.float32),
        size=_size(region),
        mode=settings.mode,
        scale=settings.size,
        moving_splats=settings.moving_splats,
    )
    floor = textures.floor_depth(request.view, request.window)
    _lay_over(views.picture(region.as_pointer(), request), settings.opacity, floor)


def _lay_over(
    target: views.Target, strength: float, floor: tuple[float, float, float, float]
) -> None:
    """Composites a picture into the viewport, hidden by what stands before it."""
    shader, quad = views.cached_shader("screen_shader")
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
        gpu.state.blend_set("NONE")
        gpu.state.depth_test_set("NONE")
        gpu.state.depth_mask_set(False)
