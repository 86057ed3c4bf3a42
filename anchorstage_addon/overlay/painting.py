"""The drawing of splats into a pair of float images, through Blender's gpu module."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import gpu
import numpy as np

from .. import session
from . import projection, shaders, sorting, textures
from .store import LoadedSplats, upload

# Parts of the names by which renderers on the CPU report themselves.
_SOFTWARE_NAMES = ("llvmpipe", "softpipe", "lavapipe", "swiftshader", "software")
_QUAD_CORNERS = ((-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0))
_NOTHING = (0.0, 0.0, 0.0, 0.0)  # transparent black


class Target:
    """The two float images that a set of splats is drawn into (see `shaders`).

    Textures are shared by Blender's OpenGL contexts, framebuffers are not (a viewport draws in
    another context than a timer), so each use makes its own framebuffer.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.color = gpu.types.GPUTexture(size, format="RGBA16F")
        self.front = gpu.types.GPUTexture(size, format="RGBA32F")

    @contextmanager
    def bound(self, clear: bool = False) -> "Iterator[gpu.types.GPUFrameBuffer]":
        """Bind a framebuffer of the two images in the block, cleared where asked."""
        buffer = gpu.types.GPUFrameBuffer(color_slots=(self.color, self.front))
        with buffer.bind():
            if clear:
                buffer.clear(color=_NOTHING)
            yield buffer


@dataclass(frozen=True, eq=False)
class Request:
    """Everything that a region's picture depends on."""

    splats: LoadedSplats
    view: np.ndarray  # (4, 4)
    window: np.ndarray  # (4, 4)
    size: tuple[int, int]  # pixels
    mode: str
    scale: float  # of the splats
    moving_splats: int

    def key(self) -> tuple:
        """Return a key that is equal for two requests that give the same picture."""
        return (
            self.splats.serial,
            self.view.tobytes(),
            self.window.tobytes(),
            self.size,
            self.mode,
            self.scale,
        )


class Order(NamedTuple):
    """The drawing order of a scene's first splats."""

    key: tuple  # everything that the order depends on
    count: int  # splats that were sorted
    places: int  # splats in the order: those before the near plane are not
    texture: "gpu.types.GPUTexture"


class Drawable(NamedTuple):
    """A shader, and the unit quad to draw with it."""

    shader: "gpu.types.GPUShader"
    quad: "gpu.types.GPUBatch"


class Drawables:
    """The shaders that have been compiled, by the functions that compile them."""

    def __init__(self) -> None:
        self.by_maker: dict[Callable, Drawable] = {}


def drawable(maker: Callable) -> Drawable:
    """Return a shader of `shaders` with its quad, compiled at the first call."""
    by_maker = session.of(Drawables).by_maker
    if maker not in by_maker:
        shader = maker()
        layout = gpu.types.GPUVertFormat()
        layout.attr_add(id="corner", comp_type="F32", len=2, fetch_mode="FLOAT")
        corners = gpu.types.GPUVertBuf(layout, 4)
        corners.attr_fill("corner", _QUAD_CORNERS)
        quad = gpu.types.GPUBatch(type="TRI_STRIP", buf=corners)
        by_maker[maker] = Drawable(shader, quad)
    return by_maker[maker]


def free_shaders() -> None:
    """Free the shaders; the next draw compiles them again."""
    session.of(Drawables).by_maker.clear()


def on_software() -> bool:
    """Return True where OpenGL or Vulkan runs on the CPU."""
    renderer = gpu.platform.renderer_get().lower()
    return any(name in renderer for name in _SOFTWARE_NAMES)


def ordered(request: Request, count: int, previous: Order | None) -> Order:
    """Return the drawing order of the first `count` splats.

    Args:
        request: gives the splats and the view.
        count: splats of the shuffled scene.
        previous: is returned where neither the splats nor their depths have changed since.
    """
    # Depths depend on the view's third row alone: moving sideways needs no new order.
    view_row = request.view[2]
    near = projection.near_plane(request.window)
    key = (
        request.splats.serial,
        count,
        view_row.tobytes(),
        near,
    )
    if previous is not None and previous.key == key:
        return previous
    # The splats are shuffled, so the first ones are an even sample of the scene.
    positions = request.splats.positions[:count]
    depths = sorting.view_depths(positions, view_row)
    indices = sorting.drawing_order(depths, near)
    texels = textures.texture_rows(indices)
    texture = upload(texels, "R32F")
    return Order(
        key=key,
        count=count,
        places=len(indices),
        texture=texture,
    )


def draw_splats(
    request: Request, size: tuple[int, int], order: Order, first: int, last: int
) -> None:
    """Blend splats over the pictures that the bound framebuffer holds.

    Args:
        request: the splats, and how they are seen.
        size: of the bound images, pixels.
        order: of the splats.
        first: place in the order of the first splat to draw.
        last: place behind the last one's.
    """
    if last <= first:
        return
    splats = request.splats
    footprint = projection.footprint_scale(splats.count, order.count, request.scale)
    block = projection.view_block(
        request.view,
        request.window,
        size,
        request.mode,
        footprint,
        first,
    )
    shader, quad = drawable(shaders.splat_shader)
    gpu.state.depth_test_set("NONE")
    gpu.state.depth_mask_set(False)
    gpu.state.blend_set("ALPHA_PREMULT")
    try:
        shader.bind()
        # A variable, because the uniforms must outlive the draw call.
        block_buffer = gpu.types.Buffer("FLOAT", block.size, block)
        uniforms = gpu.types.GPUUniformBuf(block_buffer)
        shader.uniform_block("block", uniforms)
        for name, texture in splats.samplers().items():
            shader.uniform_sampler(name, texture)
        shader.uniform_sampler("draw_order", order.texture)
        quad.draw_instanced(shader, instance_count=last - first)
    finally:
        # Blender expects its own state after a draw handler or a timer.
        gpu.state.blend_set("NONE")
