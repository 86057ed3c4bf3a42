"""Frames while the camera moves: a cut through the levels within a budget, drawn small."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np

from ...camera import View
from ...kernels import rasterise
from ...kernels.constants import NOTHING_ALPHA
from ...progress import Progress
from ...splats.record import Splats
from ...tables.passes import DRAWN
from .. import frame
from ..harmonics import seen_colors
from ..parallel import run
from ..prepared import prepared
from ..record import ProxyRender, RenderOptions
from .cut import Sizes, cut, sizes
from .record import FANOUT, Levels

# Pixels that two cores draw, all passes, in 25 ms: half of 1280 x 720, the same for every larger
# picture.
MOST_PIXELS = 640 * 360
# Splats, as `cut` counts them.
BUDGET = 350_000
# Pixels times contrast: a smaller error is not seen even in a still picture.
FINEST_PX = 0.01
# Of the budget: chunks of the scene's own splats that may be drawn instead of levels. Not all rows
# of a chunk are in sight.
_OWN_SHARE = 2
# The passes that are interpolated, and the bounds in which their values are held, for a cubic
# overshoots. The others are of `_NEAREST_PIXEL`: a mean of two surfaces or of two ids is none.
_INTERPOLATED = {
    "color": (np.float32(0), np.float32(np.inf)),
    "alpha": (np.float32(NOTHING_ALPHA), np.float32(1)),
    "confidence": (np.float32(0), np.float32(1)),
}
_NEAREST_PIXEL = cv2.INTER_NEAREST_EXACT


def drawn_view(view: View) -> View:
    """Return the view with as many pixels as are drawn while moving.

    It is a function of the view's size alone.
    """
    area_scale = MOST_PIXELS / (view.width * view.height)
    scale = min(1.0, area_scale**0.5)
    width = max(1, round(view.width * scale))
    height = max(1, round(view.height * scale))
    return view.resized(width, height)


def render_moving(
    splats: Splats,
    levels: Levels,
    view: View,
    options: RenderOptions,
    pool: ThreadPoolExecutor,
    progress: Progress,
) -> ProxyRender:
    """Render every pass of a view in bounded time: merged splats on few pixels, enlarged.

    The choice of chunks depends on the scene, the view and its size alone, never on measured time:
    the same frame is the same picture. The scene's own splats are drawn where so few can be seen
    that they keep the budget.

    Raises:
        Cancelled: through `progress`.
    """
    small_view = drawn_view(view)
    options = replace(options, moving=False)
    visible = frame.seen(levels.prepared.bounds, small_view, options)
    measured = sizes(levels, small_view, visible)

    own = _own_chunks(splats, levels, measured, small_view, options, pool, progress)
    if own is not None:
        ready = prepared(splats, pool, progress)
        projected = frame.project(ready, small_view, options, pool, progress, own)
        colors = seen_colors(splats, projected, pool, progress)
        scene = frame.scene_of(splats, ready.normals, colors)
    else:
        chosen = cut(levels, measured, BUDGET, FINEST_PX)
        chosen = np.intersect1d(chosen, visible).astype(np.int32)
        projected = frame.project(levels.prepared, small_view, options, pool, progress, chosen)
        scene = levels.scene

    small = frame.blend(projected, scene, options.color_only, pool, progress)
    return enlarged(small, view, pool, progress)


def _own_chunks(
    splats: Splats,
    levels: Levels,
    measured: Sizes,
    view: View,
    options: RenderOptions,
    pool: ThreadPoolExecutor,
    progress: Progress,
) -> np.ndarray | None:
    """Choose the chunks of the scene's own splats that may show, where those keep the budget.

    Returns:
        (M,) int32; None where they do not keep it.
    """
    # The finest level estimates how many there will be, before they are prepared.
    finest = slice(0, len(levels.ranges[0])) if levels.drawn else slice(0)
    finest_costs = measured.costs[finest]
    merged_count = levels.rows[finest][finest_costs > 0].sum()
    members_more = (FANOUT - 1) * merged_count
    if finest_costs.sum() + members_more > BUDGET:
        return None

    # The scene's own chunks may lie less well than the levels': count those as well.
    bounds = prepared(splats, pool, progress).bounds
    chunks = frame.seen(bounds, view, options)
    rows = len(chunks) * rasterise.CHUNK_SPLATS
    return chunks if rows <= _OWN_SHARE * BUDGET else None


def enlarged(
    small: ProxyRender, view: View, pool: ThreadPoolExecutor, progress: Progress | None
) -> ProxyRender:
    """Enlarge a picture to another view of the same camera with more pixels.

    Colour, alpha and confidence are interpolated (Catmull-Rom's cubic: 0.4 dB better than linear on
    photos); depth, normals and ids are those of the nearest pixel, for a mean of two surfaces is
    none.
    """
    size = (view.width, view.height)
    if (small.view.width, small.view.height) == size:
        return replace(small, view=view)
    is_covered = _enlarged_cover(small.depth, size)

    def enlarge(name: str) -> np.ndarray:
        plane = getattr(small, name)
        if name not in _INTERPOLATED:
            return cv2.resize(plane, size, interpolation=_NEAREST_PIXEL)
        low, high = _INTERPOLATED[name]
        plane = cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC)
        np.clip(plane, low, high, out=plane)
        # Nothing spreads over pixels that have no depth.
        if is_covered is not None:
            plane *= is_covered if plane.ndim == 2 else is_covered[..., None]
        return plane

    names = [one.name for one in DRAWN]
    planes = run(pool, enlarge, names, progress)
    return ProxyRender(view=view, **dict(zip(names, planes, strict=True)))


def _enlarged_cover(depth: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    """Enlarge the mask of the pixels that have a depth to `size`; None where all have."""
    is_covered = np.isfinite(depth)
    if is_covered.all():
        return None
    mask = cv2.resize(is_covered.view(np.uint8), size, interpolation=_NEAREST_PIXEL)
    return mask.view(bool)
