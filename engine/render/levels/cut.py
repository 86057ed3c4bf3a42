"""Which chunk of which level is drawn: the finest cut through the tree whose cost keeps the budget."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...camera import View
from ...kernels import rasterise
from ..culling import EXTENT, LOW_PASS_PX
from .record import FANOUT, Levels

SPLAT_COST = 1.0  # the unit: projecting, sorting and gathering one splat
TILE_COST = 0.35  # of one more tile that a splat touches
PIXEL_COST = 0.004  # of a pixel of a splat's box
STEEPEST = 2.0  # slope at which the Jacobian is held; beyond the edge of all but fisheyes
NEAREST_PART = (
    0.5  # of a chunk's radius: how near its splats are taken to be where the camera is inside
)


@dataclass(frozen=True, eq=False)
class Sizes:
    """What the chunks of a tree measure in one view; (C,) each."""

    errors: (
        np.ndarray
    )  # pixels, how far merging moved what shows; -inf where the chunk is out of sight
    costs: np.ndarray  # in splats; 0 where it is out of sight


def sizes(levels: Levels, view: View, visible: np.ndarray) -> Sizes:
    """Errors and costs of all chunks, of which those of `visible` (M,) can be seen.

    The mean covariance of a chunk, projected at its centre, gives the mean square of its splats' widths, and with that
    how many tiles and pixels they touch: E[(1 + w/32)(1 + h/16)], where E[w h] is at most the root of E[w^2] E[h^2].
    """
    inverse = view.camera_from_world
    bounds, covariances = levels.prepared.bounds, levels.covariances[visible].T.astype(float)
    x, y, z = (bounds.centres[visible] @ inverse[:3, :3].T + inverse[:3, 3]).T
    depth = np.maximum(
        np.maximum(z, NEAREST_PART * bounds.radii[visible]), np.finfo(np.float32).tiny
    )

    def width(axis: int, along: np.ndarray, focal: float, size: int) -> np.ndarray:
        slope = np.clip(along / depth, -STEEPEST, STEEPEST)
        variance = _variance(covariances, inverse[axis, :3, None] - slope * inverse[2, :3, None])
        return np.minimum(
            2 * EXTENT * np.sqrt(variance * (focal / depth) ** 2 + LOW_PASS_PX**2), size
        )

    wide, high = width(0, x, view.fx, view.width), width(1, y, view.fy, view.height)
    tiles = (1 + wide / rasterise.TILE_WIDTH) * (1 + high / rasterise.TILE_HEIGHT) - 1
    errors, costs = np.full(len(levels.losses), -np.inf), np.zeros(len(levels.losses))
    errors[visible] = levels.losses[visible] * max(view.fx, view.fy) / depth
    costs[visible] = levels.rows[visible] * (
        SPLAT_COST + TILE_COST * tiles + PIXEL_COST * wide * high
    )
    return Sizes(errors, costs)


def _variance(covariances: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """(M,) m^2 along direction (3, M) of covariances (6, M)."""
    xx, xy, xz, yy, yz, zz = covariances
    a, b, c = direction
    return np.maximum(
        a * a * xx + b * b * yy + c * c * zz + 2 * (a * b * xy + a * c * xz + b * c * yz), 0
    )


def cut(levels: Levels, found: Sizes, budget: float, finest: float = 0.0) -> np.ndarray:
    """The chunks (K,) to draw: every chunk of the finest level is among them or below exactly one of them.

    A chunk is refined while its error is above a limit; an ancestor's error is taken as no smaller than its
    descendants', so that each limit makes one cut. The limit is the least whose cost keeps the budget; the root alone
    may cost more.

    Args:
        levels: the tree.
        found: its chunks' errors and costs.
        budget: in splats.
        finest: pixels; no chunk is refined whose error is less.
    """
    own, above = _monotone(levels, found.errors)
    changes = np.concatenate([found.costs, -found.costs])
    limits = np.concatenate([own, above])
    order = np.argsort(limits, kind="stable")
    limits, costs = limits[order], np.cumsum(changes[order])
    last = np.append(
        limits[1:] > limits[:-1], True
    )  # where several change at once, the cost after all of them
    fits = last & (costs <= budget) & (limits >= finest)
    limit = limits[fits.argmax()] if fits.any() else np.inf
    if limit == np.inf:  # not even the root keeps it
        return np.array([len(own) - 1])
    return np.flatnonzero((own <= limit) & (limit < above))


def _monotone(levels: Levels, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(C,) each chunk's error, at least its descendants', and its parent's; a finest one's is -inf: it cannot be refined."""
    own, above = errors.copy(), np.full(len(errors), np.inf)
    ranges = levels.ranges
    own[ranges[0].start : ranges[0].stop] = -np.inf
    for finer, coarser in pairwise(ranges):
        largest = np.maximum.reduceat(
            own[finer.start : finer.stop], np.arange(0, len(finer), FANOUT)
        )
        here = own[coarser.start : coarser.stop]  # a view
        np.maximum(here, largest, out=here)
        above[finer.start : finer.stop] = np.repeat(here, FANOUT)[: len(finer)]
    return own, above
