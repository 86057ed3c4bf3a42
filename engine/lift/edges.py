"""Depth edges: where one surface ends before another, and the flying pixels between the two.

A depth map blurs its edges: pixels hang in the air between the near and the far surface. Along a
row or a column of pixels the inverse depth of a plane is linear. So a pixel flies if no straight
run of inverse depth contains it, and nearer as well as farther pixels surround it. It joins the
side whose colour is more like its own. A thin structure is nearer than all around it and stays.
"""

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from ..camera import View
from ..depth import DepthEstimate
from .vectors import dot, length, rotation_of

# A step in log depth of more, beyond what the slant of the surface explains, is an edge.
EDGE_STEP = 0.06

# Distance that wide splats keep from the near side of an edge, pixels.
EDGE_MARGIN_PX = 3

# Second difference of the inverse depth, relative to it, below which three pixels lie straight.
_BEND = 0.02

# Straight pixels in a line that make a surface.
_RUN = 5

# Pixels by which a pass takes a blurred edge back, from either side.
_REACH = 2

# Passes: together they take back a blur of four pixels, more than depth networks have.
_PASSES = 2

# Least distance in log depth of a flying pixel from each of the two sides.
_BETWEEN = EDGE_STEP / 2

# Difference between the colours of the two sides, in sRGB's range, below which colour does not
# decide which of them a flying pixel joins.
_CONTRAST = 0.08

# Least part of a unit normal towards the camera. A normal with less was measured across a depth
# step and is not the slant of a surface.
_LEAST_FACING = 0.4

# Largest change in log depth by which a surface's slant continues it within a few pixels.
_LARGEST_CHANGE = 0.1

Pixels = tuple[np.ndarray, np.ndarray]  # rows and columns, (N,) each


class Crooked(NamedTuple):
    """Pixels at a depth step that lie on no straight run of inverse depth, (H, W) bool each."""

    down: np.ndarray  # on none along their column
    across: np.ndarray  # on none along their row

    @property
    def either(self) -> np.ndarray:
        """Pixels that lie on no straight run in at least one of the two directions."""
        return self.down | self.across


class _Neighbours(NamedTuple):
    """The K pixels around each of N pixels, the nearest first, (N, K) each."""

    rows: np.ndarray
    columns: np.ndarray
    is_firm: np.ndarray  # bool: inside the picture, and not flying


