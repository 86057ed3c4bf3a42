"""The surface of a depth map at each of its pixels: its place, its orientation, its slant.

A splat of a surface is a flat disc in it. Seen from the photo's camera the disc shall be round and
as large as its pixel, and so it is stretched in the world along the slant of the surface.
"""

import numpy as np

from ..camera import View
from ..depth import DepthEstimate
from ..geometry import matrix_to_quaternion
from .vectors import dot, length, rotation_of

# Longest to shortest axis of a disc. Grazing ground needs a large one: with less, stripes open in
# it as the camera comes nearer; with more it smears.
MAX_STRETCH = 12.0

# Rays at a time: the intermediates of a rotation stay in the processor's cache.
_PORTION = 1 << 14

# Cosine between normal and ray below which a surface is seen edge on: its slant has no measure.
_LEAST_FACING = 1e-3

# Length of the slant's direction, sine of the angle between normal and ray, below which a surface
# faces the camera and the direction is noise.
_LEAST_SLANT = 1e-3

_TINY = 1e-6  # a length, against a division by zero


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


def discs(view: View, rays: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the discs that lie in surfaces and look round along rays.

    A disc's first axis is the part of the viewing direction that lies in the surface: along it the
    surface recedes, and along it the disc is stretched.

    Args:
        view: the camera of the rays.
        rays: (..., 3) camera frame, z = 1.
        normals: (..., 3) world, unit, facing the camera.

    Returns:
        Rotations (..., 4), w x y z, whose axes are along the slant, across it, and the normal; and
        the stretch along the slant (...).
    """
    rays, normals = np.broadcast_arrays(rays, normals)
    shape = rays.shape[:-1]
    flat_rays = rays.reshape(-1, 3)
    flat_normals = normals.reshape(-1, 3)
    count = len(flat_rays)
    rotations = np.empty((count, 4), np.float32)
    stretch = np.empty(count, np.float32)
    for first in range(0, count, _PORTION):
        part = slice(first, first + _PORTION)
        rotations[part], stretch[part] = _discs(view, flat_rays[part], flat_normals[part])
    return rotations.reshape(*shape, 4), stretch.reshape(shape)


def _discs(view: View, rays: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute `discs` of rays and normals (M, 3)."""
    rotation = rotation_of(view)
    towards_eye = -(rays @ rotation.T)  # (M, 3), world
    towards_eye /= length(towards_eye)
    cosine = dot(normals, towards_eye)  # (M, 1)

    # The slant: what is left of the viewing direction without its part along the normal.
    along = towards_eye - cosine * normals
    sine = length(along)  # (M, 1)
    along /= np.maximum(sine, _TINY)

    # A surface that faces the eye has no slant. Its disc lies along the picture's rows instead.
    camera_right = rotation[:, 0]
    sideways = camera_right - dot(camera_right, normals) * normals
    sideways /= np.maximum(length(sideways), _TINY)
    is_slanted = sine > _LEAST_SLANT
    along = np.where(is_slanted, along, sideways)

    across = np.cross(normals, along)
    axes = np.stack([along, across, normals], axis=-1)  # (M, 3, 3), an axis a column
    rotations = matrix_to_quaternion(axes)

    # The footprint of a disc on the picture shrinks along the slant by the cosine.
    shrinking = np.maximum(cosine[:, 0], _LEAST_FACING)
    stretch = np.minimum(1 / shrinking, MAX_STRETCH)
    return rotations, stretch


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
