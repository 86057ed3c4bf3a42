"""`render`: all passes of one view, through the kernels or their NumPy twin."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..camera import MAX_SIZE, View
from ..errors import ArgumentError
from ..kernels import twin
from ..progress import Progress
from ..splats.record import Splats
from .frame import blend, project, scene_of
from .parallel import thread_count
from .prepared import prepared
from .record import ProxyRender, RenderOptions


def render(splats: Splats, view: View, options: RenderOptions | None = None, progress: Progress | None = None) -> ProxyRender:
    """Draw the splats as a view's camera sees them.

    Kerbl et al. 2023 with gsplat 1.5.3's constants: pixel centres at +0.5, a low-pass of 0.3 square pixels, opacity of a
    splat at most 0.999, none below 1/255, a pixel finished before less than 1e-4 of the light is left. Front to back
    by planar depth, then by row: the same bits whatever the number of threads. Splats that cannot be drawn (numbers that
    are not finite, no rotation, no size, nearer than `options.near`) are left out.

    Args:
        splats: the scene; not changed in place between calls, because what is prepared from it is kept.
        view: the camera, its pose in the splats' world.
        options: how to render; RenderOptions() where None.
        progress: reported to and asked between the stages.

    Raises:
        ArgumentError: an option has a value that makes no sense, or the picture is too large.
        Cancelled: through `progress`.
    """
    options = options or RenderOptions()
    progress = progress or Progress()
    _check(options, view)
    progress(0.0, "Rendering")
    picture = _by_twin(splats, view, options) if options.twin else _by_kernels(splats, view, options, progress)
    progress(1.0, "Rendering")
    return picture


def _by_kernels(splats: Splats, view: View, options: RenderOptions, progress: Progress) -> ProxyRender:
    with ThreadPoolExecutor(thread_count(options.threads)) as pool:
        ready = prepared(splats, pool, progress)
        frame = project(ready, view, options, pool, progress)
        return blend(frame, scene_of(splats, ready.normals), options.color_only, pool, progress)


def _by_twin(splats: Splats, view: View, options: RenderOptions) -> ProxyRender:
    passes = twin.rasterise(vars(splats), view, options.near, options.photo_position, options.antialiased)
    if options.color_only:
        passes |= {name: np.zeros_like(passes[name]) for name in ("normal", "confidence")}
        passes |= {name: np.full_like(passes[name], -1) for name in ("region", "origin")}
    return ProxyRender(view=view, **passes)


def _check(options: RenderOptions, view: View) -> None:
    if max(view.width, view.height) > MAX_SIZE:
        raise ArgumentError(f"A picture of {view.width}x{view.height} cannot be made; use 1 to {MAX_SIZE} pixels a side.")
    if options.threads is not None and options.threads < 1:
        raise ArgumentError(f"Rendering needs at least one thread, not {options.threads}.")
    if not (math.isfinite(options.near) and options.near >= 0):
        raise ArgumentError(f"The near limit must be a distance in metres, 0 or more, not {options.near}.")
    if options.photo_position is not None and not np.isfinite(options.photo_position).all():
        raise ArgumentError("The photo's position must be finite numbers.")
