"""`render`: all passes of one view, through the kernels, their NumPy twin or CUDA."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..camera import MAX_SIZE, View
from ..errors import ArgumentError, RenderError
from ..kernels import twin
from ..progress import Progress
from ..splats.record import Splats
from ..tables.passes import DRAWN
from . import cuda_here
from .frame import blend, project, scene_of
from .harmonics import seen_colors
from .levels.moving import render_moving
from .levels.record import Levels
from .memory import enough_memory
from .parallel import thread_count
from .prepared import prepared
from .record import ProxyRender, RenderOptions
from .scratch import borrowed


def render(
    splats: Splats,
    view: View,
    options: RenderOptions | None = None,
    progress: Progress | None = None,
    levels: Levels | None = None,
) -> ProxyRender:
    """Draw the splats as a view's camera sees them.

    Kerbl et al. 2023 with gsplat 1.5.3's constants: pixel centres at +0.5, a low-pass of 0.3 square
    pixels, opacity of a splat at most 0.999, none below 1/255, a pixel finished before less than
    1e-4 of the light is left. Front to back by planar depth, then by row: the same bits whatever
    the number of threads. Splats that cannot be drawn (numbers that are not finite, no rotation, no
    size, nearer than `options.near`) are left out.

    Args:
        splats: the scene; not changed in place between calls, because what is prepared from it is
            kept.
        view: the camera, its pose in the splats' world.
        options: how to render; RenderOptions() where None.
        progress: reported to and asked between the stages.
        levels: of detail, of these splats; needed where `options.moving` is set, not looked at
            otherwise.

    Raises:
        ArgumentError: an option has a value that makes no sense, or the picture is too large.
        RenderError: CUDA is asked for where there is none, or scene and picture do not fit into
            memory.
        Cancelled: through `progress`.
    """
    options = options or RenderOptions()
    progress = progress or Progress()
    _check(options, view, len(splats), levels)
    progress(0.0, "Rendering")
    if options.twin:
        picture = _by_twin(splats, view, options)
    elif _on_cuda(options):
        # It imports PyTorch, which takes seconds and is not in every installation.
        from . import cuda

        picture = cuda.render(splats, view, options, progress)
    else:
        # Of a level of detail so few splats are drawn that their memory does not count.
        count = 0 if options.moving else len(splats)
        with enough_memory(count, view):
            picture = _by_kernels(splats, view, options, progress, levels)
    progress(1.0, "Rendering")
    return picture


def _on_cuda(options: RenderOptions) -> bool:
    if options.backend == "auto":
        return options.threads is None and cuda_here.available()
    if options.backend == "cuda" and not cuda_here.available():
        raise RenderError(
            "Rendering on CUDA needs an NVIDIA card and the AI engine with gsplat 1.5; "
            "install it, or choose the CPU."
        )
    return options.backend == "cuda"


def _by_kernels(
    splats: Splats, view: View, options: RenderOptions, progress: Progress, levels: Levels | None
) -> ProxyRender:
    threads = thread_count(options.threads)
    with ThreadPoolExecutor(threads) as pool, borrowed() as scratch:
        if options.moving and levels is not None:
            return render_moving(splats, levels, view, options, pool, progress)
        ready = prepared(splats, pool, progress)
        frame = project(ready, view, options, pool, progress, scratch=scratch)
        colors = seen_colors(splats, frame, pool, progress)
        scene = scene_of(splats, ready.normals, colors)
        return blend(frame, scene, options.color_only, pool, progress)


def _by_twin(splats: Splats, view: View, options: RenderOptions) -> ProxyRender:
    passes = twin.rasterise(
        vars(splats),
        view,
        options.near,
        options.photo_position,
        options.antialiased,
        options.photo_focal,
    )
    if options.color_only:
        for each in DRAWN:
            if each.extra:
                passes[each.name] = np.full_like(passes[each.name], each.nothing)
    return ProxyRender(view=view, **passes)


def _check(options: RenderOptions, view: View, count: int, levels: Levels | None) -> None:
    """Raise ArgumentError where an option makes no sense for a scene of `count` splats."""
    if options.backend not in ("auto", "cpu", "cuda"):
        raise ArgumentError(f"The backend must be auto, cpu or cuda, not {options.backend!r}.")
    if max(view.width, view.height) > MAX_SIZE:
        raise ArgumentError(
            f"A picture of {view.width}x{view.height} cannot be made; "
            f"use 1 to {MAX_SIZE} pixels a side."
        )
    if options.threads is not None and options.threads < 1:
        raise ArgumentError(f"Rendering needs at least one thread, not {options.threads}.")
    if not (math.isfinite(options.near) and options.near >= 0):
        raise ArgumentError(
            f"The near limit must be a distance in metres, 0 or more, not {options.near}."
        )
    _check_moving(options, count, levels)
    _check_photo(options)


def _check_moving(options: RenderOptions, count: int, levels: Levels | None) -> None:
    if options.moving and options.twin:
        raise ArgumentError(
            "The NumPy twin draws whole frames alone; ask for moving or for the twin, not for both."
        )
    if options.moving and (levels is None or levels.count != count):
        raise ArgumentError(
            "A moving frame is drawn from its splats' levels of detail; build them first."
        )


def _check_photo(options: RenderOptions) -> None:
    focal = options.photo_focal
    if focal is not None and not (math.isfinite(focal) and focal > 0):
        raise ArgumentError(
            f"The photo's focal length must be a number of pixels above 0, not {focal}."
        )
    position = options.photo_position
    if position is not None and not np.isfinite(position).all():
        raise ArgumentError("The photo's position must be finite numbers.")
