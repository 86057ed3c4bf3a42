"""What follows from a depth map: its normals, and how far behind it the sky lies."""

import numpy as np

from ..camera import View

_SKY_DEPTH = 100.0  # metres
_SKY_FACTOR = 1.5  # times the farthest thing, where that is more


def normals(view: View, depth: np.ndarray) -> np.ndarray:
    """Normals of a depth map; at a depth edge each side keeps its own surface's.

    Along each axis the one-sided difference that bends the inverse depth less is taken: inverse depth is linear in the
    picture on any plane, so a plane's normals are exact up to its last pixel.

    Args:
        view: of the grid.
        depth: (H, W) planar metres, finite.

    Returns:
        (H, W, 3) float32, world, unit length, facing the camera.
    """
    rays = view.rays()
    inverse = 1 / depth.astype(np.float64)
    # On the plane n . p = 1, with p = ray * depth, the inverse depth is n . ray: its slopes are n_x / fx and n_y / fy.
    slope_x = _one_sided(inverse, 1) * view.fx
    slope_y = _one_sided(inverse, 0) * view.fy
    normal = np.stack(
        [slope_x, slope_y, inverse - slope_x * rays[..., 0] - slope_y * rays[..., 1]], axis=-1
    )
    # n . p = 1 points away from the camera.
    normal = -normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    return (normal @ view.world_from_camera[:3, :3].T).astype(np.float32)


def _one_sided(values: np.ndarray, axis: int) -> np.ndarray:
    """The forward or backward difference a pixel, whichever agrees better with its own neighbour further on."""
    values = np.moveaxis(values, axis, 0)
    if len(values) < 2:
        return np.zeros_like(np.moveaxis(values, 0, axis))
    step = np.diff(values, axis=0)
    forward, backward = np.vstack([step, step[-1:]]), np.vstack([step[:1], step])
    bend = np.abs(np.diff(step, axis=0))
    far = np.full_like(values[:1], np.inf)
    # The bend of the forward difference is that between it and the next; so for the backward one.
    ahead = np.vstack([bend, far, far])[: len(values)]
    behind = np.vstack([far, far, bend])[-len(values) :]
    chosen = np.where(ahead <= behind, forward, backward)
    return np.moveaxis(chosen, 0, axis)


def behind_all(depth: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Depth (H, W) float32 metres with the sky (H, W) bool behind all else."""
    beyond = max(_SKY_DEPTH, _SKY_FACTOR * float(depth[~sky].max(initial=0)))
    return np.where(sky, np.float32(beyond), depth)
