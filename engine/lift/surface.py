"""The surface of a depth map at each of its pixels: where it lies, how it is turned, how far its slant stretches a disc."""

import numpy as np

from ..camera import View
from ..depth import DepthEstimate
from ..geometry import matrix_to_quaternion

MAX_STRETCH = 12.0  # longest to shortest axis on the surface: less opens stripes in grazing ground when nearer, more smears
_PORTION = 1 << 14  # discs at a time: what a rotation needs on the way stays in the cache
_FACING_LEAST = 1e-3  # cosine below which a surface is seen edge on and its slant has no measure


class Surface:
    """The frame of each pixel's disc: along the slant, across it, the normal; and how far the slant stretches it."""

    def __init__(self, estimate: DepthEstimate) -> None:
        """Of the depth, normals and view of an estimate, (H, W)."""
        self.estimate = estimate
        view = estimate.view
        self.rays = view.rays()
        self.points = view.unproject(estimate.depth).astype(np.float32)
        self.rotations, self.stretch = discs(view, self.rays, estimate.normal)

        self._slope: np.ndarray | None = None

    def slope(self) -> np.ndarray:
        """(H, W) relative change of depth per pixel on the pixel's own plane: |n_xy| / (f |n . ray|), camera frame."""
        if self._slope is None:
            self._slope = slopes(self.estimate.view, self.rays, self.estimate.normal)
        return self._slope


def discs(view: View, rays: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How discs lie in surfaces seen along rays.

    A disc stretches along the part of the viewing direction that lies in the surface.

    Args:
        view: the camera of the rays.
        rays: (..., 3) camera frame, z = 1.
        normals: (..., 3) world, unit, facing the camera.

    Returns:
        Rotations (..., 4), w x y z: along the slant, across it, the normal; and the stretch along the slant (...).
    """
    rays, normals = np.broadcast_arrays(rays, normals)
    shape = rays.shape[:-1]
    rays, normals = rays.reshape(-1, 3), normals.reshape(-1, 3)
    rotations, stretch = np.empty((len(rays), 4), np.float32), np.empty(len(rays), np.float32)
    for first in range(0, len(rays), _PORTION):
        part = slice(first, first + _PORTION)
        rotations[part], stretch[part] = _discs(view, rays[part], normals[part])
    return rotations.reshape(*shape, 4), stretch.reshape(shape)


def _discs(view: View, rays: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`discs` of rays and normals (M, 3)."""
    towards_eye = -(rays @ view.world_from_camera[:3, :3].T.astype(np.float32))
    towards_eye /= np.linalg.norm(towards_eye, axis=-1, keepdims=True)
    cosine = np.sum(normals * towards_eye, axis=-1)
    along = towards_eye - cosine[..., None] * normals
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    sideways = view.world_from_camera[:3, 0].astype(np.float32)
    sideways = sideways - np.sum(sideways * normals, axis=-1, keepdims=True) * normals
    sideways /= np.maximum(np.linalg.norm(sideways, axis=-1, keepdims=True), 1e-6)
    along = np.where(length > 1e-3, along / np.maximum(length, 1e-6), sideways)
    stretch = np.minimum(1 / np.maximum(cosine, _FACING_LEAST), MAX_STRETCH)
    return matrix_to_quaternion(
        np.stack([along, np.cross(normals, along), normals], axis=-1)
    ), stretch


def slopes(view: View, rays: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Relative change of depth per pixel on planes seen along rays (..., 3), camera frame; normals (..., 3), world."""
    turned = normals @ view.world_from_camera[:3, :3].astype(np.float32)
    facing = np.abs(np.sum(turned * rays, axis=-1))
    return np.hypot(turned[..., 0], turned[..., 1]) / (
        np.float32(view.fx) * np.maximum(facing, _FACING_LEAST)
    )
