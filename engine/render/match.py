"""`match_photo`: corrects splat colours until the render from the photo's camera is the photo."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..camera import View
from ..errors import ArgumentError
from ..progress import Progress
from ..splats.record import Splats
from .frame import blend, project, scene_of
from .harmonics import seen_colors
from .parallel import thread_count
from .prepared import prepared
from .record import RenderOptions
from .scratch import borrowed

STAGE = "Matching the photo"
_SPILLED = 0.1  # of the encoded range: no ghost from beside, and the photo's own view gains most of a decibel


def match_photo(
    splats: Splats,
    view: View,
    target: np.ndarray,
    rows: np.ndarray,
    iterations: int = 4,
    upper: float | None = 1.0,
    progress: Progress | None = None,
    spilled: np.ndarray | None = None,
) -> Splats:
    """Splats whose picture at `view` is closer to the photo than before, by Van Cittert's iteration (1931).

    Neighbouring splats overlap, so their picture is a blurred photo. Each step adds what a pixel lacks to the splat that
    stands for it, until a step does not raise the PSNR any more; the best is kept. Geometry is projected once.

    Args:
        splats: as lifted from the photo.
        view: the photo's camera on the target's grid.
        target: (H, W, 3) float32, sRGB-encoded.
        rows: (H, W) int32, the row of `splats` that stands for each pixel, or -1.
        iterations: corrections to try at most.
        upper: the highest colour allowed; None for an HDR photo.
        progress: reported to and asked at every step.
        spilled: (E,) flat indices of pixels that nearer splats spill onto: their own stay within _SPILLED of between their
            colour and the photo's, or they would take the opposite of what spills, and show it from beside.

    Raises:
        ArgumentError: shapes do not belong together.
        Cancelled: through `progress`.
    """
    _check(len(splats), view, target, rows)
    progress = progress or Progress()
    there = rows >= 0
    wanted, owners = np.nan_to_num(target[there]), rows[there]
    spilled = np.zeros(0, int) if spilled is None else spilled[rows.ravel()[spilled] >= 0]
    bound, shown = rows.ravel()[spilled], np.nan_to_num(target.reshape(-1, 3)[spilled])
    low = np.minimum(splats.colors[bound], shown) - np.float32(_SPILLED)
    high = np.maximum(splats.colors[bound], shown) + np.float32(_SPILLED)
    colors, best, least = splats.colors, splats.colors, np.inf
    with ThreadPoolExecutor(thread_count(None)) as pool, borrowed() as scratch:
        ready = prepared(splats, pool, progress)
        frame = project(ready, view, RenderOptions(), pool, progress, scratch=scratch)
        for step in range(iterations + 1):
            progress(step / (iterations + 1), STAGE)
            seen = seen_colors(splats, frame, pool, progress, colors)
            picture = blend(frame, scene_of(splats, ready.normals, seen), True, pool, progress)
            lacking = wanted - picture.color[there]
            error = float(np.square(lacking).sum(dtype=float))
            if error >= least:
                break
            best, least = colors, error
            colors = _corrected(colors, owners, lacking, upper)
            colors[bound] = np.clip(colors[bound], low, high)
    progress(1.0, STAGE)
    return splats.with_(colors=best)


def _corrected(
    colors: np.ndarray, owners: np.ndarray, lacking: np.ndarray, upper: float | None
) -> np.ndarray:
    """Colours (N, 3) with the mean of what each splat's pixels (M, 3) lack added."""
    pixels = np.maximum(np.bincount(owners, minlength=len(colors)), 1)
    corrected = np.empty_like(colors)
    for k in range(
        3
    ):  # one after the other: bincount works in double precision, and all at once would take eighty megabytes
        corrected[:, k] = np.clip(
            colors[:, k] + np.bincount(owners, lacking[:, k], len(colors)) / pixels, 0, upper
        )
    return corrected


def _check(count: int, view: View, target: np.ndarray, rows: np.ndarray) -> None:
    if target.shape != (view.height, view.width, 3) or rows.shape != target.shape[:2]:
        raise ArgumentError(
            f"The photo {target.shape}, its splats {rows.shape} and the view ({view.height}, {view.width}) must have one size."
        )
    if rows.size and rows.max() >= count:
        raise ArgumentError(f"Pixels name splat {rows.max()}, but there are only {count}.")