def find_edges(
    depth: np.ndarray,
    slope: np.ndarray,
    margin: int = EDGE_MARGIN_PX,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the near sides and the far sides of depth edges, each `margin` pixels wide.

    A step counts as an edge where the surface's own slant does not explain it. With a margin of
    one pixel the result is the last pixel of each side.

    Args:
        depth: (H, W) metres.
        slope: (H, W) relative change of depth per pixel on the pixel's own plane.
        margin: pixels.

    Returns:
        Two (H, W) bool.
    """
    side = 2 * margin + 1
    window = np.ones((side, side), np.uint8)
    log_depth = np.log(depth)
    explained = 2 * margin * slope
    allowed = EDGE_STEP + explained
    farthest = cv2.dilate(log_depth, window)
    nearest = cv2.erode(log_depth, window)
    near_side = farthest - log_depth > allowed
    far_side = log_depth - nearest > allowed
    return near_side, far_side


def snapped(estimate: DepthEstimate, colours: np.ndarray) -> DepthEstimate:
    """Put each flying pixel on the near or the far surface beside it, with that surface's normal.

    Where a structure is too thin to have a measured slant across it, its normal is turned to the
    camera in that direction.

    Args:
        estimate: depth (H, W).
        colours: (H, W, 3) float32, sRGB-encoded.
    """
    view = estimate.view
    depth = estimate.depth
    normal = estimate.normal
    for _ in range(_PASSES):
        # Normals first: a surface that a flying pixel joins is continued along its normal.
        crooked = find_crooked(depth)
        normal = _faced(view, normal, crooked)
        flying = find_flying(depth, crooked)
        if flying.any():
            depth, normal = _landed(
                view,
                depth,
                normal,
                colours,
                flying,
            )

    # What the last pass has put on a thin structure has no slant across it either.
    normal = _faced(view, normal, find_crooked(depth))
    return replace(estimate, depth=depth, normal=normal)


def find_crooked(depth: np.ndarray) -> Crooked:
    """Find the pixels at a depth step that lie on no straight run of their row or column.

    Args:
        depth: (H, W) metres.
    """
    window = np.ones((3, 3), np.uint8)
    farthest = cv2.dilate(depth, window)
    nearest = cv2.erode(depth, window)
    at_step = farthest > nearest * (1 + EDGE_STEP)
    inverse_depth = (1 / depth).astype(np.float32)
    return Crooked(
        down=_on_no_run(inverse_depth, 0) & at_step,
        across=_on_no_run(inverse_depth, 1) & at_step,
    )


def _on_no_run(inverse_depth: np.ndarray, axis: int) -> np.ndarray:
    """Find the pixels that no _RUN straight pixels along the axis contain, (H, W) bool."""
    # A pixel is bent where the inverse depth of its two neighbours and its own are not linear.
    inner = [slice(None), slice(None)]
    inner[axis] = slice(1, -1)
    middle = tuple(inner)
    second_difference = np.diff(inverse_depth, 2, axis=axis)
    allowed = _BEND * inverse_depth[middle]
    bent = np.zeros(inverse_depth.shape, np.uint8)
    bent[middle] = np.abs(second_difference) > allowed

    # A run is straight if none of its inner pixels is bent: `crooked` marks the middles of others.
    crooked = cv2.dilate(bent, _line(_RUN - 2, axis))
    # A pixel is on a run if the middle of a straight one lies within half a run.
    on_run = cv2.dilate(1 - crooked, _line(_RUN, axis))
    return on_run == 0


def _line(count: int, axis: int) -> np.ndarray:
    """Return a window of `count` pixels along the axis."""
    shape = (count, 1) if axis == 0 else (1, count)
    return np.ones(shape, np.uint8)


def find_flying(depth: np.ndarray, crooked: Crooked) -> np.ndarray:
    """Find the pixels that hang in the air between a near and a far surface, (H, W) bool.

    Args:
        depth: (H, W) metres.
        crooked: of that depth.
    """
    side = 2 * _REACH + 1
    window = np.ones((side, side), np.uint8)
    log_depth = np.log(depth).astype(np.float32)
    nearest = cv2.erode(log_depth, window)
    farthest = cv2.dilate(log_depth, window)
    has_nearer = log_depth - nearest > _BETWEEN
    has_farther = farthest - log_depth > _BETWEEN
    return crooked.either & has_nearer & has_farther


def _faced(view: View, normal: np.ndarray, crooked: Crooked) -> np.ndarray:
    """Turn normals (H, W, 3) to the camera in the directions in which their pixels are crooked."""
    pixels = np.nonzero(crooked.either)
    rotation = rotation_of(view)
    turned = normal[pixels] @ rotation  # (N, 3), camera frame

    # Without a straight run along the column there is no slant from top to bottom, and without
    # one along the row none from left to right.
    turned[crooked.down[pixels], 1] = 0
    turned[crooked.across[pixels], 0] = 0

    # What is left may point sideways. Then nothing is known of the normal, and it faces the camera.
    faces_camera = turned[:, 2:] < -_LEAST_FACING
    to_camera = np.array([0, 0, -1], np.float32)
    turned = np.where(faces_camera, turned, to_camera)
    turned /= length(turned)

    normal = normal.copy()
    normal[pixels] = turned @ rotation.T
    return normal


def _landed(
    view: View,
    depth: np.ndarray,
    normal: np.ndarray,
    colours: np.ndarray,
    flying: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Put flying pixels on the surfaces of firm pixels at most _REACH away.

    Args:
        view: the camera.
        depth: (H, W) metres.
        normal: (H, W, 3) world.
        colours: (H, W, 3) sRGB-encoded.
        flying: (H, W) bool.

    Returns:
        Depth and normals. A pixel without firm ones on both sides stays.
    """
    rows, columns = np.nonzero(flying)  # (N,)
    around = _neighbours(rows, columns, flying)
    own_depth = depth[rows, columns]
    depth_around = depth[around.rows, around.columns]  # (N, K)
    ratio = depth_around / own_depth[:, None]
    change = np.log(ratio)
    near = around.is_firm & (change < -_BETWEEN)
    far = around.is_firm & (change > _BETWEEN)
    joins_near = _joins_near(
        colours[rows, columns],
        colours[around.rows, around.columns],
        near,
        far,
        change,
    )

    # Neighbours are sorted: the first of a side is the nearest pixel of it.
    first_near = near.argmax(axis=1)
    first_far = far.argmax(axis=1)
    chosen = np.where(joins_near, first_near, first_far)

    has_both = near.any(axis=1) & far.any(axis=1)
    landing = np.flatnonzero(has_both)
    chosen = chosen[landing]
    source = (
        around.rows[landing, chosen],
        around.columns[landing, chosen],
    )
    target = rows[landing], columns[landing]

    new_depth = depth.copy()
    new_normal = normal.copy()
    new_depth[target] = _continued(view, depth, normal, source, target)
    new_normal[target] = normal[source]
    return new_depth, new_normal


def _neighbours(rows: np.ndarray, columns: np.ndarray, flying: np.ndarray) -> _Neighbours:
    """Return the pixels at most _REACH rows and columns away from some pixels (N,)."""
    offsets = np.array(offsets_around(_REACH))  # (K, 2)
    squared_distance = np.square(offsets).sum(axis=1)
    nearest_first = np.argsort(squared_distance, kind="stable")
    down, right = offsets[nearest_first].T  # (K,)

    height, width = flying.shape
    around_rows = rows[:, None] + down  # (N, K)
    around_columns = columns[:, None] + right
    is_inside = (around_rows >= 0) & (around_rows < height)
    is_inside &= (around_columns >= 0) & (around_columns < width)
    around_rows = np.clip(around_rows, 0, height - 1)
    around_columns = np.clip(around_columns, 0, width - 1)
    is_firm = is_inside & ~flying[around_rows, around_columns]
    return _Neighbours(around_rows, around_columns, is_firm)


def offsets_around(reach: int, step: int = 1) -> list[tuple[int, int]]:
    """Return rows and columns from a pixel to those around it, without the pixel itself.

    Args:
        reach: rows and columns, at most.
        step: pixels between two of them.
    """
    steps = range(-reach, reach + 1, step)
    return [(down, right) for down in steps for right in steps if down or right]


def _joins_near(
    own: np.ndarray,
    around: np.ndarray,
    near: np.ndarray,
    far: np.ndarray,
    change: np.ndarray,
) -> np.ndarray:
    """Decide which flying pixels belong to the near side.

    The colour decides; where the two sides have one colour, the depth does.

    Args:
        own: (N, 3) colours of the flying pixels.
        around: (N, K, 3) colours of their neighbours.
        near: (N, K) bool, the neighbours on the near side.
        far: (N, K) bool, those on the far side.
        change: (N, K) log depth of the neighbours, less the pixel's own.

    Returns:
        (N,) bool.
    """
    near_colour = _mean_colour(around, near)  # (N, 3)
    far_colour = _mean_colour(around, far)
    to_near_colour = np.square(own - near_colour)  # (N, 3)
    to_far_colour = np.square(own - far_colour)
    to_near = to_near_colour.sum(axis=-1)
    to_far = to_far_colour.sum(axis=-1)
    is_like_near = to_near < to_far
    contrast = np.abs(near_colour - far_colour)
    has_contrast = contrast.max(axis=-1) > _CONTRAST

    # A blurred edge lies where the blurred value is half way. Networks blur inverse depth, here
    # that of either side relative to the pixel's own, which is 1.
    nearest_change = np.where(near, change, 0).min(axis=1)
    farthest_change = np.where(far, change, 0).max(axis=1)
    to_near_side = np.exp(-nearest_change) - 1
    to_far_side = 1 - np.exp(-farthest_change)
    is_nearer = to_near_side < to_far_side
    return np.where(has_contrast, is_like_near, is_nearer)


def _mean_colour(colours: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the mean (N, 3) of the chosen (N, K) of some colours (N, K, 3); black of none."""
    weighted = colours * chosen[..., None]
    total = weighted.sum(axis=1)
    count = np.maximum(chosen.sum(axis=1), 1)
    return total / count[:, None]


def _continued(
    view: View,
    depth: np.ndarray,
    normal: np.ndarray,
    source: Pixels,
    target: Pixels,
) -> np.ndarray:
    """Compute the depths (N,) at target pixels of the planes through source pixels.

    On a plane n . (z ray) is constant, and so z is proportional to 1 / (n . ray).

    Args:
        view: the camera.
        depth: (H, W) metres.
        normal: (H, W, 3) world.
        source: N pixels of surfaces.
        target: N pixels, each near its source.
    """
    rays = view.rays()
    normals_in_camera = normal[source] @ rotation_of(view)  # (N, 3)
    at_source = dot(normals_in_camera, rays[source])[:, 0]
    at_target = dot(normals_in_camera, rays[target])[:, 0]

    # A plane that the target's ray does not meet before the camera is taken as facing it.
    meets = at_target * at_source > 0
    divisor = np.where(at_target == 0, 1, at_target)
    ratio = np.where(meets, at_source / divisor, 1)
    ratio = np.clip(
        ratio,
        np.exp(-_LARGEST_CHANGE),
        np.exp(_LARGEST_CHANGE),
    )
    return depth[source] * ratio
