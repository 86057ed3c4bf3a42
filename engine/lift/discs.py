"""Flat discs as splats: they lie in a surface and look round from the photo's camera.

Seen from the photo's camera a disc shall be round and as large as its pixel, and so it is stretched
in the world along the slant of the surface.
"""

import numpy as np

from ..camera import View
from ..geometry import matrix_to_quaternion
from ..splats.record import Splats
from .vectors import dot, length, rotation_of, unit

# Nearly opaque: a surface of single splats must close.
OPACITY = 0.99

# Standard deviation along the normal, of that across the slant: flat, but not infinitely thin.
THICKNESS = 0.15

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
        part_rays = flat_rays[part]
        part_normals = flat_normals[part]
        rotations[part], stretch[part] = _discs(view, part_rays, part_normals)
    return (
        rotations.reshape(*shape, 4),
        stretch.reshape(shape),
    )


def _discs(view: View, rays: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute `discs` of rays and normals (M, 3)."""
    rotation = rotation_of(view)
    towards_eye = -(rays @ rotation.T)  # (M, 3), world
    towards_eye /= length(towards_eye)
    cosine = dot(normals, towards_eye)  # (M, 1)

    # The slant: what is left of the viewing direction without its part along the normal.
    along = towards_eye - cosine * normals
    sine = length(along)  # (M, 1)
    along /= np.maximum(sine, _LEAST_SLANT)

    # A surface that faces the eye has no slant. Its disc lies along the picture's rows instead.
    camera_right = rotation[:, 0]
    off_surface = dot(camera_right, normals) * normals
    sideways = unit(camera_right - off_surface)
    is_slanted = sine > _LEAST_SLANT
    along = np.where(is_slanted, along, sideways)

    across = np.cross(normals, along)
    axes = np.stack([along, across, normals], axis=-1)  # (M, 3, 3), an axis a column
    rotations = matrix_to_quaternion(axes)

    # The footprint of a disc on the picture shrinks along the slant by the cosine.
    shrinking = np.maximum(cosine[:, 0], _LEAST_FACING)
    stretch = np.minimum(1 / shrinking, MAX_STRETCH)
    return rotations, stretch


def disc_splats(
    points: np.ndarray,
    rotations: np.ndarray,
    stretch: np.ndarray,
    footprint: np.ndarray,
    colours: np.ndarray,
    confidence: np.ndarray,
    origin: int,
) -> Splats:
    """Make splats of discs; they belong to no region yet.

    Args:
        points: (N, 3) metres, world.
        rotations: (N, 4) of `discs`.
        stretch: (N,) of `discs`.
        footprint: (N,) standard deviation across the slant, metres.
        colours: (N, 3) sRGB-encoded.
        confidence: (N,) 0..1.
        origin: the value of `Splats.origin` for all of them.
    """
    count = len(points)
    along = footprint * stretch
    thickness = footprint * THICKNESS
    return Splats(
        positions=points,
        scales=np.stack([along, footprint, thickness], axis=-1),
        rotations=rotations,
        opacities=np.full(count, OPACITY),
        colors=colours,
        confidence=confidence,
        region=np.full(count, -1),
        origin=np.full(count, origin),
    )
