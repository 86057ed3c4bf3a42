"""Depth edges: where one surface ends before another, and the flying pixels between the two.

A depth map blurs its edges: pixels hang in the air between the near and the far surface. Along a line of pixels a plane's
inverse depth is linear, so a pixel that lies on no straight run of it, and between its surroundings' extremes, flies.
It joins the side whose colour is more like its own. A thin structure is nearer than all around it and stays.
"""

from dataclasses import replace

import cv2
import numpy as np

from ..camera import View
from ..depth import DepthEstimate

EDGE_STEP = 0.06  # a depth step of more, beyond what the slant explains, is an edge
EDGE_MARGIN_PX = 3  # how far wide splats keep from the near side of an edge
_BEND = 0.02  # relative second difference of the inverse depth: a straight run bends less
_RUN = 5  # pixels in a line that make a surface
_REACH = 2  # pixels: how wide a blurred edge is taken back at a pass, from either side
_PASSES = 2
_BETWEEN = EDGE_STEP / 2  # in log depth: how far a flying pixel is from both sides at least
_CONTRAST = 0.08  # of sRGB's range: with less between the two sides a colour decides nothing
_SLIGHT = 0.4  # of a unit normal, towards the camera: with less, a step was measured and no slant
_LARGEST_CHANGE = (
    0.1  # in log depth: how far a surface is continued by its slant within a few pixels
)


def find_edges(
    depth: np.ndarray, slope: np.ndarray, margin: int = EDGE_MARGIN_PX
) -> tuple[np.ndarray, np.ndarray]:
    """The near sides of depth edges, and the far sides, `margin` pixels wide; of one pixel, the last ones of each side.

    A step counts as an edge where the surface's own slant does not explain it.

    Args:
        depth: (H, W) metres.
        slope: (H, W) relative change of depth per pixel on the pixel's own plane.
        margin: pixels.

    Returns:
        Two (H, W) bool.
    """
    log_depth = np.log(depth)
    window = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    allowed = EDGE_STEP + 2 * margin * slope
    near_side = cv2.dilate(log_depth, window) - log_depth > allowed
    far_side = log_depth - cv2.erode(log_depth, window) > allowed
    return near_side, far_side


def snapped(estimate: DepthEstimate, colours: np.ndarray) -> DepthEstimate:
    """The estimate with each flying pixel put on the near or the far surface beside it, its normal that surface's.

    Where a structure is too thin to have a measured slant across it, its normal is turned to the camera across it.

    Args:
        estimate: depth (H, W).
        colours: (H, W, 3) float32, sRGB-encoded.
    """
    view, depth, normal = estimate.view, estimate.depth, estimate.normal
    for last in (False,) * _PASSES + (True,):
        loose = _loose(depth)
        if not any(part.any() for part in loose):
            break
        normal = _faced(view, normal, loose)
        flying = (loose[0] | loose[1]) & _between(depth)
        if not last and flying.any():
            depth, normal = _landed(view, depth, normal, colours, flying)
    return replace(estimate, depth=depth, normal=normal)


