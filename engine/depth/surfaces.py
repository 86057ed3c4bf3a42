"""Normals of a depth map, and the depth of the sky behind it."""

import numpy as np

from ..camera import View

_SKY_DEPTH = 100.0  # metres at least
_SKY_FACTOR = 1.5  # times the farthest thing, where that is more


def normals(view: View, depth: np.ndarray) -> np.ndarray:
    """Compute the normals of a depth map; at a depth edge each side keeps its own surface's.

    Along each axis the one-sided difference that bends the inverse depth less is taken: inverse
    depth is linear in the picture on any plane, so a plane's normals are exact up to its last
    pixel.

    Args:
        view: of the grid.
        depth: (H, W) planar metres, finite.

    Returns:
        (H, W, 3) float32, world, unit length, facing the camera.
    """
    rays = view.rays()
    ray_x = rays[..., 0]
    ray_y = rays[..., 1]
    inverse_depth = 1 / depth.astype(np.float64)

    # On the plane n . p = 1, with p = ray * depth, the inverse depth is n . ray: its slopes in the
    # picture are n_x / fx and n_y / fy, and n_z is what is left of it.
    slope_x = _one_sided(inverse_depth, 1)
    slope_y = _one_sided(inverse_depth, 0)
    normal_x = slope_x * view.fx
    normal_y = slope_y * view.fy
    normal_z = inverse_depth - normal_x * ray_x - normal_y * ray_y
    normal = np.stack([normal_x, normal_y, normal_z], axis=-1)

    # The normal of n . p = 1 points away from the camera.
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    normal = -normal / length
    rotation = view.world_from_camera[:3, :3]
    normal = normal @ rotation.T
    return normal.astype(np.float32)


def _one_sided(values: np.ndarray, axis: int) -> np.ndarray:
    """Compute the forward or the backward difference at each pixel, on its smoother side.

    Args:
        values: (H, W).
        axis: along which the differences are taken.

    Returns:
        (H, W), a pixel.
    """
    values = np.moveaxis(values, axis, 0)
    count = len(values)
    if count < 2:
        flat = np.zeros_like(values)
        return np.moveaxis(flat, 0, axis)
    step = np.diff(values, axis=0)
    forward = np.vstack([step, step[-1:]])
    backward = np.vstack([step[:1], step])

    # A difference that crosses a depth edge is unlike the next one, further on in its direction.
    bend = np.diff(step, axis=0)
    bend = np.abs(bend)
    first = values[:1]
    unknown = np.full_like(first, np.inf)  # at the picture's border there is no next one
    bend_ahead = np.vstack([bend, unknown, unknown])
    bend_behind = np.vstack([unknown, unknown, bend])
    bend_ahead = bend_ahead[:count]  # a picture of two pixels has no bend at all
    bend_behind = bend_behind[-count:]
    is_smoother_ahead = bend_ahead <= bend_behind
    chosen = np.where(is_smoother_ahead, forward, backward)
    return np.moveaxis(chosen, 0, axis)


def behind_all(depth: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Move the sky behind everything else.

    Args:
        depth: (H, W) float32, metres.
        sky: (H, W) bool.

    Returns:
        (H, W) float32, metres.
    """
    rest = depth[~sky]
    farthest = float(rest.max(initial=0))
    sky_depth = max(_SKY_DEPTH, _SKY_FACTOR * farthest)
    return np.where(sky, np.float32(sky_depth), depth)
