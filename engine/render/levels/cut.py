"""The choice of chunks: the finest cut through the tree of levels whose cost keeps a budget."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...camera import View
from ...kernels import rasterise
from ..culling import EXTENT, LOW_PASS_PX
from .record import FANOUT, Levels

# The unit of costs: projecting, sorting and gathering one splat.
SPLAT_COST = 1.0
# Of one more tile that a splat touches.
TILE_COST = 0.35
# Of a pixel of the box around a splat.
PIXEL_COST = 0.004
# The slope at which the projection's Jacobian is held: beyond the edge of all but fisheyes.
STEEPEST = 2.0
# Of a chunk's radius: the distance of its splats where the camera is inside.
NEAREST_PART = 0.5


@dataclass(frozen=True, eq=False)
class Sizes:
    """Measures of the C chunks of a tree in one view."""

    # (C,) pixels that merging moved things, weighted by contrast; -inf where out of sight.
    errors: np.ndarray
    # (C,) in splats; 0 where out of sight.
    costs: np.ndarray


def sizes(levels: Levels, view: View, visible: np.ndarray) -> Sizes:
    """Compute the errors and the costs of all chunks.

    The mean covariance of a chunk, projected at its centre, gives the mean square of its splats'
    widths, and with that how many tiles and pixels they touch: E[(1 + w/32)(1 + h/16)], where
    E[w h] is at most the root of E[w^2] E[h^2].

    Args:
        levels: the tree.
        view: the camera.
        visible: (M,), the chunks that can be seen.
    """
    camera_from_world = view.camera_from_world
    rotation = camera_from_world[:3, :3]
    translation = camera_from_world[:3, 3]
    bounds = levels.prepared.bounds
    covariances = levels.covariances[visible].T.astype(float)  # [6, M]

    # A chunk around the camera has splats before it, though its centre may be behind.
    centres = bounds.centres[visible] @ rotation.T + translation
    x, y, z = centres.T
    least_depth = NEAREST_PART * bounds.radii[visible]
    depth = np.maximum(z, least_depth)
    depth = np.maximum(depth, np.finfo(np.float32).tiny)

    def extent_px(axis: int, offset: np.ndarray, focal_length: float, size: int) -> np.ndarray:
        # The Jacobian's row, apart from focal_length / depth: a direction in the world.
        slope = np.clip(offset / depth, -STEEPEST, STEEPEST)
        direction = rotation[axis, :, None] - slope * rotation[2, :, None]  # [3, M]
        variance = _variance(covariances, direction)
        variance_px = variance * (focal_length / depth) ** 2
        deviation_px = np.sqrt(variance_px + LOW_PASS_PX**2)
        return np.minimum(2 * EXTENT * deviation_px, size)

    width = extent_px(0, x, view.fx, view.width)
    height = extent_px(1, y, view.fy, view.height)
    tiles_x = 1 + width / rasterise.TILE_WIDTH
    tiles_y = 1 + height / rasterise.TILE_HEIGHT
    more_tiles = tiles_x * tiles_y - 1
    cost_of_splat = SPLAT_COST + TILE_COST * more_tiles + PIXEL_COST * width * height

    losses = levels.losses
    focal_length = max(view.fx, view.fy)
    errors = np.full(len(losses), -np.inf)
    errors[visible] = losses[visible] * focal_length / depth
    costs = np.zeros(len(losses))
    costs[visible] = levels.rows[visible] * cost_of_splat
    return Sizes(errors, costs)


def _variance(covariances: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Measure covariances (6, M) along directions (3, M): (M,) square metres, at least 0."""
    xx, xy, xz, yy, yz, zz = covariances
    a, b, c = direction
    on_diagonal = a * a * xx + b * b * yy + c * c * zz
    off_diagonal = a * b * xy + a * c * xz + b * c * yz
    variance = on_diagonal + 2 * off_diagonal
    return np.maximum(variance, 0)


def cut(levels: Levels, measured: Sizes, budget: float, finest: float = 0.0) -> np.ndarray:
    """Choose the chunks (K,) to draw.

    Every chunk of the finest level is among them or below exactly one of them. A chunk is refined
    while its error is above a limit; an ancestor's error is taken as no smaller than its
    descendants', so that each limit makes one cut. The limit is the least whose cost keeps the
    budget; the root alone may cost more.

    Args:
        levels: the tree.
        measured: its chunks' errors and costs.
        budget: in splats.
        finest: pixels; no chunk is refined whose error is less.
    """
    own_errors, parent_errors = _monotone(levels, measured.errors)

    # As the limit rises, a chunk joins the cut at its own error and leaves it at its parent's: the
    # running sum of these changes is the cost of each limit's cut.
    limits = np.concatenate([own_errors, parent_errors])
    changes = np.concatenate([measured.costs, -measured.costs])
    order = np.argsort(limits, kind="stable")
    limits = limits[order]
    costs = np.cumsum(changes[order])

    # Where several chunks change at one limit, only the sum after all of them is a cost.
    rises = limits[1:] > limits[:-1]
    is_last = np.append(rises, True)
    fits = is_last & (costs <= budget) & (limits >= finest)
    limit = limits[fits.argmax()] if fits.any() else np.inf
    if limit == np.inf:
        # Not even the root keeps the budget; something must be drawn.
        root = len(own_errors) - 1
        return np.array([root])
    is_chosen = (own_errors <= limit) & (limit < parent_errors)
    return np.flatnonzero(is_chosen)


def _monotone(levels: Levels, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Raise each chunk's error to its descendants' largest.

    Returns:
        The error of each chunk and that of its parent, (C,) each. A finest chunk's error is -inf,
        for it cannot be refined; the root's parent's is inf.
    """
    own_errors = errors.copy()
    parent_errors = np.full(len(errors), np.inf)
    ranges = levels.ranges
    finest = ranges[0]
    own_errors[finest.start : finest.stop] = -np.inf
    for finer, coarser in pairwise(ranges):
        children = slice(finer.start, finer.stop)
        family_starts = np.arange(0, len(finer), FANOUT)
        largest = np.maximum.reduceat(own_errors[children], family_starts)
        coarser_errors = own_errors[coarser.start : coarser.stop]  # a view into own_errors
        np.maximum(coarser_errors, largest, out=coarser_errors)
        parent_errors[children] = np.repeat(coarser_errors, FANOUT)[: len(finer)]
    return own_errors, parent_errors
