"""Which chunks of splats a camera can see at all: tests of their bounds that never leave out one too many."""

from dataclasses import dataclass

import numpy as np

from ..camera import View
from ..kernels import rasterise
from ..splats.record import Splats

EXTENT = 3.34  # standard deviations at which the most opaque splat has faded to 1/255
LOW_PASS_PX = 0.56  # standard deviation that the low-pass adds, rounded up
SLACK_PX = 1.0  # the kernels' own, and what float32 does to a splat's size
ROUNDING = 2.0**-20  # relative, of a sum of a few float32 products; measured 2^-22


@dataclass(frozen=True, eq=False)
class Bounds:
    """A sphere around the centres of each chunk's splats, in metres, and their largest standard deviation."""

    centres: np.ndarray  # (C, 3) float64
    radii: np.ndarray  # (C,) float64; -1 where a chunk has nothing that can be drawn
    spreads: np.ndarray  # (C,) float64


def bounds_of(splats: Splats, drawn: np.ndarray) -> Bounds:
    """Bounds of every `rasterise.CHUNK_SPLATS` rows, of those `drawn` (N,) bool."""
    starts = np.arange(0, len(splats), rasterise.CHUNK_SPLATS)
    if not len(starts):
        return Bounds(np.zeros((0, 3)), np.zeros(0), np.zeros(0))
    some = np.logical_or.reduceat(drawn, starts)
    low = np.minimum.reduceat(np.where(drawn[:, None], splats.positions, np.inf), starts).astype(
        float
    )
    high = np.maximum.reduceat(np.where(drawn[:, None], splats.positions, -np.inf), starts).astype(
        float
    )
    largest = np.where(drawn, splats.scales.max(axis=1), 0)
    half = np.where(some[:, None], high / 2 - low / 2, 0)
    centres = np.where(some[:, None], low, 0) + half
    return Bounds(
        centres,
        np.where(some, np.linalg.norm(half, axis=1), -1),
        np.maximum.reduceat(largest, starts).astype(float),
    )


def visible_chunks(
    bounds: Bounds, view: View, near: float, slopes: tuple[tuple[float, ...], tuple[float, ...]]
) -> np.ndarray:
    """The numbers of the chunks that may show, (M,) int32, ascending.

    A splat beyond the left edge has f x / z + c + reach < 0, with z > 0 the same as f x + (c + reach_px) z + reach_m < 0,
    which is linear, so its largest value in a sphere is known; the other edges alike.

    Args:
        bounds: of all chunks.
        view: the camera.
        near: metres.
        slopes: (x, y) each of the lowest and of the highest slope at which the projection's Jacobian is held.
    """
    turn, eye, focals, centres = _as_kernels_see(view)
    offset = bounds.centres - eye
    x, y, z = (offset @ turn.T).T
    radii = bounds.radii + ROUNDING * (np.linalg.norm(offset, axis=1) + bounds.radii)
    kept = (bounds.radii >= 0) & (z + radii >= near)
    axes = (x, focals[0], centres[0], view.width), (y, focals[1], centres[1], view.height)
    for (across, focal, centre, size), low, high in zip(axes, *slopes, strict=True):
        reach_px = EXTENT * LOW_PASS_PX + SLACK_PX + ROUNDING * (abs(centre) + size)
        reach = (
            EXTENT * (1 + ROUNDING) * focal * np.hypot(1, max(abs(low), abs(high))) * bounds.spreads
        )
        for sign, edge in ((1, centre), (-1, size - centre)):
            slope = edge + reach_px
            farthest = sign * focal * across + slope * z + np.hypot(focal, slope) * radii
            kept &= farthest + reach >= 0
    return np.flatnonzero(kept).astype(np.int32)


def _as_kernels_see(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rotation, eye, focal lengths and principal point, rounded to float32 as `Camera` of rasterise.h holds them.

    At 10 km from the origin an eye is rounded by half a millimetre: far more than a pixel, seen from near or by a long lens.
    """
    numbers = (
        view.camera_from_world[:3, :3],
        view.position,
        np.array([view.fx, view.fy]),
        np.array([view.cx, view.cy]),
    )
    turn, eye, focals, centres = (part.astype(np.float32).astype(float) for part in numbers)
    return turn, eye, focals, centres