def find_flying(depth: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels on no straight run of inverse depth along a row or a column, between nearer and farther ones."""
    loose = _loose(depth)
    return (loose[0] | loose[1]) & _between(depth)


def _between(depth: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels with others both clearly nearer and clearly farther within _REACH."""
    log_depth = np.log(depth).astype(np.float32)
    window = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
    nearest, farthest = cv2.erode(log_depth, window), cv2.dilate(log_depth, window)
    return (log_depth - nearest > _BETWEEN) & (farthest - log_depth > _BETWEEN)


def _loose(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool each: pixels at a depth step that no _RUN straight pixels of their column contain, and of their row."""
    window = np.ones((3, 3), np.uint8)
    step = cv2.dilate(depth, window) > cv2.erode(depth, window) * (1 + EDGE_STEP)
    inverse = (1 / depth).astype(np.float32)
    return _on_no_run(inverse, 0) & step, _on_no_run(inverse, 1) & step


def _on_no_run(inverse: np.ndarray, axis: int) -> np.ndarray:
    """(H, W) bool: pixels that no _RUN straight pixels along the axis contain."""
    bent = np.zeros(inverse.shape, np.uint8)
    middle = tuple(slice(1, -1) if k == axis else slice(None) for k in (0, 1))
    bent[middle] = np.abs(np.diff(inverse, 2, axis=axis)) > _BEND * inverse[middle]
    crooked = cv2.dilate(bent, _line(_RUN - 2, axis))
    return cv2.dilate(1 - crooked, _line(_RUN, axis)) == 0


def _line(length: int, axis: int) -> np.ndarray:
    """A window of so many pixels along the axis."""
    return np.ones((length, 1) if axis == 0 else (1, length), np.uint8)


def _faced(view: View, normal: np.ndarray, loose: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Normals (H, W, 3) turned to the camera across what has no straight run that way."""
    at = np.nonzero(loose[0] | loose[1])
    turn = view.world_from_camera[:3, :3].astype(np.float32)
    facing = normal[at] @ turn
    facing[:, 1][loose[0][at]] = 0
    facing[:, 0][loose[1][at]] = 0
    facing = np.where(facing[:, 2:] < -_SLIGHT, facing, np.array([0, 0, -1], np.float32))
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    normal = normal.copy()
    normal[at] = facing @ turn.T
    return normal


def _landed(
    view: View, depth: np.ndarray, normal: np.ndarray, colours: np.ndarray, flying: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Depth and normals with the flying pixels on the surfaces of firm pixels at most _REACH away."""
    rows, columns = np.nonzero(flying)
    offsets = np.array(
        [(i, j) for i in range(-_REACH, _REACH + 1) for j in range(-_REACH, _REACH + 1) if i or j]
    )
    offsets = offsets[np.argsort(np.square(offsets).sum(axis=1), kind="stable")]  # nearest first
    at = rows[:, None] + offsets[:, 0], columns[:, None] + offsets[:, 1]
    inside = (at[0] >= 0) & (at[0] < depth.shape[0]) & (at[1] >= 0) & (at[1] < depth.shape[1])
    at = np.clip(at[0], 0, depth.shape[0] - 1), np.clip(at[1], 0, depth.shape[1] - 1)
    firm = inside & ~flying[at]
    change = np.log(depth[at] / depth[rows, columns][:, None])
    near, far = firm & (change < -_BETWEEN), firm & (change > _BETWEEN)
    both = near.any(axis=1) & far.any(axis=1)
    joins_near = _likes_near(colours, (rows, columns), at, near, far, change)
    chosen = np.where(
        joins_near, near.argmax(axis=1), far.argmax(axis=1)
    )  # the nearest pixel of its side
    from_row, from_column = (
        np.take_along_axis(part, chosen[:, None], axis=1)[both, 0] for part in at
    )
    rows, columns = rows[both], columns[both]
    depth, normal = depth.copy(), normal.copy()
    depth[rows, columns] = _continued(view, depth, normal, (from_row, from_column), (rows, columns))
    normal[rows, columns] = normal[from_row, from_column]
    return depth, normal


def _likes_near(
    colours: np.ndarray,
    own: tuple[np.ndarray, np.ndarray],
    at: tuple[np.ndarray, np.ndarray],
    near: np.ndarray,
    far: np.ndarray,
    change: np.ndarray,
) -> np.ndarray:
    """(N,) bool: whether a pixel's colour, or where the two sides have one colour its depth, is the near side's."""
    around, mine = colours[at], colours[own]
    means = [
        (around * side[..., None]).sum(axis=1) / np.maximum(side.sum(axis=1), 1)[:, None]
        for side in (near, far)
    ]
    telling = np.abs(means[0] - means[1]).max(axis=-1) > _CONTRAST
    to_near, to_far = (np.square(mine - mean).sum(axis=-1) for mean in means)
    least, most = np.where(near, change, 0).min(axis=1), np.where(far, change, 0).max(axis=1)
    # A blurred edge lies where the blurred value is half way; networks blur inverse depth: 1/z relative to the pixel's own.
    nearer = np.exp(-least) - 1 < 1 - np.exp(-most)
    return np.where(telling, to_near < to_far, nearer)


def _continued(
    view: View,
    depth: np.ndarray,
    normal: np.ndarray,
    source: tuple[np.ndarray, np.ndarray],
    target: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """(N,) depths at target pixels of the planes through source pixels (rows, columns)."""
    rays = view.rays()
    facing = normal[source] @ view.world_from_camera[:3, :3].astype(np.float32)
    here, there = (np.sum(facing * rays[pixels], axis=-1) for pixels in (source, target))
    ratio = np.where(there * here > 0, here / np.where(there == 0, 1, there), 1)
    return depth[source] * np.clip(ratio, np.exp(-_LARGEST_CHANGE), np.exp(_LARGEST_CHANGE))
