"""Chunks of splats that a camera may see: tests of their bounds that leave out none too many."""

from dataclasses import dataclass

import numpy as np

from ..camera import View
from ..kernels.constants import CHUNK_SPLATS
from ..splats.record import Splats

EXTENT = 3.34  # standard deviations at which the most opaque splat has faded to 1/255
LOW_PASS_PX = 0.56  # standard deviation that the low-pass adds, rounded up
SLACK_PX = 1.0  # the kernels' own slack, and what float32 does to a splat's size
ROUNDING = 2.0**-20  # relative, of a sum of a few float32 products; measured 2^-22

Slopes = tuple[float, ...]  # x / z and y / z


@dataclass(frozen=True, eq=False)
class Bounds:
    """A sphere around the centres of each chunk's splats, and their largest standard deviation."""

    centres: np.ndarray  # (C, 3) float64, metres
    radii: np.ndarray  # (C,) float64, metres; -1 where a chunk has nothing that can be drawn
    spreads: np.ndarray  # (C,) float64, metres


def bounds_of(splats: Splats, drawn: np.ndarray) -> Bounds:
    """Return the bounds of every CHUNK_SPLATS rows, of the splats that are `drawn` (N,) bool."""
    starts = np.arange(0, len(splats), CHUNK_SPLATS)
    if not len(starts):
        return Bounds(
            centres=np.zeros((0, 3)),
            radii=np.zeros(0),
            spreads=np.zeros(0),
        )
    has_splats = np.logical_or.reduceat(drawn, starts)  # [C]

    # The sphere around a chunk's box.
    positions = splats.positions
    row = drawn[:, None]
    lowest = np.where(row, positions, np.inf)
    low = np.minimum.reduceat(lowest, starts).astype(float)  # [C, 3]
    highest = np.where(row, positions, -np.inf)
    high = np.maximum.reduceat(highest, starts).astype(float)
    chunk = has_splats[:, None]
    half = np.where(chunk, high / 2 - low / 2, 0)
    centres = np.where(chunk, low, 0) + half
    radius = np.linalg.norm(half, axis=1)
    radii = np.where(has_splats, radius, -1)

    largest_scale = splats.scales.max(axis=1)
    spread = np.where(drawn, largest_scale, 0)
    spreads = np.maximum.reduceat(spread, starts).astype(float)
    return Bounds(centres, radii, spreads)


def visible_chunks(
    bounds: Bounds, view: View, near: float, slopes: tuple[Slopes, Slopes]
) -> np.ndarray:
    """Return the numbers of the chunks that may show, (M,) int32, ascending.

    A splat beyond the left edge has f x / z + c + reach < 0, with z > 0 the same as
    f x + (c + reach_px) z + reach_m < 0, which is linear, so its largest value in a sphere is
    known; the other edges alike.

    Args:
        bounds: of all chunks.
        view: the camera.
        near: metres.
        slopes: (x, y) each of the lowest and of the highest slope at which the projection's
            Jacobian is held.
    """
    rotation, eye, focal_length, principal_point = _as_kernels_see(view)
    from_eye = bounds.centres - eye
    x, y, z = (from_eye @ rotation.T).T  # metres, camera
    distance = np.linalg.norm(from_eye, axis=1)
    radii = bounds.radii + ROUNDING * (distance + bounds.radii)
    may_show = bounds.radii >= 0
    may_show &= z + radii >= near

    sizes = (view.width, view.height)
    axes = zip((x, y), focal_length, principal_point, sizes, *slopes, strict=True)
    for across, focal, centre, size, lowest_slope, highest_slope in axes:
        # A splat reaches as far as its own size, and the filters' pixels beyond that.
        rounding_px = ROUNDING * (abs(centre) + size)
        reach_px = EXTENT * LOW_PASS_PX + SLACK_PX + rounding_px
        steepest = max(abs(lowest_slope), abs(highest_slope))
        stretch = np.hypot(1, steepest)  # of a splat at the edge of the frustum
        reach_m = EXTENT * (1 + ROUNDING) * focal * stretch * bounds.spreads
        # The left or upper edge, and the right or lower one.
        for sign, to_edge in ((1, centre), (-1, size - centre)):
            slope = to_edge + reach_px
            steepness = np.hypot(focal, slope)
            farthest = sign * focal * across + slope * z + steepness * radii
            may_show &= farthest + reach_m >= 0
    return np.flatnonzero(may_show).astype(np.int32)


def _as_kernels_see(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Round rotation, eye, focal lengths and principal point to float32.

    So `Camera` of rasterise.h holds them. At 10 km from the origin an eye is rounded by half a
    millimetre: far more than a pixel, seen from near or by a long lens.
    """
    rotation = view.camera_from_world[:3, :3]
    focal_length = np.array([view.fx, view.fy])
    principal_point = np.array([view.cx, view.cy])
    return (
        _rounded(rotation),
        _rounded(view.position),
        _rounded(focal_length),
        _rounded(principal_point),
    )


def _rounded(numbers: np.ndarray) -> np.ndarray:
    """Return numbers as float32 holds them, in float64."""
    in_float32 = numbers.astype(np.float32)
    return in_float32.astype(float)
