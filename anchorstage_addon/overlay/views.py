"""One cached picture of the splats for each 3D region, drawn again only when view, data or settings change.

While a region's view moves, the first splats of the shuffled scene stand for all of them, each larger. When it rests,
a timer draws all of them into a second picture and swaps. On software OpenGL it does so a slice at a time, so that
Blender answers in between.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import bpy
import gpu
import numpy as np

from . import guard, shaders, textures
from .store import LoadedSplats, upload

REST_SECONDS = 0.25  # without a change, before all splats are drawn
TICK_SECONDS = 0.02  # between slices
SLICE_SECONDS = 0.05  # of drawing at a time on software OpenGL
SOFTWARE_SPLATS = 30_000  # while moving there, and in the first slice
SOFTWARE_SHRINK = (
    3  # while moving there, pixels of the region a pixel of the picture: filling is what costs
)
_SOFTWARE_NAMES = ("llvmpipe", "softpipe", "lavapipe", "swiftshader", "software")


class Target:
    """The two float images a set of splats is drawn into (see `shaders`).

    Textures are shared by Blender's OpenGL contexts, framebuffers are not (a viewport draws in another context than a
    timer), so each use makes its own framebuffer.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.color = gpu.types.GPUTexture(size, format="RGBA16F")
        self.front = gpu.types.GPUTexture(size, format="RGBA32F")

    @contextmanager
    def bound(self, clear: bool = False) -> "Iterator[gpu.types.GPUFrameBuffer]":
        """A framebuffer of the two images, bound in the block and cleared where asked."""
        buffer = gpu.types.GPUFrameBuffer(color_slots=(self.color, self.front))
        with buffer.bind():
            if clear:
                buffer.clear(color=(0.0, 0.0, 0.0, 0.0))
            yield buffer


@dataclass(frozen=True, eq=False)
class Request:
    """What a region shows: everything a picture of it depends on."""

    splats: LoadedSplats
    view: np.ndarray  # (4, 4)
    window: np.ndarray  # (4, 4)
    size: tuple[int, int]  # pixels
    mode: str
    scale: float  # of the splats
    moving_splats: int

    def key(self) -> tuple:
        """Equal for two requests that give the same picture."""
        return (
            self.splats.serial,
            self.view.tobytes(),
            self.window.tobytes(),
            self.size,
            self.mode,
            self.scale,
        )


@dataclass
class RegionView:
    """One region's picture, and the finer one that may be on its way."""

    request: Request
    target: Target
    changed: float  # time.monotonic() of the last change
    complete: bool = False  # all splats are in `target`
    finer: Target | None = None
    drawn: int = 0  # places of the order already in `finer`
    slice_size: int = SOFTWARE_SPLATS
    orders: dict = field(
        default_factory=dict
    )  # one entry: (splats, their number, view row, near) -> places, order texture


_views: dict[int, RegionView] = {}
_shader_cache: dict = {}


