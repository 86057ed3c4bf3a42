"""Frames while the camera moves: a cut through the levels within a budget, few pixels, and these enlarged."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np

from ...camera import View
from ...kernels import rasterise
from ...kernels.constants import NOTHING_ALPHA
from ...progress import Progress
from ...splats.record import Splats
from .. import frame
from ..harmonics import seen_colors
from ..parallel import run
from ..prepared import prepared
from ..record import ProxyRender, RenderOptions
from .cut import Sizes, cut, sizes
from .record import FANOUT, Levels

# What two cores draw, all passes, in 25 ms: half of 1280 x 720, the same for every larger picture.
MOST_PIXELS = 640 * 360
BUDGET = 350_000  # splats, as `cut` counts them
FINEST_PX = 0.01  # pixels times contrast: less is not seen even when still
_SMOOTH = {  # the passes that are interpolated, and the bounds in which they are held, for a cubic overshoots
    "color": (np.float32(0), np.float32(np.inf)),
    "alpha": (np.float32(NOTHING_ALPHA), np.float32(1)),
    "confidence": (np.float32(0), np.float32(1)),
}


def drawn_view(view: View) -> View:
    """The view with as many pixels as are drawn while moving; a function of its size alone."""
    scale = min(1.0, (MOST_PIXELS / (view.width * view.height)) ** 0.5)
    return view.resized(max(1, round(view.width * scale)), max(1, round(view.height * scale)))


def render_moving(
    splats: Splats,
    levels: Levels,
    view: View,
    options: RenderOptions,
    pool: ThreadPoolExecutor,
    progress: Progress,
) -> ProxyRender:
    """Every pass of a view in bounded time: merged splats on few pixels, enlarged.

    Which chunks are drawn depends on the scene, the view and its size alone, never on measured time: the same frame is
    the same picture. The scene's own splats are drawn where so few can be seen that they keep the budget.

    Raises:
        Cancelled: through `progress`.
    """
    small = drawn_view(view)
    options = replace(options, moving=False)
    visible = frame.seen(levels.prepared.bounds, small, options)
    found = sizes(levels, small, visible)
    own = _own_chunks(splats, levels, found, small, options, pool, progress)
    if own is not None:
        ready = prepared(splats, pool, progress)
        projected = frame.project(ready, small, options, pool, progress, own)
        scene = frame.scene_of(
            splats, ready.normals, seen_colors(splats, projected, pool, progress)
        )
    else:
        chosen = np.intersect1d(cut(levels, found, BUDGET, FINEST_PX), visible).astype(np.int32)
        scene = levels.scene
        projected = frame.project(levels.prepared, small, options, pool, progress, chosen)
    return enlarged(
        frame.blend(projected, scene, options.color_only, pool, progress), view, pool, progress
    )


def _own_chunks(
    splats: Splats,
    levels: Levels,
    found: Sizes,
    view: View,
    options: RenderOptions,
    pool: ThreadPoolExecutor,
    progress: Progress,
) -> np.ndarray | None:
    """The chunks of the scene's own splats that may show, (M,) int32, where those keep the budget; else None.

    The finest level says how many there will be before they are prepared; their chunks, which may lie less well, count.
    """
    finest = slice(0, len(levels.ranges[0])) if levels.drawn else slice(0)
    there = levels.rows[finest][found.costs[finest] > 0].sum()
    if found.costs[finest].sum() + (FANOUT - 1) * there > BUDGET:
        return None
    chunks = frame.seen(prepared(splats, pool, progress).bounds, view, options)
    return chunks if len(chunks) * rasterise.CHUNK_SPLATS <= 2 * BUDGET else None


def enlarged(
    small: ProxyRender, view: View, pool: ThreadPoolExecutor, progress: Progress | None
) -> ProxyRender:
    """A picture at another view of the same camera with more pixels.

    Colour, alpha and confidence are interpolated (Catmull-Rom's cubic: 0.4 dB better than linear on photos); depth,
    normals and ids are those of the nearest pixel, for a mean of two surfaces is none.
    """
    if (small.view.width, small.view.height) == (view.width, view.height):
        return replace(small, view=view)
    size = view.width, view.height
    there = np.isfinite(small.depth)
    shown = (
        None
        if there.all()
        else cv2.resize(there.view(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT).view(
            bool
        )
    )

    def work(name: str) -> np.ndarray:
        if name not in _SMOOTH:
            return cv2.resize(getattr(small, name), size, interpolation=cv2.INTER_NEAREST_EXACT)
        plane = cv2.resize(getattr(small, name), size, interpolation=cv2.INTER_CUBIC)
        np.clip(plane, *_SMOOTH[name], out=plane)
        if shown is not None:
            plane *= shown if plane.ndim == 2 else shown[..., None]
        return plane

    names = [name for name in vars(small) if name != "view"]
    return ProxyRender(view=view, **dict(zip(names, run(pool, work, names, progress), strict=True)))
