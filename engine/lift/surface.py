"""The surface of a depth map at each of its pixels: its place, its orientation, its slant."""

import numpy as np

from ..camera import View
from ..depth import DepthEstimate
from .discs import discs
from .vectors import dot, rotation_of

# Cosine between normal and ray below which a surface is seen edge on: its slant has no measure.
_LEAST_FACING = 1e-3


class Surface:
    """The points of a depth map and the disc that lies in the surface at each of them.

    Attributes:
        estimate: depth, normals and view, (H, W).
        rays: (H, W, 3) float32, camera frame, z = 1.
        points: (H, W, 3) float32, metres, world.
        rotations: (H, W, 4) float32, w x y z, world from disc; see `discs`.
        stretch: (H, W) float32, longest to shortest axis of the disc; see `discs`.
    """

    def __init__(self, estimate: DepthEstimate) -> None:
        """Compute points and discs of an estimate (H, W)."""
        view = estimate.view
        self.estimate = estimate
        self.rays = view.rays()
        self.points = view.unproject(estimate.depth).astype(np.float32)
        self.rotations, self.stretch = discs(view, self.rays, estimate.normal)
        self._slope: np.ndarray | None = None

    def slope(self) -> np.ndarray:
        """Return the relative change of depth per pixel on each pixel's own plane, (H, W).

        It is |n_xy| / (f |n . ray|) in the camera's frame.
        """
        if self._slope is None:
            self._slope = slopes(self.estimate.view, self.rays, self.estimate.normal)
        return self._slope


def slopes(view: View, rays: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Compute the relative change of depth per pixel on planes.

    Args:
        view: the camera of the rays.
        rays: (..., 3) camera frame, z = 1, through a point of each plane.
        normals: (..., 3) world, unit.

    Returns:
        (...) |n_xy| / (f |n . ray|), normals in the camera's frame.
    """
    normals_in_camera = normals @ rotation_of(view)
    facing = np.abs(dot(normals_in_camera, rays)[..., 0])
    facing = np.maximum(facing, _LEAST_FACING)
    tilt = np.hypot(
        normals_in_camera[..., 0],
        normals_in_camera[..., 1],
    )
    focal_length = np.float32(view.fx)  # pixels
    return tilt / (focal_length * facing)