def picture(pointer: int, request: Request) -> Target:
    """The picture of a region for this request, at once: the cached one or a new one of the moving budget."""
    view = _views.get(pointer)
    if view is not None and view.request.key() == request.key():
        return view.target
    if view is None:
        _forget_closed_regions()
        view = _views[pointer] = RegionView(request, Target(request.size), 0.0)
    view.request, view.changed, view.finer, view.drawn = request, time.monotonic(), None, 0
    software = on_software()
    budget = min(request.moving_splats, SOFTWARE_SPLATS) if software else request.moving_splats
    count = min(request.splats.count, budget)
    view.complete = count == request.splats.count
    shrink = SOFTWARE_SHRINK if software and not view.complete else 1
    size = (-(-request.size[0] // shrink), -(-request.size[1] // shrink))
    if view.target.size != size:
        view.target = Target(size)
    with view.target.bound(clear=True):
        places, order = _ordered(view, count)
        _draw_splats(request, size, order, count, 0, places)
    if not view.complete and not bpy.app.timers.is_registered(_refine):
        bpy.app.timers.register(_refine, first_interval=REST_SECONDS)
    return view.target


def shown(pointer: int) -> Target | None:
    """The picture a region shows at present."""
    view = _views.get(pointer)
    return view.target if view else None


def drop() -> None:
    """Frees every picture and stops refining."""
    if bpy.app.timers.is_registered(_refine):
        bpy.app.timers.unregister(_refine)
    _views.clear()


def free_shaders() -> None:
    """Frees the shaders; the next draw compiles them again."""
    _shader_cache.clear()


def cached_shader(name: str) -> tuple:
    """A shader of `shaders` by its function's name, and the unit quad to draw with it."""
    if name not in _shader_cache:
        shader = getattr(shaders, name)()
        layout = gpu.types.GPUVertFormat()
        layout.attr_add(id="corner", comp_type="F32", len=2, fetch_mode="FLOAT")
        corners = gpu.types.GPUVertBuf(layout, 4)
        corners.attr_fill("corner", [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)])
        _shader_cache[name] = shader, gpu.types.GPUBatch(type="TRI_STRIP", buf=corners)
    return _shader_cache[name]


def on_software() -> bool:
    """Whether OpenGL or Vulkan runs on the CPU."""
    renderer = gpu.platform.renderer_get().lower()
    return any(name in renderer for name in _SOFTWARE_NAMES)


def _ordered(view: RegionView, count: int) -> tuple:
    """The drawing order of the first `count` splats; sorted anew only when they or their depths change."""
    request = view.request
    near = textures.near_plane(request.window)
    key = (request.splats.serial, count, request.view[2].tobytes(), near)
    if key not in view.orders:
        depths = textures.view_depths(request.splats.positions[:count], request.view[2])
        order = textures.drawing_order(depths, near)
        view.orders = {key: (len(order), upload(textures.texture_rows(order), "R32F"))}
    return view.orders[key]


def _draw_splats(
    request: Request,
    size: tuple[int, int],
    order: "gpu.types.GPUTexture",
    count: int,
    first: int,
    last: int,
) -> None:
    """Blends the splats of places `first` to `last` of the order over what the bound buffer holds."""
    if last <= first:
        return
    shader, quad = cached_shader("splat_shader")
    footprint = textures.footprint_scale(request.splats.count, count, request.scale)
    block = textures.view_block(request.view, request.window, size, request.mode, footprint, first)
    gpu.state.depth_test_set("NONE")
    gpu.state.depth_mask_set(False)
    gpu.state.blend_set("ALPHA_PREMULT")
    try:
        shader.bind()
        uniforms = gpu.types.GPUUniformBuf(
            gpu.types.Buffer("FLOAT", block.size, block)
        )  # must outlive the draw call
        shader.uniform_block("block", uniforms)
        for name, texture in request.splats.samplers().items():
            shader.uniform_sampler(name, texture)
        shader.uniform_sampler("draw_order", order)
        quad.draw_instanced(shader, instance_count=last - first)
    finally:
        gpu.state.blend_set("NONE")


@guard.stops_drawing
def _refine() -> float | None:
    """The timer: draws all splats of regions that have come to rest, then asks for their redraw."""
    waiting = [(pointer, view) for pointer, view in _views.items() if not view.complete]
    for pointer, view in waiting:
        if time.monotonic() - view.changed < REST_SECONDS:
            continue
        _draw_slice(view)
        if view.complete:
            _redraw_region(pointer)
        return TICK_SECONDS
    return TICK_SECONDS if waiting else None


def _draw_slice(view: RegionView) -> None:
    """The next slice of the finer picture; on a graphics card the slice is everything."""
    request = view.request
    if view.finer is None:
        view.finer, view.drawn = Target(request.size), 0
    places, order = _ordered(view, request.splats.count)
    last = min(places, view.drawn + view.slice_size) if on_software() else places
    begun = time.monotonic()
    with view.finer.bound(clear=view.drawn == 0) as buffer:
        _draw_splats(request, request.size, order, request.splats.count, view.drawn, last)
        buffer.read_color(
            0, 0, 1, 1, 4, 0, "FLOAT"
        )  # waits, so that slices do not queue up and can be timed
    faster = SLICE_SECONDS / max(time.monotonic() - begun, 1e-3)
    view.slice_size = max(1_000, int(view.slice_size * min(max(faster, 0.5), 2.0)))
    view.drawn = last
    if last == places:
        view.target, view.finer, view.complete = view.finer, None, True


def _regions() -> dict:
    """Every region of every window's 3D viewports, by pointer."""
    areas = (area for window in bpy.context.window_manager.windows for area in window.screen.areas)
    return {
        region.as_pointer(): region
        for area in areas
        if area.type == "VIEW_3D"
        for region in area.regions
    }


def _forget_closed_regions() -> None:
    """Frees the pictures of regions that are gone."""
    alive = _regions()
    for pointer in [pointer for pointer in _views if pointer not in alive]:
        del _views[pointer]


def _redraw_region(pointer: int) -> None:
    """Asks a region for a redraw, if it is still there."""
    region = _regions().get(pointer)
    if region is not None:
        region.tag_redraw()
