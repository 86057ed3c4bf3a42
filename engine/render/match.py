"""`match_photo`: splat colours corrected until the render from the photo's camera is the photo."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

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
# Of the encoded range: the freedom of the colours onto which nearer splats spill. With this no
# ghost shows from another side, and the photo's own view gains most of a decibel.
_SPILL_MARGIN = 0.1


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
    """Bring the splats' picture at `view` closer to the photo, by Van Cittert's iteration (1931).

    Neighbouring splats overlap, so their picture is a blurred photo. Each step adds the difference
    of a pixel to the splat that stands for it, until a step does not raise the PSNR any more; the
    best is kept. Geometry is projected once.

    Args:
        splats: as lifted from the photo.
        view: the photo's camera on the target's grid.
        target: (H, W, 3) float32, sRGB-encoded.
        rows: (H, W) int32, the row of `splats` that stands for each pixel, or -1.
        iterations: corrections to try at most.
        upper: the highest colour allowed; None for an HDR photo.
        progress: reported to and asked at every step.
        spilled: (E,) flat indices of pixels onto which nearer splats spill. The splats of these
            pixels stay near their own colour and the photo's, within a tenth of the range: else
            they would take the opposite of what spills, and show it from another side.

    Returns:
        The splats with other colours.

    Raises:
        ArgumentError: shapes do not belong together.
        Cancelled: through `progress`.
    """
    _check(len(splats), view, target, rows)
    progress = progress or Progress()
    has_splat = rows >= 0
    wanted = np.nan_to_num(target[has_splat])  # [M, 3]
    owners = rows[has_splat]  # [M]
    limits = _limits(splats.colors, target, rows, spilled)

    with ThreadPoolExecutor(thread_count(None)) as pool, borrowed() as scratch:
        ready = prepared(splats, pool, progress)
        frame = project(ready, view, RenderOptions(), pool, progress, scratch=scratch)

        def difference_with(colors: np.ndarray) -> np.ndarray:
            seen = seen_colors(splats, frame, pool, progress, colors)
            scene = scene_of(splats, ready.normals, seen)
            picture = blend(frame, scene, True, pool, progress)
            return wanted - picture.color[has_splat]

        def corrected(colors: np.ndarray, difference: np.ndarray) -> np.ndarray:
            better = _corrected(colors, owners, difference, upper)
            limits.hold(better)
            return better

        best = _best(splats.colors, difference_with, corrected, iterations, progress)
    progress(1.0, STAGE)
    return splats.with_(colors=best)


def _best(
    colors: np.ndarray,
    difference_with: Callable[[np.ndarray], np.ndarray],
    corrected: Callable[[np.ndarray, np.ndarray], np.ndarray],
    iterations: int,
    progress: Progress,
) -> np.ndarray:
    """Correct colours (N, 3) until the picture's difference does not shrink; return the best."""
    best = colors
    least_error = np.inf
    for step in range(iterations + 1):
        progress(step / (iterations + 1), STAGE)
        difference = difference_with(colors)
        error = float(np.square(difference).sum(dtype=float))
        if error >= least_error:
            break
        best = colors
        least_error = error
        colors = corrected(colors, difference)
    return best


@dataclass(frozen=True, eq=False)
class _Limits:
    """The range of the colours of splats onto whose pixels nearer ones spill."""

    rows: np.ndarray  # (E,) of the splats
    low: np.ndarray  # (E, 3)
    high: np.ndarray  # (E, 3)

    def hold(self, colors: np.ndarray) -> None:
        """Bring the colours (N, 3) of these splats into their range, in place."""
        colors[self.rows] = np.clip(colors[self.rows], self.low, self.high)


def _limits(
    colors: np.ndarray, target: np.ndarray, rows: np.ndarray, spilled: np.ndarray | None
) -> _Limits:
    """Allow colours between the splat's own and the photo's, and a little beyond each."""
    if spilled is None:
        spilled = np.zeros(0, int)
    row_of_pixel = rows.ravel()
    spilled = spilled[row_of_pixel[spilled] >= 0]
    limited = row_of_pixel[spilled]
    photographed = np.nan_to_num(target.reshape(-1, 3)[spilled])
    own = colors[limited]
    margin = np.float32(_SPILL_MARGIN)
    return _Limits(
        rows=limited,
        low=np.minimum(own, photographed) - margin,
        high=np.maximum(own, photographed) + margin,
    )


def _corrected(
    colors: np.ndarray, owners: np.ndarray, difference: np.ndarray, upper: float | None
) -> np.ndarray:
    """Add to each splat's colour (N, 3) the mean difference (M, 3) of its pixels."""
    pixels = np.bincount(owners, minlength=len(colors))
    pixels = np.maximum(pixels, 1)
    corrected = np.empty_like(colors)
    # One channel after the other: bincount works in double precision, and all at once would take
    # eighty megabytes.
    for channel in range(3):
        total = np.bincount(owners, difference[:, channel], len(colors))
        corrected[:, channel] = np.clip(colors[:, channel] + total / pixels, 0, upper)
    return corrected


def _check(count: int, view: View, target: np.ndarray, rows: np.ndarray) -> None:
    if target.shape != (view.height, view.width, 3) or rows.shape != target.shape[:2]:
        raise ArgumentError(
            f"The photo {target.shape}, its splats {rows.shape} and the view "
            f"({view.height}, {view.width}) must have one size."
        )
    if rows.size and rows.max() >= count:
        raise ArgumentError(f"Pixels name splat {rows.max()}, but there are only {count}.")
