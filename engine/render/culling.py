"""Which chunks of splats a camera can see at all: tests of their bounds that never leave out one too many."""

from dataclasses import dataclass

import numpy as np

from ..camera import View
from ..kernels import rasterise
from ..splats.record import Splats

EXTENT = 3.34  # standard deviations at which the most opaque splat has faded to 1/255
LOW_PASS_PX = 0.56  # standard deviation that the low-pass adds, rounded up
SLACK_PX = 1.0  # for what float32 does to the kernels' own numbers


@dataclass(frozen=True, eq=False)
class Bounds:
    """A sphere around the centres of each chunk's splats, in metres, and their largest standard deviation."""

    centres: np.ndarray  # (C, 3) float64
    radii: np.ndarray  # (C,) float64; -1 where a chunk has nothing that can be drawn
    spreads: np.ndarray  # (C,) float64


def bounds_of(splats: Splats, drawn: np.ndarray) -> Bounds:
    """Bounds of every `rasterise.CHUNK` rows, of those `drawn` (N,) bool."""
    starts = np.arange(0, len(splats), rasterise.CHUNK)
    if not len(starts):
        return Bounds(np.zeros((0, 3)), np.zeros(0), np.zeros(0))
    some = np.logical_or.reduceat(drawn, starts)
    low = np.minimum.reduceat(np.where(drawn[:, None], splats.positions, np.inf), starts).astype(float)
    high = np.maximum.reduceat(np.where(drawn[:, None], splats.positions, -np.inf), starts).astype(float)
    largest = np.where(drawn, splats.scales.max(axis=1), 0)
    half = np.where(some[:, None], high / 2 - low / 2, 0)
    centres = np.where(some[:, None], low, 0) + half
    return Bounds(centres, np.where(some, np.linalg.norm(half, axis=1), -1), np.maximum.reduceat(largest, starts).astype(float))


def visible_chunks(bounds: Bounds, view: View, near: float, slopes: tuple[tuple[float, ...], tuple[float, ...]]) -> np.ndarray:
    """The numbers of the chunks that may show, (M,) int32, ascending.

    A splat beyond the left edge has f x / z + c + reach < 0, with z > 0 the same as f x + (c + reach_px) z + reach_m < 0,
    which is linear, so its largest value in a sphere is known; the other edges alike.

    Args:
        bounds: of all chunks.
        view: the camera.
        near: metres.
        slopes: (x, y) each of the lowest and of the highest slope at which the projection's Jacobian is held.
    """
    inverse = view.camera_from_world
    x, y, z = (bounds.centres @ inverse[:3, :3].T + inverse[:3, 3]).T
    kept = (bounds.radii >= 0) & (z + bounds.radii >= near)
    reach_px = EXTENT * LOW_PASS_PX + SLACK_PX
    axes = (x, view.fx, view.cx, view.width), (y, view.fy, view.cy, view.height)
    for (across, focal, centre, size), low, high in zip(axes, *slopes, strict=True):
        reach = EXTENT * focal * np.hypot(1, max(abs(low), abs(high))) * bounds.spreads
        for sign, edge in ((1, centre), (-1, size - centre)):
            slope = edge + reach_px
            farthest = sign * focal * across + slope * z + np.hypot(focal, slope) * bounds.radii
            kept &= farthest + reach >= 0
    return np.flatnonzero(kept).astype(np.int32)
